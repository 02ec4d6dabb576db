import { WireReader, WireType } from "../../contract/wire.js";
import { toText } from "./wire-text.js";

/** The value of an `InferParameter`; undefined where it has none. */
export type ParameterValue = boolean | bigint | number | string | undefined;

/** Parameters of a request or of one of its tensors. */
export type Parameters = Map<string, ParameterValue>;

/** One entry of a `map<string, InferParameter>`. @throws Fault INVALID_INPUT */
export function readParameterEntry(
  bytes: Uint8Array<ArrayBuffer>,
  field: string,
): { key: string; value: ParameterValue } {
  let key = "";
  let value: ParameterValue;
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === ((1 << 3) | WireType.BYTES)) key = toText(reader.delimited(), field);
    else if (tag === ((2 << 3) | WireType.BYTES)) value = readParameter(reader.delimited(), field);
    else reader.skip(tag & 7);
  }
  return { key, value };
}

function readParameter(bytes: Uint8Array<ArrayBuffer>, field: string): ParameterValue {
  let value: ParameterValue;
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case (1 << 3) | WireType.VARINT:
        value = reader.uint64() !== 0n;
        break;
      case (2 << 3) | WireType.VARINT:
        value = reader.int64();
        break;
      case (3 << 3) | WireType.BYTES:
        value = toText(reader.delimited(), field);
        break;
      case (4 << 3) | WireType.FIXED64:
        value = reader.double();
        break;
      case (5 << 3) | WireType.VARINT:
        value = reader.uint64();
        break;
      default:
        reader.skip(tag & 7);
    }
  }
  return value;
}
