import { Fault } from "../../contract/fault.js";
import type { Model, Outcome, Repository, Timing, Wanted, Work } from "../../serving/inference.js";
import { emptyInferRequest, type InferRequest, readInferRequest } from "./infer-request.js";
import type { InferAnswer } from "./infer-response.js";
import { toInputTensors, toOutputNames, wantsRaw } from "./input-tensors.js";
import { readySignature } from "./models.js";
import { type RequestOptions, toRequestOptions } from "./request-options.js";
import { quote } from "./wire-text.js";

/** One `ModelInferRequest` to be answered, alone or in a stream. */
export interface InferCall {
  readonly request: Uint8Array<ArrayBuffer>;
  /** What the call's metadata asks for. */
  readonly wanted: Wanted;
  /** Absolute epoch milliseconds; Infinity for none. */
  readonly deadlineMs: number;
  /** Encodes the answer. */
  readonly write: (answer: InferAnswer) => Buffer<ArrayBuffer>;
  /** Largest message that may be sent. */
  readonly maxMessageBytes: number;
}

/** What became of an `InferCall`. */
export interface InferResult {
  /** The model that was asked for, once that is known. */
  readonly model: Model | undefined;
  /** The request's, as far as it could be read. */
  readonly id: string;
  /** What to send, or the `Fault`, or whatever else was thrown. */
  readonly answer:
    | { readonly ok: true; readonly model: Model; readonly message: Buffer<ArrayBuffer>; readonly timing: Timing }
    | { readonly ok: false; readonly error: unknown };
  /** Time for decoding, checking and encoding. */
  readonly codecMs: number;
}

/** A request that has been read and checked. */
interface CheckedRequest {
  readonly work: Work;
  readonly outputNames: readonly string[];
  readonly raw: boolean;
  readonly options: RequestOptions;
}

/**
 * Answers one request: decode, check, run, encode. `settle` is called exactly once, for bad requests before this returns.
 * @returns gives the call up
 */
export function infer(repository: Repository, call: InferCall, settle: (result: InferResult) => void): () => void {
  const startMs = performance.now();
  const request = emptyInferRequest();
  let model: Model | undefined;
  let checked: CheckedRequest;
  try {
    readInferRequest(call.request, request);
    const revision = chooseRevision(request, call.wanted.revision);
    model = repository.find(request.modelName, { revision, release: call.wanted.release });
    checked = checkRequest(request, model);
  } catch (error) {
    const codecMs = performance.now() - startMs;
    settle({ model, id: request.id, answer: { ok: false, error: nameModel(error, model) }, codecMs });
    return () => {};
  }
  const served = model;
  const decodeMs = performance.now() - startMs;
  const deadlineMs = Math.min(call.deadlineMs, Date.now() + checked.options.timeoutMs);
  return served.submit(checked.work, deadlineMs, (outcome) => {
    const encodeStartMs = performance.now();
    const answer = encode(outcome, { call, request, model: served, checked });
    const codecMs = decodeMs + performance.now() - encodeStartMs;
    settle({ model: served, id: request.id, answer, codecMs });
  });
}

function chooseRevision(request: InferRequest, fromMetadata: string | undefined): string | undefined {
  const { modelVersion } = request;
  if (modelVersion === "") return fromMetadata;
  if (!fromMetadata || fromMetadata === modelVersion) return modelVersion;
  throw new Fault(
    "INVALID_INPUT",
    `model_version ${quote(modelVersion)} and metadata flotilla-revision ${quote(fromMetadata)} disagree: send one`,
  );
}

function checkRequest(request: InferRequest, model: Model): CheckedRequest {
  const options = toRequestOptions(request);
  const signature = readySignature(model);
  const outputNames = toOutputNames(request, signature);
  const inputs = toInputTensors(request, signature);
  return { work: { kind: "tensors", inputs, outputs: outputNames }, outputNames, raw: wantsRaw(request), options };
}

interface Encoding {
  readonly call: InferCall;
  readonly request: InferRequest;
  readonly model: Model;
  readonly checked: CheckedRequest;
}

function encode(outcome: Outcome, { call, request, model, checked }: Encoding): InferResult["answer"] {
  if (!outcome.ok) return { ok: false, error: outcome.fault };
  try {
    if (outcome.kind !== "tensors") throw new Error("tensors were asked for, a message came");
    const outputs = checked.outputNames.map((wanted) => {
      const output = outcome.outputs.find(({ name }) => name === wanted);
      if (output === undefined) throw new Error(`the model gave no output ${quote(wanted)}`);
      return output;
    });
    const message = call.write({
      modelName: model.contract,
      modelVersion: model.revision,
      id: request.id,
      outputs,
      raw: checked.raw,
      marksFinalResponse: checked.options.marksFinalResponse,
    });
    checkSize(message, call.maxMessageBytes, model);
    return { ok: true, model, message, timing: outcome.timing };
  } catch (error) {
    return { ok: false, error };
  }
}

function checkSize(message: Buffer, maxMessageBytes: number, model: Model): void {
  if (message.length <= maxMessageBytes) return;
  throw new Fault(
    "TOO_LARGE",
    `model ${quote(model.contract)}: the answer has ${message.length} bytes, the server sends at most ${maxMessageBytes}: ` +
      "ask for fewer rows or fewer outputs",
  );
}

/** Says in a fault of the input which model it was meant for. */
function nameModel(error: unknown, model: Model | undefined): unknown {
  if (model === undefined || !(error instanceof Fault)) return error;
  if (error.reason !== "INVALID_INPUT" && error.reason !== "UNSUPPORTED") return error;
  return new Fault(error.reason, `model ${quote(model.contract)}: ${error.message}`);
}
