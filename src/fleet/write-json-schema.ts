import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fleetJsonSchema } from "./json-schema.js";
import { packageRoot } from "./package-root.js";

/** Where the JSON Schema is published. */
export const JSON_SCHEMA_FILE = join(packageRoot(), "docs/fleet.schema.json");

/** The JSON Schema's file, to the letter. */
export function jsonSchemaText(): string {
  return `${JSON.stringify(fleetJsonSchema(), null, 2)}\n`;
}

// Run after a change of schema.ts: `node dist/src/fleet/write-json-schema.js`. A test fails until it has been.
if (process.argv[1] === import.meta.filename) writeFileSync(JSON_SCHEMA_FILE, jsonSchemaText());
