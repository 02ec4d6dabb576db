import assert from "node:assert/strict";
import { judge } from "../../../src/kubectl/rollout/judge.js";
import { figures, rolloutOf, window } from "../../support/rollouts.js";

const rollout = rolloutOf();
const calm = figures({ calls: 9000 });

describe("judge()", () => {
  for (const [what, r1, r2, kind, text] of [
    [
      "a revision that keeps its limits",
      calm,
      figures({ calls: 1000, failed: 2 }),
      "good",
      /^r2 1 000 calls, 0.2% failed, p99 2.\d+ ms; r1 9 000 calls, 0% failed/,
    ],
    [
      "one that fails too often",
      calm,
      figures({ calls: 1000, failed: 50 }),
      "bad",
      /^r2 failed 5% \(50 of 1 000\) of its calls \(INTERNAL 50\), more than 1%; r1 failed 0% \(0 of 9 000\) in the same time$/,
    ],
    [
      "one that fails every call, before there are calls enough",
      calm,
      figures({ calls: 6, failed: 6 }),
      "bad",
      /^r2 failed 100% \(6 of 6\)/,
    ],
    [
      "one whose first call failed",
      calm,
      figures({ calls: 1, failed: 1 }),
      "unclear",
      /r2 answered 1 calls in 60 s; it takes 100/,
    ],
    [
      "one that fails a little too often to be chance or not",
      calm,
      figures({ calls: 150, failed: 3 }),
      "unclear",
      /more calls have to tell whether that is chance$/,
    ],
    [
      "one within its limit and yet clearly worse than the stable one",
      calm,
      figures({ calls: 20_000, failed: 160 }),
      "bad",
      /^r2 failed 0.8% .*, more than 0.5 points over r1; r1 failed 0%/,
    ],
    [
      "one that fails no more than the stable one does",
      figures({ calls: 900, failed: 90 }),
      figures({ calls: 1000, failed: 90 }),
      "good",
      /9% failed/,
    ],
    [
      "a slow one",
      calm,
      figures({ calls: 1000, slow: 100 }),
      "bad",
      /^p99 of r2 is 9\d.* ms, more than 50 ms; r1 has 2.\d+ ms in the same time$/,
    ],
    [
      "one that is as slow as the stable one",
      figures({ calls: 900, slow: 90 }),
      figures({ calls: 1000, slow: 90 }),
      "good",
      /p99 9\d/,
    ],
    ["one with too few calls", calm, figures({ calls: 20 }), "unclear", /^r2 answered 20 calls in 60 s; it takes 100$/],
    ["one that nobody calls", calm, figures({ calls: 0 }), "unclear", /^r2 answered 0 calls/],
    ["one that has all the calls", figures({ calls: 0 }), figures({ calls: 500 }), "good", /; r1 no calls$/],
    [
      "one that fails with all the calls",
      figures({ calls: 0 }),
      figures({ calls: 500, failed: 100 }),
      "bad",
      /; r1 had no calls$/,
    ],
  ] as const) {
    it(`finds ${what} ${kind}`, () => {
      const verdict = judge(rollout, window(r1, r2));
      assert.equal(verdict.kind, kind, verdict.text);
      assert.match(verdict.text, text);
    });
  }

  it("finds one bad that is several times as slow as the stable one, where nobody set a limit", () => {
    const { p99Ms: _, ...limits } = rollout.limits;
    const verdict = judge(rolloutOf({ limits }), window(calm, figures({ calls: 1000, slow: 100 })));
    assert.equal(verdict.kind, "bad");
    assert.match(verdict.text, /more than 2 times that of r1/);
  });

  it("counts the server's faults alone", () => {
    const own = {
      ...figures({ calls: 500 }),
      codes: new Map([
        ["OK", 400],
        ["INVALID_ARGUMENT", 50],
        ["RESOURCE_EXHAUSTED", 50],
      ]),
    };
    assert.equal(judge(rollout, window(calm, own)).kind, "good");
  });
});
