import { type DescEnum, type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";

/** JSON forms of well-known types, which have no fields in JSON. */
const WELL_KNOWN: Readonly<Record<string, JsonValue>> = {
  "google.protobuf.Timestamp": "2026-01-31T12:00:00Z",
  "google.protobuf.Duration": "1.5s",
  "google.protobuf.FieldMask": "",
  "google.protobuf.Struct": {},
  "google.protobuf.Value": null,
  "google.protobuf.ListValue": [],
  "google.protobuf.Any": {},
};

/** A request to fill in: every field once, lists and maps with one element; of a oneof the first. */
export function requestTemplate(message: DescMessage, around: readonly DescMessage[] = []): JsonValue {
  const wellKnown = WELL_KNOWN[message.typeName];
  if (wellKnown !== undefined) return wellKnown;
  // A message inside itself has no end.
  if (around.includes(message)) return {};
  const fields = message.fields.filter((field) => !field.oneof || field.oneof.fields[0] === field);
  return Object.fromEntries(fields.map((field) => [field.jsonName, fieldTemplate(field, [...around, message])]));
}

function fieldTemplate(field: DescField, around: readonly DescMessage[]): JsonValue {
  const element = elementTemplate(field, around);
  if (field.fieldKind === "list") return [element];
  if (field.fieldKind !== "map") return element;
  return { [field.mapKey === ScalarType.STRING ? "key" : field.mapKey === ScalarType.BOOL ? "true" : "1"]: element };
}

function elementTemplate(field: DescField, around: readonly DescMessage[]): JsonValue {
  if (field.message) return requestTemplate(field.message, around);
  if (field.enum) return enumTemplate(field.enum);
  switch (field.scalar) {
    case ScalarType.STRING:
      return "";
    case ScalarType.BYTES:
      return "@file";
    case ScalarType.BOOL:
      return false;
    default:
      return 0;
  }
}

function enumTemplate({ values }: DescEnum): string {
  // The first stands for "not said".
  return (values[1] ?? values[0]!).name;
}
