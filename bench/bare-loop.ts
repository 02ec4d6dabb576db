import { readFileSync } from "node:fs";
import path from "node:path";
import { emptyInferRequest, readInferRequest } from "../src/grpc/open-inference/infer-request.js";
import { toInputTensors } from "../src/grpc/open-inference/input-tensors.js";
import { joinBatch } from "../src/serving/batch.js";
import { Session } from "../src/serving/session.js";

/**
 * ONNX Runtime and nothing around it: the same input over and over, for a time. What a model costs at least.
 *
 *     bare-loop.js <model> <file with a ModelInferRequest> <rows of a run> <milliseconds>
 *
 * Prints the wall time of each run in milliseconds, and the processor seconds of all.
 */
const [model = "", requestFile = "", rows = "1", durationMs = "1000"] = process.argv.slice(2);
const session = await Session.load(
  { modelPath: path.resolve(model), modelRoot: path.dirname(path.resolve(model)), sha256: undefined },
  1,
);
const request = emptyInferRequest();
readInferRequest(new Uint8Array(readFileSync(requestFile)), request);
const one = toInputTensors(request, session.signature);
const inputs = joinBatch(Array.from({ length: Number(rows) }, () => one));
for (let run = 0; run < 5; run++) session.run(inputs);
const startMs = performance.now();
const before = process.cpuUsage();
const runMs: number[] = [];
for (let nowMs = startMs; nowMs - startMs < Number(durationMs); ) {
  session.run(inputs);
  const endMs = performance.now();
  runMs.push(endMs - nowMs);
  nowMs = endMs;
}
const { user, system } = process.cpuUsage(before);
process.stdout.write(
  JSON.stringify({
    runMs,
    cpuSeconds: (user + system) / 1e6,
  }),
);
