import type { MessageBinding, TensorField } from "./binding.js";
import type { NumericData } from "./datatype.js";
import { Fault } from "./fault.js";
import { pack, packedSize, wireTypeOf } from "./packed.js";
import { RecordEncoder } from "./record-encoder.js";
import { findOutput, type Part } from "./response-part.js";
import { shapeFits } from "./signature.js";
import { elementCount, formatShape, type Tensor } from "./tensor.js";
import { messageShape } from "./tensor-decoder.js";
import { delimitedSize, tagSize, varint64Size, varintSize, WireType, WireWriter } from "./wire.js";

/**
 * A model's outputs to response bytes: one piece of memory, into which each output is copied once.
 * @throws Fault RUN_FAILED where the model gave what the contract does not describe
 */
export type Encoder = (outputs: readonly Tensor[]) => Buffer<ArrayBuffer>;

/** An encoder for a response message. */
export function createEncoder(binding: MessageBinding): Encoder {
  const records = binding.records.map((record) => new RecordEncoder(record));
  return (outputs) => {
    const parts: Part[] = [];
    for (const field of binding.tensors) parts.push(tensorPart(field, findOutput(outputs, field.tensor)));
    for (const record of records) parts.push(record.part(outputs));
    const writer = new WireWriter(parts.reduce((total, part) => total + part.byteLength, 0));
    for (const part of parts) part.write(writer);
    return writer.finish();
  };
}

function tensorPart(field: TensorField, tensor: Tensor): Part {
  const shape = messageShape(field);
  if (tensor.datatype !== field.datatype || !shapeFits(shape, tensor.shape)) {
    const got = `${tensor.datatype}${formatShape(tensor.shape)}`;
    throw new Fault(
      "RUN_FAILED",
      `output "${tensor.name}": contract ${field.datatype}${formatShape(shape)}, model gave ${got}`,
    );
  }
  if (field.form === "shaped") return shapedPart(field, tensor);
  return field.scalar === "string"
    ? stringsPart(field.number, tensor.data as string[])
    : valuesPart(field, field.number, tensor);
}

/** The elements, as a packed, `bytes` or single field. */
function valuesPart(field: TensorField, number: number, tensor: Tensor): Part {
  const data = tensor.data as NumericData;
  const size = packedSize(field.scalar, data);
  if (field.form === "scalar") {
    if (elementCount(tensor.shape) !== 1) throw new Fault("RUN_FAILED", `output "${tensor.name}" is not one value`);
    return {
      byteLength: tagSize(number) + size,
      write: (writer) => {
        writer.tag(number, wireTypeOf(field.scalar));
        pack(writer, field.scalar, data);
      },
    };
  }
  return {
    byteLength: delimitedSize(number, size),
    write: (writer) => {
      writer.tag(number, WireType.BYTES);
      writer.varint(size);
      pack(writer, field.scalar, data);
    },
  };
}

function stringsPart(number: number, strings: readonly string[]): Part {
  return {
    byteLength: strings.reduce((total, text) => total + delimitedSize(number, Buffer.byteLength(text)), 0),
    write: (writer) => {
      for (const text of strings) {
        writer.tag(number, WireType.BYTES);
        writer.string(text);
      }
    },
  };
}

/** A message with `shape` (1) and `values` (2). */
function shapedPart(field: TensorField, tensor: Tensor): Part {
  const values = field.scalar === "string" ? stringsPart(2, tensor.data as string[]) : valuesPart(field, 2, tensor);
  const shapeSize = tensor.shape.reduce((total, dimension) => total + varint64Size(BigInt(dimension)), 0);
  const size = delimitedSize(1, shapeSize) + values.byteLength;
  return {
    byteLength: tagSize(field.number) + varintSize(size) + size,
    write: (writer) => {
      writer.tag(field.number, WireType.BYTES);
      writer.varint(size);
      writer.tag(1, WireType.BYTES);
      writer.varint(shapeSize);
      for (const dimension of tensor.shape) writer.varint(dimension);
      values.write(writer);
    },
  };
}
