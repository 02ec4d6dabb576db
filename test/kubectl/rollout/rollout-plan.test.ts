import assert from "node:assert/strict";
import { formatChanges } from "../../../src/kubectl/plan-text.js";
import {
  planAdvance,
  planBack,
  planResume,
  planStart,
  planSucceed,
  underWay,
} from "../../../src/kubectl/rollout/rollout-plan.js";
import { planCanary, type Situation, type TrafficPlan } from "../../../src/kubectl/traffic-plan.js";
import { rolloutOf } from "../../support/rollouts.js";
import { routed } from "../../support/routed.js";

const start = routed("traffic: { r1: 100 }", "shadow: { revision: r2, percent: 20 }").situation;
const { intervalMs, limits } = rolloutOf();
const order = { revision: "r2", steps: [5, 25, 100], intervalMs, limits };
const moment = { holder: { id: "host/1/x", name: "anna" }, at: "2026-11-25T10:00:00.000Z" };

function after(situation: Situation, { traffic, stable, rollout }: TrafficPlan): Situation {
  return { ...situation, traffic, state: { ...situation.state, stable, rollout } };
}

function changes(situation: Situation, { traffic }: TrafficPlan): string {
  return formatChanges(situation.traffic, traffic);
}

describe("a roll-out", () => {
  const first = after(start, planStart(start, order, moment));

  it("begins with the first step, and takes the revision's copies away", () => {
    assert.equal(changes(start, planStart(start, order, moment)), "r1 100→95  r2 0→5  shadow r2 20%→off");
    assert.equal(first.state.rollout?.phase, "Progressing");
  });

  it("begins with the step that a canary is at", () => {
    const canary = after(start, planCanary(start, "r2", 25));
    const plan = planStart(canary, order, moment);
    assert.deepEqual(plan.rollout?.steps, [25, 100]);
    assert.equal(changes(canary, plan), "");
  });

  it("goes on step by step, and then trusts the revision", () => {
    const second = after(first, planAdvance(first, first.state.rollout!, { why: "good", at: moment.at }));
    assert.equal(formatChanges(first.traffic, second.traffic), "r1 95→75  r2 5→25");
    const third = after(second, planAdvance(second, second.state.rollout!, { why: "good", at: moment.at }));
    const end = planSucceed(third, third.state.rollout!, "good");
    assert.deepEqual(end.traffic.weights, [{ revision: "r2", percent: 100 }]);
    assert.deepEqual(end.stable, { current: "r2", previous: "r1" });
    assert.equal(end.rollout?.phase, "Succeeded");
  });

  it("gives all calls back, and trusts whom it trusted", () => {
    const back = planBack(first, first.state.rollout!, { why: "bad", phase: "failed" });
    assert.deepEqual(back.traffic.weights, [{ revision: "r1", percent: 100 }]);
    assert.deepEqual(back.stable, { current: "r1", previous: undefined });
    assert.equal(back.rollout?.why, "bad");
  });

  it("is taken up with the step's weights, whatever became of them", () => {
    const drifted = { ...first, traffic: start.traffic };
    assert.equal(changes(drifted, planResume(drifted, moment)), "r1 100→95  r2 0→5  shadow r2 20%→off");
  });

  it("is refused for the stable revision, and where a third one has calls", () => {
    assert.throws(() => planStart(start, { ...order, revision: "r1" }, moment), /r1 is the stable revision/);
    const canary = after(start, planCanary(start, "r3", 25));
    assert.throws(() => planStart(canary, order, moment), /r3 of acme.fraud.v1 has calls too/);
  });

  it("can't be found where none is under way", () => {
    assert.throws(() => underWay(start), /there is no roll-out of acme.fraud.v1/);
    const ended = after(first, planBack(first, first.state.rollout!, { why: "bad", phase: "failed" }));
    assert.throws(
      () => underWay(ended),
      /none|no roll-out of acme.fraud.v1 is under way; the last one, of r2, has failed/,
    );
  });
});
