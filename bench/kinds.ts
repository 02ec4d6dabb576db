import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import { ModelInferRequest } from "../generated/ts/inference/grpc_service.js";
import { delimitedSize, WireType, WireWriter } from "../src/contract/wire.js";
import { pictureModel } from "./picture-model.js";

/** One kind of model that is measured, and requests of one row to it. */
export interface Kind {
  readonly name: string;
  readonly contract: string;
  /** The model's file. */
  readonly model: string;
  /** What batching it is measured with. */
  readonly batching: { readonly maxSize: number; readonly maxDelay: string };
  readonly typed: Request;
  readonly openInference: Request;
  /** The tensors alone, one after the other: what servers take that have no protocol of their own for them. */
  readonly tensors: Buffer;
}

/** Bytes to send, and the method that takes them. */
export interface Request {
  readonly path: string;
  readonly bytes: Buffer;
}

/** A fleet of the measured models on disk. */
export interface BenchFleet {
  readonly folder: string;
  readonly kinds: readonly Kind[];
  remove(): void;
}

const INFER = "/inference.GRPCInferenceService/ModelInfer";
const EMBEDDING = path.join("models", "embedding", "r1.onnx");
const TOKENS = 32;
const COLUMNS = 30;
const PIXELS = 3 * 224 * 224;

const TINY = `
  message PredictRequest { repeated float x = 1 [(flotilla.v1.tensor) = {name: "X", shape: [-1, 30]}]; }
  message PredictResponse { repeated float y = 1 [(flotilla.v1.tensor) = {name: "probabilities", shape: [-1, 2]}]; }`;
const PICTURE = `
  message PredictRequest { repeated float x = 1 [(flotilla.v1.tensor) = {name: "pixels", shape: [-1, 3, 224, 224]}]; }
  message PredictResponse { repeated float y = 1 [(flotilla.v1.tensor) = {name: "logits", shape: [-1, 1000]}]; }`;
const TEXT = `
  message PredictRequest {
    repeated int64 ids = 1 [(flotilla.v1.tensor) = {name: "input_ids", shape: [-1, 32]}];
    repeated int64 mask = 2 [(flotilla.v1.tensor) = {name: "attention_mask", shape: [-1, 32]}];
    repeated int64 types = 3 [(flotilla.v1.tensor) = {name: "token_type_ids", shape: [-1, 32]}];
  }
  message PredictResponse {
    repeated float y = 1 [(flotilla.v1.tensor) = {name: "sentence_embedding", shape: [-1, 384]}];
  }`;

/** Writes the fleet into a new folder. MiniLM is in it where `make models-python` has fetched it. */
export function writeBenchFleet(): BenchFleet {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-bench-"));
  const kinds = [tiny(folder), picture(folder), ...(existsSync(EMBEDDING) ? [text(folder)] : [])];
  const contracts = kinds.map(({ contract, model }) => ({
    name: contract,
    callers: ["bench/caller"],
    revisions: {
      r1: { model: path.relative(folder, model), sha256: sha256(model), threads: 1, queue: { size: 1024 } },
    },
  }));
  const fleet = { apiVersion: "flotilla.dev/v1", kind: "Fleet", metadata: { name: "bench" }, spec: { contracts } };
  writeFileSync(path.join(folder, "fleet.yaml"), stringify(fleet));
  return { folder, kinds, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Those whose names begin as the environment's KIND says; all where it says nothing. */
export function chosenKinds({ kinds }: BenchFleet): readonly Kind[] {
  return kinds.filter(({ name }) => name.startsWith(process.env.KIND ?? ""));
}

function tiny(folder: string): Kind {
  const values = Float32Array.from({ length: COLUMNS }, (_, column) => column / COLUMNS);
  const inputs = [{ name: "X", datatype: "FP32", shape: [1, COLUMNS], data: values }];
  return {
    name: "tiny tabular",
    ...place(folder, "bench.tiny.v1", TINY, readFileSync(path.join("models", "tumor", "r2.onnx"))),
    batching: { maxSize: 64, maxDelay: "1ms" },
    typed: { path: "/bench.tiny.v1.BenchService/Predict", bytes: packed([Buffer.from(values.buffer)]) },
    ...untyped("bench.tiny.v1", inputs),
  };
}

function picture(folder: string): Kind {
  const values = Float32Array.from({ length: PIXELS }, (_, pixel) => (pixel % 255) / 255);
  const inputs = [{ name: "pixels", datatype: "FP32", shape: [1, 3, 224, 224], data: values }];
  return {
    name: "picture, 600 KB",
    ...place(folder, "bench.picture.v1", PICTURE, pictureModel()),
    batching: { maxSize: 8, maxDelay: "5ms" },
    typed: { path: "/bench.picture.v1.BenchService/Predict", bytes: packed([Buffer.from(values.buffer)]) },
    ...untyped("bench.picture.v1", inputs),
  };
}

function text(folder: string): Kind {
  const ids = BigInt64Array.from({ length: TOKENS }, (_, token) => BigInt(1000 + token * 7));
  const [mask, types] = [new BigInt64Array(TOKENS).fill(1n), new BigInt64Array(TOKENS)];
  const tensor = (name: string, data: BigInt64Array<ArrayBuffer>) => ({
    name,
    datatype: "INT64",
    shape: [1, TOKENS],
    data,
  });
  return {
    name: "MiniLM, 32 tokens",
    ...place(folder, "bench.text.v1", TEXT, readFileSync(EMBEDDING)),
    batching: { maxSize: 16, maxDelay: "5ms" },
    typed: { path: "/bench.text.v1.BenchService/Predict", bytes: packed([ids, mask, types].map(varints)) },
    ...untyped("bench.text.v1", [
      tensor("input_ids", ids),
      tensor("attention_mask", mask),
      tensor("token_type_ids", types),
    ]),
  };
}

/** Puts a contract and its model where the fleet file names them. */
function place(folder: string, contract: string, messages: string, model: Uint8Array) {
  const proto = path.join(folder, "proto", ...contract.split("."));
  mkdirSync(proto, { recursive: true });
  mkdirSync(path.join(folder, "models"), { recursive: true });
  const service = "service BenchService { rpc Predict(PredictRequest) returns (PredictResponse); }";
  const head = `syntax = "proto3";\npackage ${contract};\nimport "flotilla/v1/options.proto";\n`;
  writeFileSync(path.join(proto, "service.proto"), `${head}${messages}\n${service}\n`);
  const file = path.join(folder, "models", `${contract}.onnx`);
  writeFileSync(file, model);
  return { contract, model: file };
}

interface InputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
  readonly data: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;
}

/** The request in Open Inference, and as bare bytes. */
function untyped(modelName: string, inputs: readonly InputTensor[]): Pick<Kind, "openInference" | "tensors"> {
  const rawInputContents = inputs.map(({ data }) => Buffer.from(data.buffer));
  const request = ModelInferRequest.fromPartial({
    modelName,
    inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    rawInputContents,
  });
  const bytes = Buffer.from(ModelInferRequest.encode(request).finish());
  return { openInference: { path: INFER, bytes }, tensors: Buffer.concat(rawInputContents) };
}

/** Fields 1, 2, … of packed elements. */
function packed(fields: readonly Buffer[]): Buffer {
  const writer = new WireWriter(fields.reduce((sum, { length }, index) => sum + delimitedSize(index + 1, length), 0));
  for (const [index, bytes] of fields.entries()) {
    writer.tag(index + 1, WireType.BYTES);
    writer.varint(bytes.length);
    writer.raw(bytes);
  }
  return writer.finish();
}

function varints(values: BigInt64Array): Buffer {
  const bytes: number[] = [];
  for (let rest of values) {
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
  }
  return Buffer.from(bytes);
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
