import assert from "node:assert/strict";
import { chainsOf, hopViews } from "../../src/kubectl/hops/hop-view.js";
import { figures } from "../support/rollouts.js";

/** All calls at one time. */
const times = (seconds: number, calls = 100) =>
  new Map([
    [seconds / 2, 0],
    [seconds, calls],
    [Number.POSITIVE_INFINITY, calls],
  ]);
const hop = (from: string, to: string, seconds: number, revision = "r1") => ({
  from,
  to,
  revision,
  overhead: times(seconds),
});
const NONE = new Map();
const budgetOf = () => 10;

describe("hops", () => {
  it("say what part of the whole is overhead", () => {
    const revisions = new Map([["r1", figures({ calls: 100 })]]);
    const [view] = hopViews({
      hops: [hop("a", "b", 0.002)],
      figures: new Map([["b", { seconds: 10, revisions }]]),
      budgetOf,
    });
    assert.equal(view!.overheadP50, 1.5);
    assert(view!.share! > 40 && view!.share! < 55, `${view!.share}`);
    assert.equal(view!.overBudget, false);
  });

  it("are over their budget by their p99", () => {
    const [view] = hopViews({ hops: [hop("a", "b", 0.02)], figures: NONE, budgetOf });
    assert.equal(view!.overBudget, true);
    assert.equal(view!.share, undefined);
  });

  it("add up along a chain, by the slower of a callee's revisions", () => {
    const hops = [hop("a", "b", 0.002), hop("b", "c", 0.004), hop("b", "c", 0.008, "r2")];
    assert.deepEqual(
      chainsOf(hopViews({ hops, figures: NONE, budgetOf })).map(({ services, overheadP50 }) => [services, overheadP50]),
      [[["a", "b", "c"], 7.5]],
    );
  });

  it("make no chain of a single hop, and none without an end", () => {
    const views = hopViews({ hops: [hop("a", "b", 0.002), hop("b", "a", 0.002)], figures: NONE, budgetOf });
    assert.deepEqual(chainsOf(views), []);
  });
});
