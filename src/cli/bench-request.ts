import path from "node:path";
import { type JsonValue, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { InvalidArgumentError } from "commander";
import {
  ModelInferRequest,
  GRPCInferenceServiceService as OpenInference,
  type ModelMetadataResponse_TensorMetadata as TensorMetadata,
} from "../../generated/ts/inference/grpc_service.js";
import { type Channel, callUnary } from "../client/call.js";
import type { CallOptions } from "../client/call-options.js";
import { type FoundMethod, findByReflection, findLocally, type MethodName } from "../client/find-method.js";
import { Reflection } from "../client/reflect.js";
import { BindingReader } from "../contract/binding-reader.js";
import { createData, type Datatype, isDatatype } from "../contract/datatype.js";
import { exampleRequest } from "../contract/example-request.js";
import { mapScalars, type ScalarVisitor } from "../contract/json-fields.js";
import { elementCount, toBytes } from "../contract/tensor.js";
import { type RequestSource, readRequests } from "./call-request.js";

/** What calls of a benchmark send. */
export interface BenchRequests {
  /** `/acme.fraud.v1.FraudService/Predict`. */
  readonly path: string;
  /** Encoded, sent in turn. */
  readonly requests: readonly Buffer[];
}

/** Values that a request may hold that nobody wrote. */
const MAX_EXAMPLE_VALUES = 1 << 24;
/** Bytes before each element of a raw BYTES tensor: its length. */
const LENGTH_BYTES = 4;

/** Where a typed method is looked up. */
export interface MethodPlace {
  readonly local: boolean;
  readonly protoRoot: string;
  readonly call: CallOptions;
}

/**
 * The requests of a typed method: those of `source`, one or a list of them, or else one that is made up.
 * @throws Error with what is wrong with the method or the JSON; CallError
 */
export async function typedRequests(
  channel: Channel,
  { name, source, place }: { name: MethodName; source: RequestSource | undefined; place: MethodPlace },
): Promise<BenchRequests> {
  const found = place.local
    ? await findLocally(path.resolve(place.protoRoot), name)
    : await findByReflection(new Reflection(channel, place.call), name);
  const { method } = found;
  if (method.methodKind !== "unary")
    throw new Error(`${name.contract}/${method.name} takes a stream; bench makes calls of one request`);
  const messages: Message[] = [];
  for await (const message of readRequests(source ?? example(found), found)) messages.push(message);
  if (messages.length === 0) throw new Error("there is no request to send");
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requests: messages.map((message) => Buffer.from(toBinary(method.input, message))),
  };
}

function example({ method, registry }: FoundMethod): RequestSource {
  const binding = new BindingReader(registry, () => {}).message(method.input);
  const bound = binding.tensors.length + binding.records.length > 0;
  const json = bound ? exampleRequest(binding, MAX_EXAMPLE_VALUES) : undefined;
  if (json === undefined)
    throw new Error(`say what to send to ${method.name}: a request in JSON, or @file with one or a list of them`);
  return { kind: "text", text: JSON.stringify(mapScalars(method.input, json as JsonValue, notZero)) };
}

/** Zeros are left out on the wire: the request would be shorter than any real one. */
const notZero: ScalarVisitor = (type, value) => {
  if (value !== 0) return value;
  return type === ScalarType.FLOAT || type === ScalarType.DOUBLE ? 0.5 : 1;
};

/** Which tensors an Open Inference request holds. */
export interface TensorChoice {
  /** The model's version; "" leaves it to the server. */
  readonly version: string;
  readonly rows: number;
  /** Shapes by input, for inputs with free dimensions other than the first. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly call: CallOptions;
}

/**
 * A request of the Open Inference Protocol for a model, made from its metadata: numbers from 0 to 1, raw.
 * @throws Error where an input's shape can't be told; CallError
 */
export async function openInferenceRequests(
  channel: Channel,
  model: string,
  choice: TensorChoice,
): Promise<BenchRequests> {
  const question = { name: model, version: choice.version };
  const { inputs } = await callUnary(channel, OpenInference.modelMetadata, question, choice.call);
  const shapes = inputs.map((input) => shapeOf(input, choice));
  const request = ModelInferRequest.fromPartial({
    modelName: model,
    modelVersion: choice.version,
    inputs: inputs.map(({ name, datatype }, index) => ({ name, datatype, shape: shapes[index]! })),
    rawInputContents: inputs.map((input, index) => rawValues(input, elementCount(shapes[index]!) ?? 0)),
  });
  return {
    path: OpenInference.modelInfer.path,
    requests: [Buffer.from(ModelInferRequest.encode(request).finish())],
  };
}

function shapeOf({ name, shape }: TensorMetadata, { rows, shapes }: TensorChoice): number[] {
  const said = shapes.get(name);
  if (said) return [...said];
  const made = shape.map((dimension, axis) => (dimension === -1 && axis === 0 ? rows : dimension));
  if (made.includes(-1))
    throw new Error(
      `input ${name} is [${shape.join(", ")}]: say its shape, --shape ${name}=${made.map((size) => (size === -1 ? 16 : size)).join(",")}`,
    );
  return made;
}

/** Ids and flags are 0 and 1, which nearly every model takes; real numbers lie between. */
function rawValues({ name, datatype }: TensorMetadata, count: number): Buffer {
  if (datatype === "BYTES") return rawTexts(count);
  if (!isDatatype(datatype)) throw new Error(`input ${name} is ${datatype}, which bench can't make`);
  const data = createData(datatype as Exclude<Datatype, "BYTES">, count);
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let index = 0; index < count; index++) data[index] = (index * 0.37) % 1;
  } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let index = 0; index < count; index++) data[index] = BigInt(index % 2);
  } else if (!Array.isArray(data) && datatype !== "FP16") {
    for (let index = 0; index < count; index++) data[index] = index % 2;
  }
  return Buffer.from(toBytes(data as Float32Array<ArrayBuffer>));
}

function rawTexts(count: number): Buffer {
  const text = Buffer.from("flotilla");
  const one = Buffer.alloc(LENGTH_BYTES + text.length);
  one.writeUInt32LE(text.length);
  text.copy(one, LENGTH_BYTES);
  return Buffer.concat(Array.from({ length: count }, () => one));
}

/** Reads `--shape input_ids=1,16` into a map. */
export function addShape(text: string, shapes: ReadonlyMap<string, readonly number[]> = new Map()) {
  const [, name, list] = /^(.+)=(\d+(?:,\d+)*)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("expected name=1,3,224,224");
  return new Map([...shapes, [name, list!.split(",").map(Number)]]);
}
