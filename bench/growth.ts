import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ModelInferRequest } from "../generated/ts/inference/grpc_service.js";
import { encodeModel } from "../test/support/onnx-encoder.js";
import { Child } from "./child.js";
import { Loaded } from "./loaded.js";
import { startEcho } from "./references.js";
import { markdownTable, writeReport } from "./report.js";
import { cheapest, measureRound, type Round, WARM_UP_MS } from "./round.js";

/** Floats of a request, and of its answer. */
const FLOATS = [30, 300, 3_000, 30_000, 300_000];
/** Models of one process, which calls take in turn. */
const MODELS = [1, 10, 50, 200];
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const ROUND_MS = Number(process.env.ROUND_MS ?? 1500);
const INFER = "/inference.GRPCInferenceService/ModelInfer";

/** Gives back what it gets: FP32 [batch, columns], `columns` free unless said. */
function identity(columns: number | "columns"): Uint8Array {
  const type = { datatype: "FP32", shape: ["batch", columns] } as const;
  return encodeModel({
    inputs: [{ name: "x", ...type }],
    outputs: [{ name: "y", ...type }],
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
  });
}

function requestOf(modelName: string, floats: number): Buffer {
  const request = ModelInferRequest.fromPartial({
    modelName,
    inputs: [{ name: "x", datatype: "FP32", shape: [1, floats] }],
    rawInputContents: [Buffer.from(new Float32Array(floats).buffer)],
  });
  return Buffer.from(ModelInferRequest.encode(request).finish());
}

/** A server of bare models, so long as `use` takes. */
async function withServer<Value>(
  models: ReadonlyMap<string, Uint8Array>,
  use: (server: Child, folder: string) => Promise<Value>,
): Promise<Value> {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-bench-"));
  for (const [name, bytes] of models) {
    mkdirSync(path.join(folder, name, "1"), { recursive: true });
    writeFileSync(path.join(folder, name, "1", "model.onnx"), bytes);
  }
  const quiet = ["--port", "0", "--metrics-port", "0", "--output", "json", "--log-level", "error"];
  const server = await Child.start("src/bin/flotilla.js", ["serve", folder, ...quiet]);
  try {
    return await use(server, folder);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** The cheapest of some rounds, in microseconds of the server's processor time a call. */
async function costOf(server: Loaded): Promise<number> {
  await measureRound(server, WARM_UP_MS);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measureRound(server, ROUND_MS));
  return cheapest(rounds);
}

async function payloadRow(floats: number): Promise<string[]> {
  const bytes = requestOf("identity", floats);
  return withServer(new Map([["identity", identity("columns")]]), async (child, folder) => {
    const load = { path: INFER, requests: [bytes] };
    const server = new Loaded(`Flotilla, ${floats} floats`, child, load);
    const echo = await startEcho(server, folder);
    try {
      const own = await costOf(server);
      const bare = await costOf(new Loaded(`bare echo, ${floats} floats`, echo, load));
      return [`${((floats * 4) / 1000).toFixed(1)} KB`, own.toFixed(0), bare.toFixed(0), (own / bare).toFixed(2)];
    } finally {
      await echo.stop();
    }
  });
}

async function modelsRow(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `identity${index}`);
  return withServer(new Map(names.map((name) => [name, identity(30)])), async (server) => {
    const load = { path: INFER, requests: names.map((name) => requestOf(name, 30)) };
    const micros = await costOf(new Loaded(`Flotilla, ${count} models`, server, load));
    return [String(count), micros.toFixed(0), server.residentMiB().toFixed(0)];
  });
}

const payload: string[][] = [];
for (const floats of FLOATS) {
  payload.push(await payloadRow(floats));
  process.stderr.write(`${floats} floats\n`);
}
const models: string[][] = [];
for (const count of MODELS) {
  models.push(await modelsRow(count));
  process.stderr.write(`${count} models\n`);
}
const note = `A model that gives back what it gets, over the Open Inference Protocol, 32 calls in flight; server processor time of a call, the best of ${ROUNDS} rounds.`;
writeReport(
  "growth",
  `${note}\n\n${markdownTable(["a request, and as much of answer", "CPU us a call", "bare grpc-js echo", "ratio"], payload)}\n${markdownTable(["models in one process, called in turn", "CPU us a call", "memory, MiB"], models)}`,
);
