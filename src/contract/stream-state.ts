import type { MessageBinding, StateBinding, TensorField } from "./binding.js";
import { createData, type NumericData } from "./datatype.js";
import { elementCount, type Tensor } from "./tensor.js";

/**
 * What one stream carries from message to message: state tensors, and the tail of a field with `overlap`. A new one
 * holds zeros, so a unary call is a stream of one message.
 */
export class StreamState {
  readonly #states: readonly StateBinding[];
  readonly #overlaps: readonly TensorField[];
  readonly #carried = new Map<string, Tensor>();
  readonly #tails = new Map<string, NumericData>();

  constructor(states: readonly StateBinding[], request: MessageBinding) {
    this.#states = states;
    this.#overlaps = request.tensors.filter((field) => field.overlap > 0);
  }

  /** Whether there is anything to carry, so that messages must go one after another. */
  get empty(): boolean {
    return this.#states.length + this.#overlaps.length === 0;
  }

  /** Bytes of all that is carried. */
  get byteLength(): number {
    return this.#snapshot().reduce((sum, data) => sum + data.byteLength, 0);
  }

  /** All that is carried, one after another: states in the contract's order, then tails in the message's. */
  save(): Buffer {
    return Buffer.concat(this.#snapshot().map((data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
  }

  /**
   * Goes on from what another stream of the same method carried.
   * @param bytes what `save` gave: `byteLength` of them
   */
  restore(bytes: Uint8Array): void {
    let at = 0;
    const take = (empty: NumericData): NumericData => {
      new Uint8Array(empty.buffer).set(bytes.subarray(at, at + empty.byteLength));
      at += empty.byteLength;
      return empty;
    };
    for (const state of this.#states) {
      const tensor = zeros(state);
      this.#carried.set(state.input, { ...tensor, data: take(tensor.data as NumericData) });
    }
    for (const field of this.#overlaps) {
      this.#tails.set(field.tensor, take(createData(field.datatype, field.overlap) as NumericData));
    }
  }

  #snapshot(): NumericData[] {
    const states = this.#states.map((state) => (this.#carried.get(state.input) ?? zeros(state)).data as NumericData);
    const tails = this.#overlaps.map(
      ({ tensor, datatype, overlap }) => this.#tails.get(tensor) ?? (createData(datatype, overlap) as NumericData),
    );
    return [...states, ...tails];
  }

  /** A message's tensors with what is carried put in. Takes note of the tails that the next message needs. */
  before(inputs: readonly Tensor[]): readonly Tensor[] {
    if (this.empty) return inputs;
    const joined = inputs.map((tensor) => {
      const field = this.#overlaps.find((overlap) => overlap.tensor === tensor.name);
      return field ? this.#overlap(field, tensor) : tensor;
    });
    return [...joined, ...this.#states.map((state) => this.#carried.get(state.input) ?? zeros(state))];
  }

  /** Keeps the states that the model gave back. */
  after(outputs: readonly Tensor[]): void {
    for (const { input, output } of this.#states) {
      const tensor = outputs.find((candidate) => candidate.name === output);
      if (tensor) this.#carried.set(input, { ...tensor, name: input });
    }
  }

  #overlap(field: TensorField, tensor: Tensor): Tensor {
    const fresh = tensor.data as NumericData;
    const whole = createData(tensor.datatype, field.overlap + fresh.length) as Float32Array<ArrayBuffer>;
    whole.set((this.#tails.get(tensor.name) as Float32Array | undefined) ?? [], 0);
    whole.set(fresh as Float32Array, field.overlap);
    this.#tails.set(tensor.name, whole.slice(whole.length - field.overlap));
    const shape = [...tensor.shape];
    shape[shape.length - 1]! += field.overlap;
    return { ...tensor, shape, data: whole };
  }
}

function zeros({ input, datatype, shape }: StateBinding): Tensor {
  return { name: input, datatype, shape, data: createData(datatype, elementCount(shape) ?? 0) };
}
