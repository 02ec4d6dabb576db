import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/** The values that one field has in a message, however often it occurs in it. */
export interface LeafValues {
  readonly field: string;
  /** Numbers, or names: of enums, texts and truth values. Absent fields and bytes have no value. */
  readonly values: (number | string)[];
}

/** A message's values by field, as tolerances name them: `diagnoses.malignant_probability`. */
export function leafValues(schema: DescMessage, message: Message): Map<string, LeafValues> {
  const found = new Map<string, LeafValues>();
  collect(found, reflect(schema, message), "");
  return found;
}

function collect(found: Map<string, LeafValues>, message: ReflectMessage, around: string): void {
  for (const field of message.desc.fields) {
    const name = around === "" ? field.name : `${around}.${field.name}`;
    for (const value of valuesOf(message, field)) {
      if (field.message) collect(found, value as ReflectMessage, name);
      else add(found, name, toValue(field, value));
    }
  }
}

function valuesOf(message: ReflectMessage, field: DescField): Iterable<unknown> {
  if (field.fieldKind === "list") return message.get(field);
  if (field.fieldKind === "map") return message.get(field).values();
  if (field.fieldKind === "message" || field.oneof) return message.isSet(field) ? [message.get(field)] : [];
  return [message.get(field)];
}

function add(found: Map<string, LeafValues>, field: string, value: number | string | undefined): void {
  if (value === undefined) return;
  const known = found.get(field);
  if (known) known.values.push(value);
  else found.set(field, { field, values: [value] });
}

function toValue(field: DescField, value: unknown): number | string | undefined {
  if (field.enum) return field.enum.value[value as number]?.name ?? String(value);
  if (field.scalar === ScalarType.BYTES) return undefined;
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" ? value : Number(value);
}
