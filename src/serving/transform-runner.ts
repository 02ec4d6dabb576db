import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import {
  loadFileDescriptorSetFromBuffer,
  type MessageTypeDefinition,
  type PackageDefinition,
} from "@grpc/proto-loader";
import { createData, type TensorData } from "../contract/datatype.js";
import { createMessageCheck, type MessageCheck } from "../contract/message-check.js";
import { formatSpec, type Signature, shapeFits } from "../contract/signature.js";
import { elementCount, formatShape, type Tensor } from "../contract/tensor.js";
import { type Transform, TransformError, type TransformTensor } from "../contract/transform.js";
import { batchKey, isJoinable, joinBatch, rowsOf, splitBatch } from "./batch.js";
import type { Answer, AnswerRequest, FaultFacts, TransformSettings } from "./messages.js";
import { ModelError } from "./session.js";

/** Runs the model once. */
export type RunModel = (inputs: readonly Tensor[]) => Promise<Tensor[]>;

type Message = Record<string, unknown>;
type MessageType = MessageTypeDefinition<Message, Message>;
type Prepared = { readonly request: Message; readonly inputs: readonly Tensor[] };

/** The plain objects that transforms see: as ts-proto's types have them. */
const LOADER_OPTIONS = { longs: Number, defaults: true, arrays: true } as const;

/** Answers messages by a contract's transform: decode, to tensors, run, to the response, encode. */
export class TransformRunner {
  readonly signature: Signature;
  readonly #transform: Transform<Message, Message>;
  readonly #types: PackageDefinition;
  readonly #label: string;
  readonly #image: Uint8Array;
  readonly #stepLimitMs: number;
  readonly #checks = new Map<string, MessageCheck>();

  private constructor(label: string, transform: Transform<Message, Message>, settings: TransformSettings) {
    const { image } = settings;
    this.#stepLimitMs = settings.stepLimitMs;
    this.#label = label;
    this.#transform = transform;
    this.#image = image;
    this.#types = loadFileDescriptorSetFromBuffer(Buffer.from(image), LOADER_OPTIONS);
    this.signature = transform.signature;
  }

  /** @throws ModelError where the module can't be loaded or is no transform */
  static async load(label: string, settings: TransformSettings): Promise<TransformRunner> {
    const transform = await importTransform(settings.path);
    return new TransformRunner(label, transform, settings);
  }

  /** The transform's own example, as a request on the wire. */
  exampleRequest(requestType: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#type(requestType).serialize(this.#transform.example));
  }

  /**
   * Answers each request on its own: one that is bad or fails does not disturb the others. Requests whose tensors have
   * the same shape but for the rows share runs of at most `maxRows` rows.
   */
  async answer(work: AnswerRequest, maxRows: number, run: RunModel): Promise<{ answers: Answer[]; runs: number[] }> {
    const prepared = await Promise.all(work.requests.map((request) => this.#prepare(work.requestType, request)));
    const answers: Answer[] = prepared.map((item) => ("reason" in item ? { ok: false, ...item } : UNANSWERED));
    const runs: number[] = [];
    for (const group of groupRuns(prepared, maxRows)) {
      const calls = group.map((index) => prepared[index] as Prepared);
      runs.push(calls.reduce((rows, call) => rows + rowsOf(call.inputs), 0));
      const results = await this.#runGroup(work.responseType, calls, run);
      for (const [at, index] of group.entries()) answers[index] = results[at]!;
    }
    return { answers, runs };
  }

  async #prepare(requestType: string, bytes: Uint8Array<ArrayBuffer>): Promise<Prepared | FaultFacts> {
    let request: Message;
    try {
      this.#check(requestType)(bytes);
      request = this.#type(requestType).deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch (error) {
      return {
        reason: "INVALID_INPUT",
        message: `not a ${requestType}: ${(error as Error).message}`,
        cause: undefined,
      };
    }
    try {
      const tensors = await this.#inTime(this.#transform.toTensors(request), "toTensors");
      return { request, inputs: this.signature.inputs.map((spec) => checkTensor(spec, tensors[spec.name])) };
    } catch (error) {
      return this.#facts(error, "toTensors");
    }
  }

  async #runGroup(responseType: string, calls: readonly Prepared[], run: RunModel): Promise<Answer[]> {
    let split: Tensor[][] | undefined;
    try {
      const outputs = await run(joinBatch(calls.map((call) => call.inputs)));
      split = splitBatch(
        outputs,
        calls.map((call) => rowsOf(call.inputs)),
      );
      if (!split)
        throw new Error("the model's outputs do not have a row for each row of its inputs; turn batching off");
    } catch (error) {
      if (calls.length === 1) return [{ ok: false, ...this.#facts(error, "run") }];
      // One by one, so that only the request that is at fault fails.
      const answers: Answer[] = [];
      for (const call of calls) answers.push(...(await this.#runGroup(responseType, [call], run)));
      return answers;
    }
    return Promise.all(calls.map((call, index) => this.#respond(responseType, call.request, split[index]!)));
  }

  async #respond(responseType: string, request: Message, outputs: readonly Tensor[]): Promise<Answer> {
    try {
      const byName = Object.fromEntries(outputs.map(({ name, shape, data }) => [name, { shape, data }]));
      const response = await this.#inTime(this.#transform.toResponse(byName, request), "toResponse");
      return { ok: true, response: new Uint8Array(this.#type(responseType).serialize(response)) };
    } catch (error) {
      return { ok: false, ...this.#facts(error, "toResponse") };
    }
  }

  /** A promise that never settles would hold the worker, and all calls behind it, for ever. */
  async #inTime<Value>(work: Promise<Value> | Value, step: string): Promise<Value> {
    if (!(work instanceof Promise)) return work;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${step} did not settle within ${this.#stepLimitMs} ms`)),
        this.#stepLimitMs,
      );
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** protobufjs takes broken text and wrong wire types as they come: what it reads is checked first. */
  #check(type: string): MessageCheck {
    const known = this.#checks.get(type) ?? createMessageCheck(this.#image, type);
    this.#checks.set(type, known);
    return known;
  }

  #type(name: string): MessageType {
    const type = this.#types[name];
    if (!type || !("serialize" in type)) throw new Error(`the contract has no message ${name}`);
    return type as MessageType;
  }

  #facts(error: unknown, step: string): FaultFacts {
    // A transform that was bundled on its own brings its own class: the name tells.
    if (error instanceof TransformError || (error as Error)?.name === "TransformError") {
      return { reason: "INVALID_INPUT", message: (error as Error).message, cause: undefined };
    }
    const message = `${this.#label}: the model failed on this request`;
    return { reason: "RUN_FAILED", message, cause: `transform ${step}: ${(error as Error)?.stack ?? error}` };
  }
}

const UNANSWERED: Answer = { ok: false, reason: "RUN_FAILED", message: "no answer was made", cause: undefined };

/** Indices of the prepared requests that run together. */
function groupRuns(prepared: readonly (Prepared | FaultFacts)[], maxRows: number): number[][] {
  const open = new Map<string, { indices: number[]; rows: number }>();
  const groups: number[][] = [];
  for (const [index, item] of prepared.entries()) {
    if ("reason" in item) continue;
    if (!isJoinable(item.inputs)) {
      groups.push([index]);
      continue;
    }
    const key = batchKey(item.inputs, undefined);
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
  if (!existsSync(file) && compiledPath(file) === undefined)
    throw new ModelError(`${file}: there is no such transform`);
  let module: { default?: Partial<Transform<Message, Message>> };
  try {
    module = file.endsWith(".ts") ? await importTypeScript(file) : await import(pathToFileURL(file).href);
  } catch (error) {
    throw new ModelError(`${file}: the transform can't be loaded: ${(error as Error).message}`);
  }
  const transform = module.default;
  if (!transform?.signature || !transform.toTensors || !transform.toResponse || !transform.example) {
    throw new ModelError(`${file}: a transform's default export has signature, example, toTensors and toResponse`);
  }
  return transform as Transform<Message, Message>;
}

/** The compiled module where a build made one that is not older than its source; otherwise the source through tsx. */
async function importTypeScript(file: string): Promise<{ default?: Partial<Transform<Message, Message>> }> {
  const compiled = compiledPath(file);
  if (compiled) return import(pathToFileURL(compiled).href);
  const { tsImport } = await import("tsx/esm/api");
  return tsImport(pathToFileURL(file).href, import.meta.url);
}

function compiledPath(file: string): string | undefined {
  for (let root = path.dirname(file); root !== path.dirname(root); root = path.dirname(root)) {
    const compiled = path.join(root, "dist", path.relative(root, file)).replace(/\.ts$/, ".js");
    if (!existsSync(compiled)) continue;
    if (!existsSync(file) || statSync(compiled).mtimeMs >= statSync(file).mtimeMs) return compiled;
  }
  return undefined;
}
