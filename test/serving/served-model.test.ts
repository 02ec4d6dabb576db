import assert from "node:assert/strict";
import type { Outcome, Work } from "../../src/serving/inference.js";
import type { ServedModel } from "../../src/serving/served-model.js";
import { addModel, lookupModel, model as onnxModel, scaleModel, slowModel } from "../support/onnx-builder.js";
import { fp32, reason, serveModel, slowWork, submit, values } from "../support/served.js";

/** Iterations that keep a worker busy for some tenths of a second: long enough for others to queue up behind. */
const BUSY = 600;
const BATCHING = { batching: { maxRows: 8, maxDelayMs: 0 } };

/** Calls go to an idle worker in the microtasks after they were submitted. */
function dispatched(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("ServedModel", () => {
  let model: ServedModel;
  afterEach(() => model.close());

  it("answers with the model's outputs and the time each stage took", async () => {
    model = await serveModel(scaleModel({ factor: 3 }));
    assert.equal(model.state, "READY");
    const outcome = await submit(model, { kind: "tensors", inputs: [fp32("x", [1, 3], [1, 2, 3])] });
    assert.deepEqual(values(outcome), [3, 6, 9]);
    assert(outcome.ok && outcome.timing.inferMs > 0 && outcome.timing.queueMs >= 0 && outcome.timing.batchMs >= 0);
  });

  it("joins the calls that wait into one run, and gives each caller its own rows", async () => {
    model = await serveModel(slowModel(), { settings: BATCHING });
    const first = submit(model, slowWork(BUSY, 0));
    await dispatched();
    const waiting = [submit(model, slowWork(1, 1)), submit(model, slowWork(1, 2, 3)), submit(model, slowWork(1, 4))];
    await first;
    assert.deepEqual((await Promise.all(waiting)).map(values), [[1], [2, 3], [4]]);
    assert.equal(model.statistics.executionCount, 2);
    assert.equal(model.statistics.batches.get(4)?.count, 1);
    assert.equal(model.statistics.inferenceCount, 5);
  });

  it("settles a caller that gives up at once, and its batch mates with their answers", async () => {
    model = await serveModel(slowModel(), { settings: BATCHING });
    const first = submit(model, slowWork(BUSY, 0));
    await dispatched();
    const [a, b, c] = [1, 2, 3].map((value) => submit(model, slowWork(1, value)));
    b!.cancel();
    assert.equal(reason(await b!), "CANCELLED");
    await first;
    assert.deepEqual([values(await a!), values(await c!)], [[1], [3]]);
    assert.equal(model.statistics.batches.get(2)?.count, 1, "the cancelled call was not run");
  });

  it("settles a caller that gives up while its batch runs, and its mates with their answers", async () => {
    let calls: (Promise<Outcome> & { cancel: () => void })[] = [];
    model = await serveModel(slowModel(), { settings: { batching: { maxRows: 3, maxDelayMs: 1000 } } });
    calls = [1, 2, 3].map((value) => submit(model, slowWork(BUSY, value)));
    await dispatched();
    assert.equal(model.waiting, 0);
    calls[1]!.cancel();
    assert.equal(reason(await calls[1]!), "CANCELLED");
    assert.deepEqual([values(await calls[0]!), values(await calls[2]!)], [[1], [3]]);
  });

  it("never joins calls of different shapes", async () => {
    model = await serveModel(scaleModel({ factor: 2, shape: ["batch", "width"] }), { settings: BATCHING });
    const outcomes = await Promise.all([
      submit(model, { kind: "tensors", inputs: [fp32("x", [1, 2], [1, 2])] }),
      submit(model, { kind: "tensors", inputs: [fp32("x", [1, 3], [3, 4, 5])] }),
      submit(model, { kind: "tensors", inputs: [fp32("x", [1, 2], [6, 7])] }),
    ]);
    assert.deepEqual(outcomes.map(values), [
      [2, 4],
      [6, 8, 10],
      [12, 14],
    ]);
  });

  it("never joins a call whose tensors differ in their rows: it would shift the rows of others", async () => {
    model = await serveModel(addModel({ shape: ["batch", 1] }), {
      settings: { batching: { maxRows: 8, maxDelayMs: 200 } },
    });
    // Joined, both tensors would have three rows, and each caller would get sums of the other's numbers.
    const [one, other, good] = await Promise.all([
      submit(model, { kind: "tensors", inputs: [fp32("a", [2, 1], [1, 2]), fp32("b", [1, 1], [10])] }),
      submit(model, { kind: "tensors", inputs: [fp32("a", [1, 1], [3]), fp32("b", [2, 1], [20, 30])] }),
      submit(model, { kind: "tensors", inputs: [fp32("a", [1, 1], [4]), fp32("b", [1, 1], [40])] }),
    ]);
    assert.deepEqual([one, other, good].map(values), [[11, 12], [23, 33], [44]]);
  });

  it("hands out at once what has all the company it may have, though others before it wait for theirs", async () => {
    model = await serveModel(scaleModel({ factor: 2, shape: ["batch", "width"] }), {
      settings: { batching: { maxRows: 2, maxDelayMs: 60_000 } },
    });
    const row = (...of: number[]) => submit(model, { kind: "tensors", inputs: [fp32("x", [1, of.length], of)] });
    const first = row(1, 2);
    const full = [row(1, 2, 3), row(4, 5, 6)];
    assert.deepEqual((await Promise.all(full)).map(values), [
      [2, 4, 6],
      [8, 10, 12],
    ]);
    assert.equal(model.waiting, 1);
    const mate = row(3, 4);
    assert.deepEqual(
      [values(await first), values(await mate)],
      [
        [2, 4],
        [6, 8],
      ],
    );
    assert.equal(model.statistics.batches.get(2)?.count, 2);
  });

  it("answers calls of many shapes that wait for company which never comes", async () => {
    model = await serveModel(scaleModel({ factor: 2, shape: ["batch", "width"] }), {
      settings: { batching: { maxRows: 2, maxDelayMs: 20 } },
    });
    const widths = Array.from({ length: 40 }, (_, index) => index + 1);
    const outcomes = await Promise.all(
      widths.map((width) =>
        submit(model, { kind: "tensors", inputs: [fp32("x", [1, width], new Array<number>(width).fill(width))] }),
      ),
    );
    assert.deepEqual(
      outcomes.map((outcome) => values(outcome)[0]),
      widths.map((width) => 2 * width),
    );
  });

  it("closes a batch early for a deadline, its own first call's or one's that waits behind another batch", async () => {
    model = await serveModel(slowModel(), { settings: { batching: { maxRows: 8, maxDelayMs: 60_000 } } });
    // After a long run calls are given more time than they take.
    await submit(model, slowWork(BUSY, 1, 2, 3, 4, 5, 6, 7, 8));
    const patient = submit(model, slowWork(1, 1));
    const behind = submit(model, { ...slowWork(1, 2), outputs: ["y"] } as Work, Date.now() + 500);
    assert.deepEqual(values(await behind), [2]);
    assert.equal(model.waiting, 1);
    const mate = submit(model, slowWork(1, 3), Date.now() + 500);
    assert.deepEqual([values(await patient), values(await mate)], [[1], [3]]);
  });

  it("does not batch a model whose rows depend on one another, and says so", async () => {
    const warnings: string[] = [];
    const softmaxOverRows = onnxModel({
      inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 1] }],
      outputs: [{ name: "y", datatype: "FP32", shape: ["batch", 1] }],
      nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"], attributes: { axis: { int: 0 } } }],
    });
    model = await serveModel(softmaxOverRows, {
      settings: { batching: { maxRows: 8, maxDelayMs: 200 } },
      observer: { onWarning: (_model, message) => void warnings.push(message) },
    });
    assert.deepEqual(warnings, ["batching is off: the answer to a row depends on the rows beside it"]);
    const alone = await Promise.all(
      [1, 2].map((value) => submit(model, { kind: "tensors", inputs: [fp32("x", [1, 1], [value])] })),
    );
    assert.deepEqual(alone.map(values), [[1], [1]]);
  });

  it("fails only the call that is at fault when its batch fails", async () => {
    model = await serveModel(lookupModel([10, 20, 30]), { settings: { batching: { maxRows: 3, maxDelayMs: 1000 } } });
    const ids = [1n, 99n, 2n].map((id) =>
      submit(model, {
        kind: "tensors",
        inputs: [{ name: "index", datatype: "INT64", shape: [1], data: new BigInt64Array([id]) }],
      }),
    );
    const [a, b, c] = await Promise.all(ids);
    assert.equal(reason(b!), "RUN_FAILED");
    assert.deepEqual([values(a!), values(c!)], [[20], [30]]);
  });

  it("sheds calls over the queue's size, and says how long the queue is", async () => {
    model = await serveModel(slowModel(), { settings: { queueSize: 2 } });
    const held = [submit(model, slowWork(BUSY, 0))];
    await dispatched();
    held.push(submit(model, slowWork(1, 1)), submit(model, slowWork(1, 2)));
    const shed = await submit(model, slowWork(1, 3));
    assert(!shed.ok);
    assert.equal(shed.fault.reason, "OVERLOADED");
    assert.match(shed.fault.message, /^test\.model\.v1\/r1: the queue is full: 2 calls wait, about \d+ ms of work/);
    assert(shed.fault.retryAfterMs! > 0);
    assert.deepEqual((await Promise.all(held)).map(values), [[0], [1], [2]]);
  });

  it("refuses a request whose deadline has passed before inference", async () => {
    model = await serveModel(slowModel());
    assert.equal(reason(await submit(model, slowWork(1, 1), Date.now() - 1)), "DEADLINE");
    assert.equal(model.statistics.executionCount, 0);
  });

  it("does not begin a request whose deadline passed in the queue", async () => {
    model = await serveModel(slowModel());
    const first = submit(model, slowWork(BUSY, 0));
    const late = submit(model, slowWork(1, 1), Date.now() + 20);
    assert.equal(reason(await late), "DEADLINE");
    await first;
    assert.equal(model.statistics.executionCount, 1);
  });

  it("hands the next call of a short model out before the one before has ended, and no more", async () => {
    model = await serveModel(slowModel());
    const held = [submit(model, slowWork(BUSY, 0)), submit(model, slowWork(1, 1)), submit(model, slowWork(1, 2))];
    await dispatched();
    assert.equal(model.waiting, 1);
    const outcomes = await Promise.all(held);
    assert.deepEqual(outcomes.map(values), [[0], [1], [2]]);
    // It waited for the long run all the same, and that is what its caller is told.
    const [first, second] = outcomes.map((outcome) => (outcome.ok ? outcome.timing : undefined));
    assert(second!.queueMs > 0.9 * first!.inferMs && second!.batchMs < second!.queueMs);
  });

  it("does not begin a call that was handed out and is given up before the one before has ended", async () => {
    model = await serveModel(slowModel());
    const first = submit(model, slowWork(BUSY, 0));
    const ahead = submit(model, slowWork(1, 1));
    await dispatched();
    assert.equal(model.waiting, 0);
    const behind = submit(model, slowWork(1, 2));
    ahead.cancel();
    assert.equal(reason(await ahead), "CANCELLED");
    assert.deepEqual([values(await first), values(await behind)], [[0], [2]]);
    assert.equal(model.statistics.executionCount, 2);
  });

  it("refuses a request that can't be met by the measured time, and measures again after enough of them", async () => {
    model = await serveModel(slowModel());
    for (let round = 0; round < 40; round++) await submit(model, slowWork(BUSY / 4, 0));
    const outcome = await submit(model, slowWork(1, 1), Date.now() + 3);
    assert(!outcome.ok);
    assert.match(outcome.fault.message, /ms are left and inference takes at least/);
    let tries = 0;
    while (!(await submit(model, slowWork(1, 1), Date.now() + 3)).ok) assert(++tries < 2000, "it never measured again");
  });

  it("answers what it holds before it ends", async () => {
    model = await serveModel(slowModel());
    const held = [0, 1, 2, 3].map((value) => submit(model, slowWork(50, value)));
    await model.close();
    assert.deepEqual((await Promise.all(held)).map(values), [[0], [1], [2], [3]]);
    assert.equal(reason(await submit(model, slowWork(1, 1))), "NOT_READY");
  });
});
