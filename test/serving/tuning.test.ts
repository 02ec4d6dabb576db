import assert from "node:assert/strict";
import { type Measurement, recommend } from "../../src/serving/tuning.js";

/** A model whose run takes `firstMs` and `rowMs` for each row, on any number of threads. */
function linear(firstMs: number, rowMs: number, threads = [1]): Measurement[] {
  return threads.flatMap((count) =>
    [1, 2, 4, 8, 16].map((rows) => {
      const usualMs = firstMs + rows * rowMs;
      return { threads: count, rows, usualMs, slowMs: usualMs };
    }),
  );
}

describe("recommend()", () => {
  it("joins as many rows as the latency allows where that makes rows cheaper", () => {
    const wide = recommend(linear(10, 1), { processors: 1, latencyMs: 1000, near: false });
    assert.equal(wide.maxSize, 16);
    assert(wide.meetsTarget && wide.latencyMs <= 1000);
    // Eight rows take 18 ms, and a call may come just after such a run has begun.
    assert.equal(recommend(linear(10, 1), { processors: 1, latencyMs: 40, near: false }).maxSize, 8);
    assert.equal(recommend(linear(10, 1), { processors: 1, latencyMs: 29, near: false }).maxSize, 4);
  });

  it("leaves calls alone where joining them brings next to nothing", () => {
    const { maxSize, maxDelayMs } = recommend(linear(0.1, 10), { processors: 1, latencyMs: 1000, near: false });
    assert.deepEqual([maxSize, maxDelayMs], [1, 0]);
  });

  it("lets calls wait for company within the time to spare, and no longer than a run takes", () => {
    const tight = recommend(linear(10, 1), { processors: 1, latencyMs: 54, near: false });
    assert.equal(tight.maxSize, 16);
    assert.equal(tight.maxDelayMs, 1);
    assert.equal(recommend(linear(10, 1), { processors: 1, latencyMs: 1000, near: false }).maxDelayMs, 26);
  });

  it("has a worker for each processor where more threads make a run no faster", () => {
    const { workers, threads } = recommend(linear(1, 1, [1, 2, 4]), { processors: 4, latencyMs: 100, near: false });
    assert.deepEqual([workers, threads], [4, 1]);
  });

  it("has one worker where the server makes the runs of one on its own thread", () => {
    const near = recommend(linear(0.01, 0.01, [1, 2, 4]), { processors: 4, latencyMs: 100, near: true });
    assert.deepEqual([near.workers, near.threads], [1, 1]);
    assert.equal(near.rowsPerSecond, (near.maxSize * 1e3) / (0.01 + near.maxSize * 0.01));
  });

  it("takes more threads where only they keep to the latency", () => {
    const faster = linear(10, 10, [1]).concat(linear(3, 3, [4]));
    assert.deepEqual(
      (({ workers, threads, meetsTarget }) => ({ workers, threads, meetsTarget }))(
        recommend(faster, { processors: 4, latencyMs: 13, near: false }),
      ),
      { workers: 1, threads: 4, meetsTarget: true },
    );
  });

  it("says that no setting keeps to the latency, and gives the one with the least", () => {
    const { meetsTarget, maxSize } = recommend(linear(10, 1), { processors: 1, latencyMs: 1, near: false });
    assert.deepEqual([meetsTarget, maxSize], [false, 1]);
  });
});
