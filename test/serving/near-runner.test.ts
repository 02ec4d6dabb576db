import assert from "node:assert/strict";
import path from "node:path";
import type { Signature } from "../../src/contract/signature.js";
import type { RunCost, WorkerSettings } from "../../src/serving/messages.js";
import { NearRunner } from "../../src/serving/near-runner.js";
import { type Job, WorkerPool } from "../../src/serving/pool.js";
import { expectedMs, measureCost } from "../../src/serving/run-cost.js";
import { lookupModel, scaleModel, slowModel } from "../support/onnx-builder.js";
import { fp32, slowWork, writeModel } from "../support/served.js";

const CHEAP: RunCost = { firstRowMs: 0, nextRowMs: 0.01 };

interface Started {
  readonly runner: NearRunner;
  /** What the model's worker measured. */
  readonly cost: RunCost | undefined;
  /** Jobs that went to a worker. */
  readonly far: Job[];
  /** How often the runner has given runs on its own thread up. */
  readonly givenUp: () => number;
  /** How often the runner has said that there is room again. */
  readonly roomMade: () => number;
}

describe("NearRunner", () => {
  let started: Started;
  afterEach(() => started.runner.close());

  const rows = (values: readonly number[]) => [fp32("x", [values.length, 1], values)];
  const scale = (...values: number[]): Job => ({ request: { kind: "run", inputs: rows(values), outputs: undefined } });
  const answer = async (job: Job) => {
    const result = await started.runner.run(job);
    assert(result.kind === "ran");
    return [...(result.outputs[0]!.data as Float32Array)];
  };

  it("runs a job that is cheaper here than the way to a worker, and gives the worker's answer", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    const far = await answer(scale(1, 2));
    assert.equal(started.far.length, 1, "nothing is run here before it is settled");
    await started.runner.settle(CHEAP);
    assert(started.runner.near);
    assert.deepEqual(await answer(scale(1, 2)), far);
    assert.equal(started.far.length, 1);
  });

  it("tells each run's own time, though several are taken on at once", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    await started.runner.settle(CHEAP);
    const results = await Promise.all([scale(1), scale(2), scale(3)].map((job) => started.runner.run(job)));
    let lastMs = 0;
    for (const { span } of results) {
      assert(span.startMs >= lastMs && span.endMs > span.startMs, JSON.stringify(results.map((result) => result.span)));
      lastMs = span.endMs;
    }
    assert(lastMs > 0);
  });

  it("measures a small model's runs by their rows", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    assert(started.cost!.firstRowMs > 0 && started.cost!.nextRowMs >= 0);
  });

  it("runs nothing of a model here that is to have runs at the same time", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }), 2);
    await started.runner.settle(CHEAP);
    assert(!started.runner.near);
    await answer(scale(1));
    assert.equal(started.far.length, 1);
  });

  it("sends what would keep the thread for long to a worker", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    await started.runner.settle(CHEAP);
    // At a hundredth of a millisecond a row, two hundred rows are two milliseconds.
    await answer(scale(...new Array<number>(200).fill(1)));
    assert.equal(started.far.length, 1);
  });

  it("lets its workers go, and starts them again for the first job that needs one", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    await started.runner.settle(CHEAP);
    assert(started.runner.idle && started.runner.readyWorkers === 1, "a job would be taken");
    const large = new Array<number>(200).fill(1);
    assert.deepEqual(await answer(scale(...large)), new Array(200).fill(2));
    // The worker stays: whoever needs one once is likely to again.
    assert.deepEqual(await answer(scale(...large)), new Array(200).fill(2));
    assert.deepEqual(await answer(scale(3)), [6]);
    assert.equal(started.far.length, 2);
  });

  it("goes on with small jobs while a worker comes back for a large one", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    await started.runner.settle(CHEAP);
    const works = (count: number) => ({ kind: "tensors" as const, inputs: rows(new Array<number>(count).fill(1)) });
    const ended: string[] = [];
    const large = answer(scale(...new Array<number>(200).fill(1))).then(() => ended.push("large"));
    assert(started.runner.idle && started.runner.takes(works(1), 0) && !started.runner.takes(works(200), 0));
    assert(!started.runner.takes(works(1), 199), "joined with others it is a large one");
    assert.deepEqual(await answer(scale(3)), [6]);
    ended.push("small");
    await large;
    assert.deepEqual(ended, ["small", "large"]);
    assert(started.runner.takes(works(200), 0));
  });

  it("shares the time between two looks for health checks with other models", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    const other = await start(scaleModel({ factor: 3, shape: ["batch", 1] }));
    try {
      for (const { runner } of [started, other]) await runner.settle(CHEAP);
      const [own, others] = [other, started].map(({ runner }) => runner) as [NearRunner, NearRunner];
      const work = { kind: "tensors" as const, inputs: rows([1]) };
      const made: Promise<unknown>[] = [];
      while (others.takes(work, 0)) made.push(others.run(scale(...new Array<number>(99).fill(1))));
      assert(made.length > 1 && !own.takes(work, 0), `${made.length} runs fill a turn`);
      const rooms = other.roomMade() + started.roomMade();
      await Promise.all(made);
      await new Promise((resolve) => setImmediate(resolve));
      assert(own.takes(work, 0) && others.takes(work, 0));
      assert.equal(other.roomMade() + started.roomMade() - rooms, 2, "both are told");
    } finally {
      await other.runner.close();
    }
  });

  it("ends well whether its workers rest or not", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    await started.runner.settle(CHEAP);
    await started.runner.close();
  });

  it("leaves a model to its workers that takes longer than the way there", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    await started.runner.settle({ firstRowMs: 10_000, nextRowMs: 0 });
    assert(!started.runner.near);
  });

  it("leaves models to their workers whose time hangs on the values", async () => {
    started = await start(slowModel());
    assert.equal(started.cost, undefined);
    await started.runner.settle(started.cost);
    assert(!started.runner.near);
  });

  it("keeps its inputs whole: their buffers are not handed over", async () => {
    started = await start(scaleModel({ factor: 2, shape: ["batch", 1] }));
    await started.runner.settle(CHEAP);
    const job = scale(3);
    await answer(job);
    const { request } = job;
    assert(request.kind === "run");
    assert.deepEqual([...(request.inputs[0]!.data as Float32Array)], [3]);
  });

  it("fails a run as a worker does: the cause is kept, the caller is told no more", async () => {
    started = await start(lookupModel([1, 2]));
    await started.runner.settle(CHEAP);
    const data = new BigInt64Array([99n]);
    const inputs = [{ name: "index", datatype: "INT64", shape: [1], data }] as const;
    await assert.rejects(started.runner.run({ request: { kind: "run", inputs, outputs: undefined } }), {
      reason: "RUN_FAILED",
      message: "test/r1: the model failed on this input",
    });
    assert.equal(started.far.length, 0);
  });

  it("gives runs here up once several took longer than health checks may wait", async () => {
    started = await start(slowModel());
    await started.runner.settle(CHEAP);
    const work = slowWork(600, 1);
    assert(work.kind === "tensors");
    const job: Job = { request: { kind: "run", inputs: work.inputs, outputs: undefined } };
    for (let run = 0; run < 6; run++) await started.runner.run(job);
    assert.equal(started.givenUp(), 1);
    assert(!started.runner.near);
    await started.runner.run(job);
    assert.equal(started.far.length, 1);
  });
});

describe("measureCost()", () => {
  const signature = (shape: number[]): Signature => ({
    inputs: [{ name: "x", datatype: "FP32", shape }],
    outputs: [{ name: "y", datatype: "FP32", shape }],
  });

  it("can't tell the time of a model with a free dimension beside its rows", async () => {
    assert.equal(await measureCost(signature([-1, -1]), async () => []), undefined);
    assert.notEqual(await measureCost(signature([-1, 3]), async () => []), undefined);
  });

  it("refuses a model that takes long", async () => {
    const slow = () => new Promise<never[]>((resolve) => setTimeout(resolve, 5, []));
    assert.equal(await measureCost(signature([-1, 3]), slow), undefined);
  });

  it("expects a run to take as long as its rows", () => {
    assert.equal(expectedMs({ firstRowMs: 1, nextRowMs: 0.5 }, [fp32("x", [3, 1], [1, 2, 3])]), 2);
    assert.equal(expectedMs({ firstRowMs: 1, nextRowMs: 0.5 }, []), 1);
  });
});

async function start(bytes: Uint8Array, workers = 1): Promise<Started> {
  const modelPath = writeModel(bytes);
  const settings: WorkerSettings = {
    label: "test/r1",
    modelPath,
    modelRoot: path.dirname(modelPath),
    sha256: undefined,
    threads: 1,
    maxBatchRows: 8,
    signature: undefined,
    transform: undefined,
  };
  let announce = (_cost: RunCost | undefined) => {};
  const ready = new Promise<RunCost | undefined>((resolve) => {
    announce = resolve;
  });
  const pool = new WorkerPool(settings, workers, {
    onReady: ({ cost }) => announce(cost),
    onFailed: (problem) => assert.fail(problem),
    onIdle() {},
    onCrash: (problem) => assert.fail(problem),
  });
  const far: Job[] = [];
  const run = pool.run.bind(pool);
  pool.run = (job) => {
    far.push(job);
    return run(job);
  };
  let givenUp = 0;
  let roomMade = 0;
  const runner = new NearRunner(pool, settings, {
    onIdle: () => {
      roomMade += 1;
    },
    onGivenUp: () => {
      givenUp += 1;
    },
  });
  return { runner, cost: await ready, far, givenUp: () => givenUp, roomMade: () => roomMade };
}
