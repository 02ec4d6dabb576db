import { createData, type TensorData } from "../contract/datatype.js";
import { formatSpec, type Signature, shapeFits } from "../contract/signature.js";
import { elementCount, formatShape, type Tensor } from "../contract/tensor.js";
import { type Transform, TransformError, type TransformTensor } from "../contract/transform.js";
import { isJoinable, rowsOf } from "./batch.js";
import { type Message, MessageCodec } from "./message-codec.js";
import type { Answer, AnswerRequest, FaultFacts, TransformSettings } from "./messages.js";
import { ModelError } from "./model-error.js";
import { joinCalls, type Padding, sharingKey, splitCalls } from "./padding.js";
import { importDefault } from "./source-module.js";
import { LateStepError, type StepLimits, settled, withoutStragglers } from "./transform-steps.js";

/** Runs the model once. */
export type RunModel = (inputs: readonly Tensor[]) => Tensor[] | Promise<Tensor[]>;

/** What requests may share a run. */
export interface Sharing {
  /** Rows that one run may hold. */
  readonly maxRows: number;
  /** How requests of other lengths share one; undefined: they don't. */
  readonly padding: Padding | undefined;
}

/** What requests are answered with, beside the transform. */
export interface AnswerMeans {
  readonly run: RunModel;
  readonly sharing: Sharing;
  /** Epoch milliseconds after which nobody waits for an answer; Infinity for never. */
  readonly notAfterMs: number;
}

/** How long the requests of a batch wait for those whose steps take longer than theirs. */
const STRAGGLER_MS = 250;

type Prepared = { readonly request: Message; readonly inputs: readonly Tensor[] };

/** Answers messages by a contract's transform: decode, to tensors, run, to the response, encode. */
export class TransformRunner {
  readonly signature: Signature;
  readonly #transform: Transform<Message, Message>;
  readonly #codec: MessageCodec;
  readonly #label: string;
  readonly #stepLimitMs: number;

  private constructor(label: string, transform: Transform<Message, Message>, settings: TransformSettings) {
    this.#stepLimitMs = settings.stepLimitMs;
    this.#label = label;
    this.#transform = transform;
    this.#codec = new MessageCodec(settings.image);
    this.signature = transform.signature;
  }

  /** @throws ModelError where the module can't be loaded or is no transform */
  static async load(label: string, settings: TransformSettings): Promise<TransformRunner> {
    const transform = await importTransform(settings.path);
    return new TransformRunner(label, transform, settings);
  }

  /** The transform's own example, as a request on the wire. */
  exampleRequest(requestType: string): Uint8Array<ArrayBuffer> {
    return this.#codec.encode(requestType, this.#transform.example);
  }

  /**
   * Answers each request on its own: one that is bad or fails does not disturb the others. Requests whose tensors have
   * the same shape but for the rows, and with padding their length, share runs.
   * @returns no answer to a request that would have kept the others waiting: it is to be answered by itself
   */
  async answer(
    work: AnswerRequest,
    { run, sharing, notAfterMs }: AnswerMeans,
  ): Promise<{ answers: (Answer | undefined)[]; runs: number[] }> {
    const limits = { limitMs: this.#stepLimitMs, notAfterMs };
    const { requestType, responseType } = work;
    const prepared = await withoutStragglers(
      work.requests.map((request) => this.#prepare(requestType, request, limits)),
      STRAGGLER_MS,
    );
    const answers: (Answer | undefined)[] = prepared.map((item) => {
      return item && "reason" in item ? { ok: false, ...item } : undefined;
    });
    const runs: number[] = [];
    for (const group of groupRuns(prepared, sharing)) {
      const calls = group.map((index) => prepared[index] as Prepared);
      runs.push(calls.reduce((rows, call) => rows + rowsOf(call.inputs), 0));
      const runJoined = (joined: readonly Prepared[]) => runTogether(joined, sharing.padding, run);
      const results = await this.#runGroup(calls, runJoined, (call, outputs) => {
        return this.#respond(responseType, call.request, outputs, limits);
      });
      for (const [at, index] of group.entries()) answers[index] = results[at];
    }
    return { answers, runs };
  }

  async #prepare(
    requestType: string,
    bytes: Uint8Array<ArrayBuffer>,
    limits: StepLimits,
  ): Promise<Prepared | FaultFacts> {
    let request: Message;
    try {
      request = this.#codec.decode(requestType, bytes);
    } catch (error) {
      return { reason: "INVALID_INPUT", message: (error as Error).message, cause: undefined };
    }
    try {
      const tensors = await settled(this.#transform.toTensors(request), "toTensors", limits);
      return { request, inputs: this.signature.inputs.map((spec) => checkTensor(spec, tensors[spec.name])) };
    } catch (error) {
      return this.#facts(error, "toTensors");
    }
  }

  async #runGroup(calls: readonly Prepared[], run: RunTogether, respond: Respond): Promise<(Answer | undefined)[]> {
    let split: Tensor[][];
    try {
      split = await run(calls);
    } catch (error) {
      if (calls.length === 1) return [{ ok: false, ...this.#facts(error, "run") }];
      // One by one, so that only the request that is at fault fails.
      const answers: (Answer | undefined)[] = [];
      for (const call of calls) answers.push(...(await this.#runGroup([call], run, respond)));
      return answers;
    }
    return withoutStragglers(
      calls.map((call, index) => respond(call, split[index]!)),
      STRAGGLER_MS,
    );
  }

  async #respond(
    responseType: string,
    request: Message,
    outputs: readonly Tensor[],
    limits: StepLimits,
  ): Promise<Answer> {
    try {
      const byName = Object.fromEntries(outputs.map(({ name, shape, data }) => [name, { shape, data }]));
      const response = await settled(this.#transform.toResponse(byName, request), "toResponse", limits);
      return { ok: true, response: this.#codec.encode(responseType, response) };
    } catch (error) {
      return { ok: false, ...this.#facts(error, "toResponse") };
    }
  }

  #facts(error: unknown, step: string): FaultFacts {
    // A transform that was bundled on its own brings its own class: the name tells.
    if (error instanceof TransformError || (error as Error)?.name === "TransformError") {
      return { reason: "INVALID_INPUT", message: (error as Error).message, cause: undefined };
    }
    if (error instanceof LateStepError && error.atDeadline) {
      const message = `${this.#label}: the deadline passed before the answer`;
      return { reason: "DEADLINE", message, cause: error.message };
    }
    const message = `${this.#label}: the model failed on this request`;
    return { reason: "RUN_FAILED", message, cause: `transform ${step}: ${(error as Error)?.stack ?? error}` };
  }
}

/** Each request's own outputs of one run for all. */
type RunTogether = (calls: readonly Prepared[]) => Promise<Tensor[][]>;
/** A request's answer, of its own outputs. */
type Respond = (call: Prepared, outputs: readonly Tensor[]) => Promise<Answer>;

async function runTogether(
  calls: readonly Prepared[],
  padding: Padding | undefined,
  run: RunModel,
): Promise<Tensor[][]> {
  const inputs = calls.map((call) => call.inputs);
  const split = splitCalls(await run(joinCalls(inputs, padding)), inputs, padding);
  if (split) return split;
  throw new Error("the model's outputs do not have a row for each row of its inputs; turn batching off");
}

/** Indices of the prepared requests that run together. */
function groupRuns(
  prepared: readonly (Prepared | FaultFacts | undefined)[],
  { maxRows, padding }: Sharing,
): number[][] {
  const open = new Map<string, { indices: number[]; rows: number }>();
  const groups: number[][] = [];
  for (const [index, item] of prepared.entries()) {
    if (!item || "reason" in item) continue;
    if (!isJoinable(item.inputs)) {
      groups.push([index]);
      continue;
    }
    const key = sharingKey(item.inputs, undefined, padding);
    const rows = rowsOf(item.inputs);
    const group = open.get(key);
    if (group && group.rows + rows <= maxRows) {
      group.indices.push(index);
      group.rows += rows;
    } else {
      const indices = [index];
      open.set(key, { indices, rows });
      groups.push(indices);
    }
  }
  return groups;
}

function checkTensor(spec: Signature["inputs"][number], made: TransformTensor | undefined): Tensor {
  if (!made) throw new Error(`the transform made no tensor "${spec.name}", its signature promises ${formatSpec(spec)}`);
  const { shape, data } = made;
  const sameType = createData(spec.datatype, 0).constructor === data.constructor;
  if (!sameType || !shapeFits(spec.shape, shape) || elementCount(shape) !== data.length) {
    const got = `${data.constructor.name} of ${data.length} as ${formatShape(shape)}`;
    throw new Error(`the transform made tensor "${spec.name}": expected ${formatSpec(spec)}, got ${got}`);
  }
  return { name: spec.name, datatype: spec.datatype, shape, data: data as TensorData };
}

async function importTransform(file: string): Promise<Transform<Message, Message>> {
  const transform = (await importDefault(file, "transform")) as Partial<Transform<Message, Message>> | undefined;
  if (!transform?.signature || !transform.toTensors || !transform.toResponse || !transform.example) {
    throw new ModelError(`${file}: a transform's default export has signature, example, toTensors and toResponse`);
  }
  return transform as Transform<Message, Message>;
}
