import assert from "node:assert/strict";
import { loadFleet } from "../../src/fleet/load.js";
import { type PackagePlan, planPackage } from "../../src/packaging/package-plan.js";

describe("planPackage()", () => {
  const fleet = loadFleet("fleet.yaml");
  const revisionsOf = ({ contracts }: PackagePlan) =>
    contracts.flatMap(({ revisions }) => revisions.map(({ contract, revision }) => `${contract}/${revision.name}`));

  it("builds every revision of the fleet on one runtime", () => {
    const plan = planPackage(fleet, []);
    assert.equal(plan.runtime, `${fleet.images.repository}/flotilla:${fleet.images.version}`);
    const all = fleet.contracts.flatMap(({ name, revisions }) =>
      revisions.map((revision) => `${name}/${revision.name}`),
    );
    assert.deepEqual(revisionsOf(plan), all);
    assert.deepEqual(plan.left, []);
  });

  it("builds the contracts and revisions that are named, in the fleet's order", () => {
    const plan = planPackage(fleet, ["acme.digits.v1", "acme.tumor.v1/r2"]);
    assert.deepEqual(revisionsOf(plan), ["acme.tumor.v1/r2", "acme.digits.v1/r0", "acme.digits.v1/r1"]);
  });

  it("leaves a revision whose image the fleet file names to others, and says so", () => {
    const plan = planPackage(loadFleet("fleet.options.yaml"), []);
    assert.deepEqual(
      plan.left.map(({ contract, revision }) => `${contract}/${revision.name}`),
      ["acme.tumor.v1/r2"],
    );
    assert(!revisionsOf(plan).includes("acme.tumor.v1/r2"));
  });

  for (const [name, message] of [
    [
      "acme.fraud.v1",
      /^acme\.fraud\.v1: expected a contract or contract\/revision of the fleet; it has acme\.tumor\.v1/,
    ],
    ["acme.tumor.v1/r9", /^acme\.tumor\.v1 has no revision "r9"; it has r1, r2, r3$/],
    ["acme.tumor.v1/r1/x", /^acme\.tumor\.v1\/r1\/x: expected a contract or contract\/revision/],
  ] as const) {
    it(`refuses ${name}, and says what there is`, () => {
      assert.throws(() => planPackage(fleet, [name]), { message });
    });
  }

  it("refuses to build the image that the fleet file names", () => {
    assert.throws(() => planPackage(loadFleet("fleet.options.yaml"), ["acme.tumor.v1/r2"]), {
      message: /the fleet file names its image, registry\.example\.com.*leave `image` out/,
    });
  });
});
