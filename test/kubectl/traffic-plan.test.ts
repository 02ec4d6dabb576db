import assert from "node:assert/strict";
import { changesBetween, fleetFileLines, formatChanges } from "../../src/kubectl/plan-text.js";
import {
  PlanError,
  planCanary,
  planCohort,
  planPromote,
  planRollback,
  planShadow,
  type Situation,
  type TrafficPlan,
} from "../../src/kubectl/traffic-plan.js";
import { rolloutOf } from "../support/rollouts.js";
import { routed } from "../support/routed.js";

const start = routed(
  "traffic: { r1: 100 }",
  "cohorts: { beta: r3 }",
  "shadow: { revision: r2, percent: 20 }",
).situation;

function whole(revision: string) {
  return [{ revision, percent: 100 }];
}

/** The situation after a plan was applied. */
function after(situation: Situation, plan: TrafficPlan): Situation {
  const { traffic, stable, rollout } = plan;
  return { ...situation, traffic, state: { ...situation.state, stable, rollout } };
}

function changes(situation: Situation, { traffic }: TrafficPlan): string {
  return formatChanges(situation.traffic, traffic);
}

describe("planCanary()", () => {
  it("gives a revision its share and the stable one the rest, and takes its copies away", () => {
    assert.equal(changes(start, planCanary(start, "r2", 10)), "r1 100→90  r2 0→10  shadow r2 20%→off");
  });

  it("moves the whole split to another canary", () => {
    const canary = after(start, planCanary(start, "r2", 10));
    assert.equal(changes(canary, planCanary(canary, "r3", 5)), "r1 90→95  r2 10→0  r3 0→5");
  });

  it("is refused for the stable revision, an unknown one, and one without a ready pod", () => {
    assert.throws(() => planCanary(start, "r1", 10), /r1 is the stable revision/);
    assert.throws(() => planCanary(start, "r9", 10), /has no revision r9; it has r0, r1, r2, r3/);
    const revisions = start.revisions.map((pods) => ({ ...pods, ready: 0, wanted: 2 }));
    assert.throws(
      () => planCanary({ ...start, revisions }, "r2", 10),
      /no pod that is ready \(0 of 2\).*kubectl get pods -l/,
    );
  });
});

describe("planRollback()", () => {
  it("gives the stable revision all calls of a canary back", () => {
    const canary = after(start, planCanary(start, "r2", 10));
    assert.equal(changes(canary, planRollback(canary)), "r1 90→100  r2 10→0");
  });

  it("goes back to the revision before one that was promoted, and no second time", () => {
    const promoted = after(start, planPromote(start, "r2"));
    assert.deepEqual(promoted.state.stable, { current: "r2", previous: "r1" });
    const back = after(promoted, planRollback(promoted));
    assert.deepEqual(back.traffic.weights, [{ revision: "r1", percent: 100 }]);
    assert.deepEqual(back.state.stable, { current: "r1", previous: undefined });
    assert.throws(() => planRollback(back), /r1 100 already, and no revision before it is known/);
  });

  it("ends a roll-out", () => {
    const rollout = rolloutOf({ revision: "r2", stable: "r1", steps: [10, 100] });
    const situation = after(start, { ...planCanary(start, "r2", 10), rollout });
    assert.equal(planRollback(situation).rollout?.phase, "Aborted");
  });

  it("says which cohorts still get another revision", () => {
    const canary = after(start, planCanary(start, "r2", 10));
    assert.match(planRollback(canary).notes.join(), /cohort beta still gets r3/);
    const cohorts = new Map([
      [
        "split",
        [
          { revision: "r1", percent: 80 },
          { revision: "r2", percent: 20 },
        ],
      ],
      ["whole", whole("r1")],
    ]);
    const steered = { ...canary, traffic: { ...canary.traffic, cohorts } };
    assert.deepEqual(planRollback(steered).notes, [
      "cohort split still gets r1 80, r2 20: `kubectl flotilla cohort acme.fraud.v1 split off`",
    ]);
  });
});

describe("planPromote()", () => {
  it("says that fewer pods will get the calls", () => {
    const revisions = start.revisions.map((pods) => (pods.revision === "r1" ? { ...pods, ready: 8 } : pods));
    assert.match(planPromote({ ...start, revisions }, "r2").notes.join(), /r2 has 1 pods ready, and 8 serve now/);
  });
});

describe("planShadow() and planCohort()", () => {
  it("set and take away", () => {
    assert.equal(changes(start, planShadow(start, "r3", 5)), "shadow r2 20%→off  shadow r3 off→5%");
    assert.equal(changes(start, planShadow(start, "r2", undefined)), "shadow r2 20%→off");
    assert.equal(changes(start, planCohort(start, "beta", undefined)), "cohort beta r3→off");
    assert.equal(changes(start, planCohort(start, "inside", whole("r2"))), "cohort inside off→r2");
    const plan = planCohort(start, "beta", [
      { revision: "r1", percent: 80 },
      { revision: "r2", percent: 20 },
    ]);
    assert.equal(changes(start, plan), "cohort beta r3→r1 80, r2 20");
    assert.equal(fleetFileLines(plan.traffic).at(-1), "cohorts: { beta: { r1: 80, r2: 20 } }");
  });

  it("refuse a shadow with calls of its own, and a cohort that is not there", () => {
    assert.throws(() => planShadow(start, "r1", 5), /r1 has 100% of the calls/);
    assert.throws(() => planCohort(start, "gamma", undefined), /no cohort gamma; it has beta/);
    const gone = [{ revision: "r1", percent: 80 }, ...whole("r9")];
    assert.throws(() => planCohort(start, "beta", gone), /no revision r9; it has r0, r1, r2, r3/);
  });
});

describe("while a roll-out is under way", () => {
  const rollout = rolloutOf({ revision: "r2", stable: "r1", steps: [10, 100] });
  const situation = { ...start, state: { ...start.state, rollout } };
  for (const [verb, plan] of [
    ["canary", () => planCanary(situation, "r3", 5)],
    ["promote", () => planPromote(situation, "r2")],
    ["shadow", () => planShadow(situation, "r3", 5)],
    ["cohort", () => planCohort(situation, "beta", whole("r2"))],
  ] as const) {
    it(`${verb} is refused, with the command that ends it`, () => {
      assert.throws(plan, (error: Error) => {
        assert(error instanceof PlanError);
        assert.match(
          error.message,
          /roll-out of r2 .* is under way \(10%, by anna\); end it with `kubectl flotilla rollout abort/,
        );
        return true;
      });
    });
  }
});

describe("a plan's text", () => {
  it("is nothing where nothing changes", () => {
    assert.deepEqual(changesBetween(start.traffic, start.traffic), []);
  });

  it("has the fleet file's lines that say the same", () => {
    assert.deepEqual(fleetFileLines(planCanary(start, "r3", 10).traffic), [
      "traffic: { r1: 90, r3: 10 }",
      "shadow: { revision: r2, percent: 20 }",
      "cohorts: { beta: r3 }",
    ]);
  });
});
