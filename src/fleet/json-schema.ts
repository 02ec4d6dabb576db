import { z } from "zod";
import type { PathStep } from "./findings.js";
import { FleetSchema } from "./schema.js";

/** The part of a JSON Schema that the fleet file's has. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

let made: JsonSchema | undefined;

/** The fleet file's format as a JSON Schema, draft 7, as editors want it. */
export function fleetJsonSchema(): JsonSchema {
  // The only value kept by this module: made on first use, the same ever after.
  made ??= z.toJSONSchema(FleetSchema, {
    io: "input",
    target: "draft-7",
    reused: "inline",
    // zod leaves out defaults and examples of what is transformed; ours are as they are written in the file.
    override: ({ zodSchema, jsonSchema }) => {
      const { default: fallback, examples } = z.globalRegistry.get(zodSchema) ?? {};
      if (fallback !== undefined) jsonSchema.default = fallback as typeof jsonSchema.default;
      if (examples !== undefined) jsonSchema.examples = examples as typeof jsonSchema.examples;
    },
  }) as JsonSchema;
  return made;
}

/** The schema of what stands at `path`, or undefined where nothing may. */
export function schemaAt(path: readonly PathStep[]): JsonSchema | undefined {
  let schema: JsonSchema | undefined = fleetJsonSchema();
  for (const step of path) {
    schema = schema && allForms(schema);
    if (schema === undefined) return undefined;
    if (typeof step === "number") schema = schema.items;
    else if (schema.properties !== undefined) {
      schema = Object.hasOwn(schema.properties, step) ? schema.properties[step] : undefined;
    } else schema = schema.additionalProperties || undefined;
  }
  return schema && allForms(schema);
}

/** What holds for each of the forms that a value may have, put together: a text has a pattern, a mapping has keys. */
function allForms(schema: JsonSchema): JsonSchema {
  return Object.assign({}, ...(schema.anyOf ?? []), schema);
}

/** Where the format knows a key: `spec.defaults`, `spec.contracts[].revisions.*`. The whole file is `""`. */
export function placesOfKey(key: string): string[] {
  const places: string[] = [];
  visit(fleetJsonSchema(), "", (schema, place) => {
    if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) places.push(place);
  });
  return places;
}

function visit(schema: JsonSchema, place: string, see: (schema: JsonSchema, place: string) => void): void {
  see(schema, place);
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    visit(property, place === "" ? key : `${place}.${key}`, see);
  }
  if (schema.additionalProperties) visit(schema.additionalProperties, `${place}.<name>`, see);
  if (schema.items) visit(schema.items, `${place}[]`, see);
}
