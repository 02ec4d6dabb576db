import type { Contract, ContractMethod } from "../contract/contract.js";
import { createDecoder, type Decoder } from "../contract/decoder.js";
import { createEncoder, type Encoder } from "../contract/encoder.js";
import { Fault } from "../contract/fault.js";
import { StreamState } from "../contract/stream-state.js";
import type { Model, Outcome, Timing, Work } from "../serving/inference.js";
import type { HopSummary } from "../telemetry/made-hops.js";
import type { IncomingHeaders } from "../telemetry/trace.js";

/** One request of a typed method, on its way to a model. */
export interface TypedCall {
  readonly model: Model;
  readonly request: Buffer<ArrayBuffer>;
  /** The call's headers; asked for where a composition passes them on. */
  readonly headers: () => IncomingHeaders;
  /** Absolute epoch milliseconds; Infinity for none. */
  readonly deadlineMs: number;
  /** What the call's stream carries; a new one for a unary call. */
  readonly state: StreamState;
}

/** What became of a `TypedCall`. `fault` is whatever was thrown. */
export type TypedAnswer =
  | {
      readonly ok: true;
      readonly message: Buffer;
      readonly timing: Timing;
      readonly codecMs: number;
      /** Whom a composition called for it. */
      readonly hops: readonly HopSummary[];
    }
  | { readonly ok: false; readonly fault: unknown };

/** One rpc of a contract, its codec worked out at load. */
export class TypedMethod {
  readonly contract: Contract;
  readonly method: ContractMethod;
  readonly #decode: Decoder | undefined;
  readonly #encode: Encoder | undefined;
  readonly #outputs: readonly string[];
  readonly #maxMessageBytes: number;
  /** Where nothing is carried, all calls share this: it holds nothing. */
  readonly #stateless: StreamState | undefined;

  /** @param maxMessageBytes largest answer */
  constructor(contract: Contract, method: ContractMethod, maxMessageBytes: number) {
    this.contract = contract;
    this.method = method;
    this.#maxMessageBytes = maxMessageBytes;
    this.#decode = contract.signature && createDecoder(method.request, contract.signature);
    this.#encode = contract.signature && createEncoder(method.response);
    this.#outputs = outputNames(contract, method);
    const state = new StreamState(contract.states, method.request);
    this.#stateless = state.empty ? state : undefined;
  }

  /** The state of a new stream of this method. */
  newState(): StreamState {
    return this.#stateless ?? new StreamState(this.contract.states, this.method.request);
  }

  /**
   * Decodes, runs, encodes. `settle` is called exactly once, for bad requests before this returns.
   * @returns gives the call up
   */
  infer(call: TypedCall, settle: (answer: TypedAnswer) => void): () => void {
    const startMs = performance.now();
    let work: Work;
    try {
      work = this.#toWork(call);
    } catch (error) {
      settle({ ok: false, fault: this.#name(error) });
      return () => {};
    }
    const decodeMs = performance.now() - startMs;
    return call.model.submit(work, call.deadlineMs, (outcome) => settle(this.#answer(call, outcome, decodeMs)));
  }

  #toWork({ request, headers, state }: TypedCall): Work {
    // A plain view: Buffer's own subarray and slice mean something else.
    const bytes = new Uint8Array(request.buffer, request.byteOffset, request.byteLength);
    if (this.#decode) return { kind: "tensors", inputs: state.before(this.#decode(bytes)), outputs: this.#outputs };
    const { name, requestType, responseType } = this.method;
    return { kind: "message", method: name, requestType, responseType, request: bytes, headers: headers() };
  }

  #answer({ state }: TypedCall, outcome: Outcome, decodeMs: number): TypedAnswer {
    if (!outcome.ok) return { ok: false, fault: this.#name(outcome.fault) };
    const startMs = performance.now();
    try {
      const message = outcome.kind === "message" ? toBuffer(outcome.response) : this.#encode!(outcome.outputs);
      if (outcome.kind === "tensors") state.after(outcome.outputs);
      this.#checkSize(message);
      const hops = (outcome.kind === "message" && outcome.hops) || [];
      return { ok: true, message, timing: outcome.timing, codecMs: decodeMs + performance.now() - startMs, hops };
    } catch (fault) {
      return { ok: false, fault: this.#name(fault) };
    }
  }

  #checkSize(message: Buffer): void {
    if (message.length <= this.#maxMessageBytes) return;
    const sizes = `the answer has ${message.length} bytes, the server sends at most ${this.#maxMessageBytes}`;
    throw new Fault("TOO_LARGE", `${this.#label}: ${sizes}: ask for fewer rows`);
  }

  /** Says in a fault of the message which method it was meant for. */
  #name(error: unknown): unknown {
    if (!(error instanceof Fault) || (error.reason !== "INVALID_INPUT" && error.reason !== "RUN_FAILED")) return error;
    if (error.message.startsWith(this.contract.name)) return error;
    return new Fault(error.reason, `${this.#label}: ${error.message}`, { cause: error.cause });
  }

  get #label(): string {
    return `${this.contract.name}/${this.method.name}`;
  }
}

/** The outputs that the response and the stream's state need: the model need not hand out others. */
function outputNames(contract: Contract, { response }: ContractMethod): string[] {
  const records = response.records.flatMap((record) => [...record.columns, ...record.labels]);
  const names = [...response.tensors, ...records].map((field) => field.tensor);
  return [...new Set([...names, ...contract.states.map((state) => state.output)])];
}

function toBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
