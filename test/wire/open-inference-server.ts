import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DATATYPES } from "../../src/contract/datatype.js";
import { GrpcServer } from "../../src/grpc/server.js";
import { bareSources } from "../../src/serving/bare-sources.js";
import { type ContractSource, ServedRepository } from "../../src/serving/served-repository.js";
import { createLog } from "../../src/telemetry/log.js";
import { Metrics } from "../../src/telemetry/metrics.js";
import {
  addModel,
  identityModel,
  lookupModel,
  model,
  scaleModel,
  slowModel,
  type TensorPort,
} from "../support/onnx-builder.js";
import { SILENT_OBSERVER } from "../support/served.js";

/** A server of small real models, listening. */
export interface OpenInferenceServer {
  /** `127.0.0.1:port`. */
  readonly target: string;
  readonly metrics: Metrics;
  /** Ends as an operator's signal makes it end: what is open is answered. */
  close(): Promise<void>;
}

const MAX_MESSAGE_BYTES = 2 ** 26;
const DRAIN_TIMEOUT_MS = 10_000;
const ROWS_OF_TWO = [-1, 2] as const;

/** Models by the path of their file below the repository's folder. */
function modelFiles(): Record<string, Uint8Array> {
  const typed = DATATYPES.filter((datatype) => datatype !== "FP16");
  const port = (name: string, datatype: TensorPort["datatype"], shape: TensorPort["shape"]) => ({
    name,
    datatype,
    shape,
  });
  return {
    "echo/1": identityModel({ inputs: typed.map((datatype) => port(datatype, datatype, ROWS_OF_TWO)) }),
    "half/1": identityModel({ inputs: [port("half", "FP16", ROWS_OF_TWO), port("x", "FP32", ROWS_OF_TWO)] }),
    "to_half/1": model({
      inputs: [port("x", "FP32", ROWS_OF_TWO)],
      outputs: [port("y", "FP16", ROWS_OF_TWO)],
      nodes: [{ op: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: { int: 10 } } }],
    }),
    "scalar/1": identityModel({ inputs: [port("number", "FP32", []), port("text", "BYTES", [])] }),
    "text/1": identityModel({ inputs: [port("text", "BYTES", [-1])] }),
    "add/1": addModel(),
    "scale/1": scaleModel({ factor: 2 }),
    "scale/2": scaleModel({ factor: 3 }),
    "counted/1": scaleModel({ factor: 1 }),
    "batched/1": scaleModel({ factor: 1 }),
    "lookup/1": lookupModel([10, 20, 30]),
    "slow/1": slowModel(),
    "broken/1": scaleModel({ factor: 1 }).subarray(0, 40),
  };
}

/** Starts a server on a free port over a new folder of models; `close` removes the folder. */
export async function startOpenInferenceServer(
  options: { readonly allowRepositoryControl?: boolean; readonly maxMessageBytes?: number } = {},
): Promise<OpenInferenceServer> {
  const root = await mkdtemp(path.join(tmpdir(), "flotilla-open-inference-"));
  for (const [where, bytes] of Object.entries(modelFiles())) {
    await mkdir(path.join(root, where), { recursive: true });
    await writeFile(path.join(root, where, "model.onnx"), bytes);
  }
  const repository = new ServedRepository({
    read: () => readSources(root),
    observer: SILENT_OBSERVER,
    startsAtOnce: 2,
  });
  await repository.open();
  await repository.start();
  const metrics = new Metrics();
  const server = await GrpcServer.start({
    repository,
    address: { host: "127.0.0.1", port: 0 },
    serviceImages: [],
    metrics,
    log: createLog("silent"),
    version: "1.2.3",
    maxMessageBytes: MAX_MESSAGE_BYTES,
    allowRepositoryControl: false,
    connections: { maxAgeMs: undefined, keepaliveMs: 60_000 },
    ...options,
  });
  return {
    target: `127.0.0.1:${server.port}`,
    metrics,
    async close() {
      await server.drain(DRAIN_TIMEOUT_MS);
      await repository.close();
      await rm(root, { recursive: true });
    },
  };
}

/** A bare repository has no batching of its own; the model `batched` shows what batching looks like to callers. */
async function readSources(root: string): Promise<ContractSource[]> {
  const sources = await bareSources(root, { threads: 1, queueSize: 1024 });
  const batching = { maxRows: 8, maxDelayMs: 0 };
  return sources.map((source) => {
    if (source.name !== "batched") return source;
    return { ...source, models: source.models.map((settings) => ({ ...settings, batching })) };
  });
}
