import assert from "node:assert/strict";
import { Fault } from "../../src/contract/fault.js";
import type { NamedRelease } from "../../src/serving/inference.js";
import { releasedRevision } from "../../src/serving/released-revision.js";

/** What a server has of acme.ocr.v1: its revisions, and what it knows of releases. */
function served(revisions: readonly string[], releases: Readonly<Record<string, string>> = {}) {
  const models = revisions.map((revision) => ({ revision }));
  return { name: "acme.ocr.v1", models, releases: new Map(Object.entries(releases)) };
}

const named = (name: string, ledTo?: string): NamedRelease => ({ name, ledTo });

describe("releasedRevision()", () => {
  it("has nothing to say of a call that names no release", () => {
    assert.equal(releasedRevision(served(["r1"], { new: "r1" }), { revision: "r9" }), undefined);
  });

  it("is what the server's own fleet file says, whatever a header claims", () => {
    const fleet = served(["r1", "r2"], { old: "r1", new: "r2" });
    assert.equal(releasedRevision(fleet, { release: named("new") }), "r2");
    assert.equal(releasedRevision(fleet, { release: named("old", "acme.ocr.v1=r2") }), "r1");
  });

  it("is what the mesh says on a server that knows no releases", () => {
    assert.equal(releasedRevision(served(["r2"]), { release: named("new", "acme.ocr.v1=r2") }), "r2");
  });

  it("may be asked for by its name too", () => {
    const wanted = { revision: "r2", release: named("new") };
    assert.equal(releasedRevision(served(["r1", "r2"], { new: "r2" }), wanted), "r2");
  });

  for (const [promise, contract, wanted, text] of [
    [
      "a release that the fleet file does not have",
      served(["r1"], { old: "r1", new: "r1" }),
      { release: named("2027") },
      'release "2027" does not lead to acme.ocr.v1: it is in old, new',
    ],
    [
      "a release whose route did not lead the call here",
      served(["r1"]),
      { release: named("new") },
      'release "new" does not lead to acme.ocr.v1: name one that the fleet file has, with this contract in it, and no pin of the contract beside it',
    ],
    [
      "a release whose route led to another contract, and whose header somebody passed on",
      served(["r1"]),
      { release: named("new", "acme.ocr_detector.v1=r1") },
      'release "new" does not lead to acme.ocr.v1: name one that the fleet file has, with this contract in it, and no pin of the contract beside it',
    ],
    [
      "a release whose revision is not here",
      served(["r1"]),
      { release: named("new", "acme.ocr.v1=r2") },
      'release "new" has acme.ocr.v1 r2, and this server serves r1',
    ],
    [
      "a release, where the call asks for another revision beside it",
      served(["r1", "r2"], { new: "r2" }),
      { revision: "r1", release: named("new") },
      'release "new" has acme.ocr.v1 r2, and the call asks for r1: send one of the two',
    ],
    [
      "a name of any length, of which it repeats a hundred characters",
      served(["r1"], { new: "r1" }),
      { release: named("x".repeat(5000)) },
      `release "${"x".repeat(100)}…" does not lead to acme.ocr.v1: it is in new`,
    ],
  ] as const) {
    it(`refuses ${promise}`, () => {
      assert.throws(
        () => releasedRevision(contract, wanted),
        (error) => {
          assert(error instanceof Fault);
          assert.equal(error.reason, "OUTSIDE_RELEASE");
          assert.equal(error.message, text);
          return true;
        },
      );
    });
  }
});
