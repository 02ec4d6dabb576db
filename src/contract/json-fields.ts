import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

/** A value of one scalar field, in protobuf's JSON mapping. */
export type ScalarVisitor = (type: ScalarType, value: JsonValue, field: DescField) => JsonValue;

/** A message's JSON with every scalar replaced by what `visit` makes of it. What fits no field stays as it is. */
export function mapScalars(message: DescMessage, json: JsonValue, visit: ScalarVisitor): JsonValue {
  // Well-known types have a JSON form of their own.
  if (!isObject(json) || message.typeName.startsWith("google.protobuf.")) return json;
  const fields = new Map(message.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field]]));
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = fields.get(name);
      return [name, field ? mapField(field, value, visit) : value];
    }),
  );
}

/** The shortest number that is the same 32-bit float: 0.1, where a double would print 0.10000000149011612. */
export const shortenFloat: ScalarVisitor = (type, value) => {
  if (type !== ScalarType.FLOAT || typeof value !== "number") return value;
  const digits = [6, 7, 8].find((count) => Math.fround(Number(value.toPrecision(count))) === value);
  // Nine are always enough.
  return Number(value.toPrecision(digits ?? 9));
};

function mapField(field: DescField, json: JsonValue, visit: ScalarVisitor): JsonValue {
  if (field.fieldKind === "list" && Array.isArray(json))
    return json.map((element) => mapElement(field, element, visit));
  if (field.fieldKind === "map" && isObject(json)) {
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, mapElement(field, value, visit)]));
  }
  return mapElement(field, json, visit);
}

function mapElement(field: DescField, json: JsonValue, visit: ScalarVisitor): JsonValue {
  if (field.message) return mapScalars(field.message, json, visit);
  return field.scalar === undefined ? json : visit(field.scalar, json, field);
}

function isObject(json: JsonValue): json is { [name: string]: JsonValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
