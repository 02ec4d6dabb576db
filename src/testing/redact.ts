import {
  type DescField,
  type DescMessage,
  fromBinary,
  getOption,
  hasOption,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/** Takes out of a serialized message what the contract calls sensitive. */
export type Redact = (bytes: Uint8Array) => Uint8Array;

/**
 * A redactor for the messages of one type: fields with the option `(flotilla.v1.sensitive)` are left out, at any depth,
 * and so are fields that the type does not know. Where no field is sensitive, messages stay as they are.
 * @param registry holds the option where any file of the contract imports it
 * @returns throws where bytes are no message of the type
 */
export function createRedactor(schema: DescMessage, registry: Registry): Redact {
  const isSensitive = sensitivity(registry);
  if (!holdsSensitive(schema, isSensitive, new Set())) return (bytes) => bytes;
  return (bytes) => {
    const message = fromBinary(schema, bytes, { readUnknownFields: false });
    clearSensitive(reflect(schema, message), isSensitive);
    return toBinary(schema, message);
  };
}

type IsSensitive = (field: DescField) => boolean;

function sensitivity(registry: Registry): IsSensitive {
  const option = registry.getExtension("flotilla.v1.sensitive");
  if (!option) return () => false;
  return (field) => hasOption(field, option) && getOption(field, option) === true;
}

/** Also of messages inside, which may hold themselves. */
function holdsSensitive(schema: DescMessage, isSensitive: IsSensitive, seen: Set<DescMessage>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  return schema.fields.some(
    (field) => isSensitive(field) || (field.message && holdsSensitive(field.message, isSensitive, seen)),
  );
}

function clearSensitive(message: ReflectMessage, isSensitive: IsSensitive): void {
  for (const field of message.fields) {
    if (isSensitive(field)) message.clear(field);
    else if (field.message) for (const inner of messagesIn(message, field)) clearSensitive(inner, isSensitive);
  }
}

function messagesIn(message: ReflectMessage, field: DescField): Iterable<ReflectMessage> {
  if (!message.isSet(field)) return [];
  if (field.fieldKind === "list") return message.get(field) as Iterable<ReflectMessage>;
  if (field.fieldKind === "map") return message.get(field).values() as Iterable<ReflectMessage>;
  return [message.get(field) as ReflectMessage];
}
