import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonValue } from "@bufbuild/protobuf";
import type { Contract } from "../../src/contract/contract.js";
import type { BatchingSettings } from "../../src/serving/batcher.js";
import type { Outcome, Work } from "../../src/serving/inference.js";
import type { ServedModel } from "../../src/serving/served-model.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { scaleModel } from "../support/onnx-builder.js";
import { reason, serveModel, submit, writeModel } from "../support/served.js";

const PATH = fileURLToPath(new URL("../support/fickle-transform.js", import.meta.url));
const TYPES = { requestType: "fickle.v1.PredictRequest", responseType: "fickle.v1.PredictResponse" };

/** What a transform does not look at. */
const CALL = { method: "Predict", headers: { get: () => [] } };

describe("a model with a transform", () => {
  let contract: Contract;
  let json: JsonCodec;
  let model: ServedModel;
  let file: string;
  const crashes = new EventEmitter();
  const states = new EventEmitter();

  before(() => {
    contract = compileContract(
      "fickle.v1",
      `message PredictRequest { float value = 1; string mood = 2; }
       message PredictResponse { float value = 1; }
       service FickleService { rpc Predict(PredictRequest) returns (PredictResponse); }`,
    );
    json = new JsonCodec(contract.image);
  });

  beforeEach(async () => {
    file = writeModel(scaleModel({ factor: 2, shape: ["batch", 1] }));
    model = await serve({ maxRows: 4, maxDelayMs: 200 });
    assert.equal(model.state, "READY", model.problem);
  });
  afterEach(() => model.close());

  const serve = (batching: BatchingSettings, stepLimitMs = 300) =>
    serveModel(readFileSync(file), {
      settings: { batching },
      worker: {
        modelPath: file,
        modelRoot: path.dirname(file),
        sha256: undefined,
        transform: { path: PATH, image: contract.image, stepLimitMs, ...TYPES },
      },
      observer: {
        onCrash: (_model, problem) => void crashes.emit("crash", problem),
        onState: ({ state, problem }) => void states.emit(state, problem),
      },
    });

  const work = (request: JsonValue): Work => ({
    kind: "message",
    ...CALL,
    ...TYPES,
    request: new Uint8Array(json.encode(TYPES.requestType, request)),
  });
  const answer = (outcome: Outcome): JsonValue => {
    if (!outcome.ok) throw outcome.fault;
    return outcome.kind === "message" ? json.decode(TYPES.responseType, outcome.response) : "tensors";
  };

  it("answers messages, several in one run", async () => {
    const outcomes = await Promise.all([1, 2, 3, 4].map((value) => submit(model, work({ value }))));
    assert.deepEqual(
      outcomes.map(answer),
      [2, 4, 6, 8].map((value) => ({ value })),
    );
    assert.equal(model.statistics.batches.get(4)?.count, 1);
  });

  it("settles each request of a batch on its own: refused, failed, broken, answered", async () => {
    const [good, refused, failed, wrong] = await Promise.all([
      submit(model, work({ value: 5 })),
      submit(model, work({ value: 5, mood: "refuse" })),
      submit(model, work({ value: 5, mood: "throw" })),
      submit(model, work({ value: 5, mood: "wrong" })),
    ]);
    assert.deepEqual(answer(good), { value: 10 });
    assert(!refused.ok && !failed.ok && !wrong.ok);
    assert.equal(refused.fault.reason, "INVALID_INPUT");
    assert.equal(refused.fault.message, 'field "value": expected a nicer number than 5');
    assert.equal(failed.fault.reason, "RUN_FAILED");
    assert.doesNotMatch(failed.fault.message, /secret detail/);
    assert.match(String(failed.fault.cause), /secret detail/);
    assert.match(String(wrong.fault.cause), /tensor "x": expected FP32\[-1, 1\], got Float32Array of 1 as \[2, 1\]/);
  });

  it("refuses bytes that are no message", async () => {
    const bytes = new Uint8Array([0x0d, 1]);
    assert.equal(reason(await submit(model, { kind: "message", ...CALL, ...TYPES, request: bytes })), "INVALID_INPUT");
  });

  it("refuses text that is not UTF-8, and fields of another wire type than the contract's", async () => {
    const notUtf8 = new Uint8Array([0x0d, 0, 0, 0x80, 0x3f, 0x12, 2, 0xc3, 0x28]);
    const notFloat = new Uint8Array([0x08, 1]);
    for (const [request, message] of [
      [notUtf8, /field "mood": text that is not UTF-8/],
      [notFloat, /field "value": expected wire type 5, got 0/],
    ] as const) {
      const outcome = await submit(model, { kind: "message", ...CALL, ...TYPES, request });
      assert(!outcome.ok);
      assert.equal(outcome.fault.reason, "INVALID_INPUT");
      assert.match(outcome.fault.message, message);
    }
  });

  it("fails a request whose transform never settles, and goes on with the next", async () => {
    const hung = await submit(model, work({ value: 1, mood: "hang" }));
    assert(!hung.ok);
    assert.equal(hung.fault.reason, "RUN_FAILED");
    assert.match(String(hung.fault.cause), /toTensors did not settle within 300 ms/);
    assert.deepEqual(answer(await submit(model, work({ value: 4 }))), { value: 8 });
  });

  for (const mood of ["hang", "hang late"]) {
    it(`answers the batch mates of a request whose transform never settles, and holds nobody up after its deadline: ${mood}`, async () => {
      await model.close();
      // Longer than a test may take.
      model = await serve({ maxRows: 4, maxDelayMs: 200 }, 600_000);
      const hung = submit(model, work({ value: 1, mood }), Date.now() + 2_000);
      const mates = await Promise.all([2, 3, 4].map((value) => submit(model, work({ value }))));
      assert.deepEqual(
        mates.map(answer),
        [4, 6, 8].map((value) => ({ value })),
      );
      assert.deepEqual(answer(await submit(model, work({ value: 5 }))), { value: 10 });
      assert.equal(reason(await hung), "DEADLINE");
    });
  }

  it("answers each of a batch's requests that take longer than their mates", async () => {
    await model.close();
    model = await serve({ maxRows: 4, maxDelayMs: 200 }, 10_000);
    const moods = ["slow", "", "slow", ""];
    const outcomes = await Promise.all(moods.map((mood, at) => submit(model, work({ value: at + 1, mood }))));
    assert.deepEqual(
      outcomes.map(answer),
      [2, 4, 6, 8].map((value) => ({ value })),
    );
    const together = await Promise.all([1, 2, 3, 4].map((value) => submit(model, work({ value, mood: "slow" }))));
    assert.deepEqual(
      together.map(answer),
      [2, 4, 6, 8].map((value) => ({ value })),
    );
    assert.equal(model.statistics.batches.get(4)?.count, 1, "those that take as long as each other share their run");
  });

  it("loses only the calls that the worker held when it died, and starts it again", async () => {
    const crash = once(crashes, "crash");
    const dead = await submit(model, work({ value: 1, mood: "die" }));
    assert.equal(reason(dead), "WORKER_LOST");
    assert.deepEqual(await crash, ["exit code 3"]);
    assert.deepEqual(answer(await submit(model, work({ value: 4 }))), { value: 8 });
    assert.equal(model.state, "READY");
  });

  it("answers a call that waits behind the one that its worker dies of", async () => {
    await model.close();
    model = await serve({ maxRows: 1, maxDelayMs: 0 });
    const [dead, behind] = await Promise.all([
      submit(model, work({ value: 1, mood: "die" })),
      submit(model, work({ value: 4 })),
    ]);
    assert.equal(reason(dead), "WORKER_LOST");
    assert.deepEqual(answer(behind), { value: 8 });
  });

  it("is not another model when its worker is started again, whatever became of the file", async () => {
    writeFileSync(file, scaleModel({ factor: 5, shape: ["batch", 1] }));
    const failed = once(states, "FAILED");
    assert.equal(reason(await submit(model, work({ value: 1, mood: "die" }))), "WORKER_LOST");
    assert.match(
      String(await failed),
      /model\.onnx: its sha256 is [0-9a-f]{64}, expected [0-9a-f]{64}; it is another model/,
    );
  });
});
