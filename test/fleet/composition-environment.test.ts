import assert from "node:assert/strict";
import { compositionBudget } from "../../src/fleet/composition-budget.js";
import { toCompositionEnvironment, withCompositionEnvironment } from "../../src/fleet/composition-environment.js";
import { fleetOf, membersOf, model } from "../support/members.js";
import { DIGEST } from "./sample.js";

const { fleet, contract } = membersOf(
  fleetOf([
    `name: acme.ocr.v1
calls: [acme.lines.v1]
deadline: 10s
reserve: 200ms
revisions: { r1: { module: r1.ts, sha256: ${DIGEST} } }`,
    `name: acme.lines.v1
deadline: 2s
methods: { PredictOften: { deadline: 4s } }
objectives: { hopOverhead: 3ms }
revisions: { r1: ${model("r1")} }`,
  ]),
)[0]!;

describe("a composition's environment", () => {
  it("tells a server in a cluster its time, and whom it calls where", () => {
    const empty = { deadlineMs: 1, reserveMs: 1, callees: [] };
    assert.deepEqual(withCompositionEnvironment(empty, toCompositionEnvironment(fleet, contract)), {
      deadlineMs: 10_000,
      reserveMs: 200,
      callees: [
        {
          contract: "acme.lines.v1",
          address: `acme-lines-v1.${fleet.namespace}.svc.cluster.local:8500`,
          deadlineMs: 4000,
          overheadMs: 3,
        },
      ],
    });
  });

  it("leaves everything as it is where it is empty", () => {
    const budget = compositionBudget(fleet, contract);
    assert.deepEqual(withCompositionEnvironment(budget, { PATH: "/bin" }), budget);
  });

  for (const [name, value, message] of [
    ["FLOTILLA_CALLS", "{", /FLOTILLA_CALLS is wrong in "{": expected JSON/],
    [
      "FLOTILLA_CALLS",
      '{"a.v1":{"address":"a:1","deadline":"soon","hopOverhead":"1ms"}}',
      /FLOTILLA_CALLS\.a\.v1\.deadline is wrong/,
    ],
    ["FLOTILLA_DEADLINE", "0ms", /FLOTILLA_DEADLINE is wrong in "0ms": expected a duration above zero/],
  ] as const) {
    it(`refuses ${name}=${value}`, () => {
      const budget = compositionBudget(fleet, contract);
      assert.throws(() => withCompositionEnvironment(budget, { [name]: value }), { message });
    });
  }
});
