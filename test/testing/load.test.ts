import assert from "node:assert/strict";
import { type LoadPlan, type MakeCall, runLoad } from "../../src/testing/load.js";
import { type LoadStage, steadyStage } from "../../src/testing/load-profile.js";

const PLAN = { warmUpMs: 20, maxInFlight: 1000 };
const closed = (callers: number): LoadPlan => ({ ...PLAN, arrivals: { kind: "closed", callers, durationMs: 200 } });
const open = (stages: readonly LoadStage[], over: Partial<LoadPlan> = {}): LoadPlan => ({
  ...PLAN,
  arrivals: { kind: "open", stages, gaps: "equal" },
  ...over,
});
/** Not a whole number of gaps, so that no call is due just when it ends. */
const steady = (ratePerSecond: number) => [steadyStage("", ratePerSecond, 205)];

/** Answers each call after some time, and notes how many were open. */
function answering(afterMs: number, code = "OK") {
  const seen = { open: 0, most: 0, made: 0 };
  const call: MakeCall = (done) => {
    seen.made += 1;
    seen.open += 1;
    seen.most = Math.max(seen.most, seen.open);
    setTimeout(() => {
      seen.open -= 1;
      done(code);
    }, afterMs);
  };
  return { seen, call };
}

/** Answers nothing until it is told to. */
function holding() {
  const waiting: (() => void)[] = [];
  let held = true;
  const call: MakeCall = (done) => {
    if (held) waiting.push(() => done("OK"));
    else setImmediate(done, "OK");
  };
  const release = () => {
    held = false;
    for (const answer of waiting) answer();
    return waiting.length;
  };
  return { call, release };
}

describe("runLoad()", () => {
  it("has as many calls open as a closed loop has callers, no more", async () => {
    const { seen, call } = answering(1);
    const result = await runLoad(closed(5), call);
    assert.equal(seen.most, 5);
    assert.equal(seen.open, 0, "every call is answered before it resolves");
    assert.equal(result.codes.OK, result.asMeasured.count);
  });

  it("does not count the calls of the warm-up", async () => {
    const { seen, call } = answering(1);
    const { codes } = await runLoad({ ...closed(1), warmUpMs: 100 }, call);
    assert(codes.OK! > 0 && codes.OK! < seen.made);
  });

  it("goes on making an open loop's calls though none is answered", async () => {
    const { call, release } = holding();
    let held = 0;
    const { codes } = await runLoad(open(steady(500)), call, {
      onEnd: () => {
        held = release();
      },
    });
    assert(held > 20, `${held} calls were open`);
    assert.equal(codes.OK, 102, "each that was due");
  });

  it("makes every call that is due in a stage, and counts it there, however long its answer takes", async () => {
    const stages = [steadyStage("calm", 100, 105), steadyStage("spike", 400, 100), steadyStage("after", 100, 107)];
    const { call, release } = holding();
    const result = await runLoad(open(stages), call, { onEnd: () => void release() });
    // Half a call is left from the first stage, and from the second: 10.5, 40.5, 11.2.
    assert.deepEqual(
      result.stages.map(({ stage, codes }) => [stage.name, codes.OK]),
      [
        ["calm", 10],
        ["spike", 40],
        ["after", 11],
      ],
    );
    assert.equal(result.codes.OK, 61);
    assert.equal(result.latency.count, 61);
    assert(!result.isCut);
  });

  it("tells the figures of each stage once it is over", async () => {
    const told: string[] = [];
    await runLoad(open([steadyStage("1", 100, 50), steadyStage("2", 100, 50)]), answering(1).call, {
      onStageEnd: ({ stage, seconds }) => void told.push(`${stage.name}: ${seconds}`),
    });
    assert.deepEqual(told, ["1: 0.05", "2: 0.05"]);
  });

  for (const [kind, plan] of [
    ["a closed loop", closed(1)],
    ["an open loop", open([steadyStage("1", 100, 3_600_000), steadyStage("2", 100, 3_600_000)])],
  ] as const) {
    it(`ends ${kind} when it is told to, with what was counted until then`, async () => {
      const early = new AbortController();
      const counted = answering(1);
      const result = await runLoad(
        {
          ...plan,
          arrivals: plan.arrivals.kind === "closed" ? { ...plan.arrivals, durationMs: 3_600_000 } : plan.arrivals,
        },
        counted.call,
        {
          signal: early.signal,
          onProgress: () => {
            if (counted.seen.made > 10) early.abort();
          },
        },
      );
      assert(result.isCut);
      assert(result.seconds < 3600);
      assert.equal(counted.seen.open, 0);
      assert(result.stages.length <= 1, "a stage that never began has no figures");
    });
  }

  it("counts a stall for every call that was due in it, not for the one that met it", async () => {
    // Blocks as a generator in one thread with its server would: nothing goes out for the time of the stall.
    let stalled = false;
    const stall = () => {
      stalled = true;
      const endMs = performance.now() + 100;
      while (performance.now() < endMs);
    };
    const result = await runLoad(open(steady(200)), (done) => {
      if (!stalled) setTimeout(stall, PLAN.warmUpMs + 30);
      stalled = true;
      setImmediate(done, "OK");
    });
    // 20 of 40 calls fall into half of the time; from their sending none of them took long.
    assert(result.latency.percentilesMs["75"]! > 20, JSON.stringify(result.latency));
    assert(result.asMeasured.percentilesMs["75"]! < result.latency.percentilesMs["75"]!);
    assert(result.lateness.maxMs > 50);
  });

  it("adds to a closed loop's latencies the calls that its callers did not make while they waited", async () => {
    let made = 0;
    const result = await runLoad(closed(1), (done) => {
      made += 1;
      setTimeout(done, made === 20 ? 100 : 1, "OK");
    });
    assert(result.latency.count > result.asMeasured.count);
    assert(result.latency.meanMs > result.asMeasured.meanMs);
  });

  it("counts failures by code, and takes no latency of them", async () => {
    const result = await runLoad(closed(2), answering(1, "UNAVAILABLE").call);
    assert.deepEqual(Object.keys(result.codes), ["UNAVAILABLE"]);
    assert.equal(result.latency.count, 0);
  });

  it("stops making calls where too many are open, and says how many it left out", async () => {
    const { call, release } = holding();
    let held = 0;
    const { codes, notSent } = await runLoad(open(steady(1000), { maxInFlight: 3, warmUpMs: 0 }), call, {
      onEnd: () => {
        held = release();
      },
    });
    assert.equal(held, 3);
    assert(notSent > 0);
    assert.equal((codes.OK ?? 0) + notSent, 204, "each that was due is counted");
  });

  it("tells when counting begins and ends", async () => {
    const told: string[] = [];
    await runLoad(closed(1), answering(1).call, {
      onBegin: () => void told.push("begin"),
      onEnd: () => void told.push("end"),
    });
    assert.deepEqual(told, ["begin", "end"]);
  });
});
