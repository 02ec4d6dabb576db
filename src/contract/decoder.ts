import type { MessageBinding } from "./binding.js";
import { RecordDecoder, RecordPlan } from "./record-decoder.js";
import type { Signature } from "./signature.js";
import type { Tensor } from "./tensor.js";
import { type FieldDecoder, TensorDecoder } from "./tensor-decoder.js";
import { WireReader } from "./wire.js";

/**
 * Request bytes to tensors, one for each input that the message binds. Takes the bytes: tensors are views of them, and
 * long fields are moved within them so that they can be.
 * @throws Fault INVALID_INPUT naming field, expected and got
 */
export type Decoder = (bytes: Uint8Array<ArrayBuffer>) => Tensor[];

/** A decoder for a request message: what its bindings mean is worked out here, once. */
export function createDecoder(binding: MessageBinding, signature: Signature): Decoder {
  const plans = binding.records.map((record) => new RecordPlan(record, signature.inputs));
  const makers = [
    ...binding.tensors.map((field) => ({ number: field.number, make: (): FieldDecoder => new TensorDecoder(field) })),
    ...plans.map((plan) => ({ number: plan.binding.number, make: (): FieldDecoder => new RecordDecoder(plan) })),
  ];
  const slots = new Map(makers.map(({ number }, slot) => [number, slot]));
  return (bytes) => {
    const fields = makers.map(({ make }) => make());
    const reader = new WireReader(bytes);
    while (!reader.done) {
      const tag = reader.tag();
      const slot = slots.get(tag >>> 3);
      if (slot === undefined) reader.skip(tag & 7);
      else fields[slot]!.read(reader, tag & 7);
    }
    if (fields.length === 1) return fields[0]!.finish();
    return fields.flatMap((field) => field.finish());
  };
}
