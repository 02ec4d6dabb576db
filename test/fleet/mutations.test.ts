import assert from "node:assert/strict";
import fc from "fast-check";
import { FleetError } from "../../src/fleet/findings.js";
import { loadFleet } from "../../src/fleet/load.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { mutated } from "./mutated.js";
import { FleetFolder } from "./sample.js";

const RUNS = 5_000;
/** Fixed, so that a failure is the same for everybody. */
const SEED = 20_261_123;

function assertUsable(fleet: FleetSpec): void {
  for (const contract of fleet.contracts) {
    const names = contract.revisions.map((revision) => revision.name);
    assert.equal(
      contract.traffic.reduce((sum, { weightPercent }) => sum + weightPercent, 0),
      100,
    );
    const named = [contract.traffic, ...contract.cohorts.values()].flat().map(({ revision }) => revision);
    for (const other of [contract.shadow, contract.fallback]) if (other) named.push(other.revision);
    for (const name of named) assert(names.includes(name), name);
    for (const { model, module, sha256 } of contract.revisions) {
      assert.equal([model, module].filter((one) => one !== undefined).length, 1);
      assert((model ?? module!.path).startsWith(`${fleet.root}/`));
      assert.match(sha256, /^[0-9a-f]{64}$/);
    }
    assert(contract.deadlineMs > 0);
  }
}

describe("a fleet file that was damaged", function () {
  this.timeout(300_000);

  it(`loads as a whole fleet or gets findings with a place, never another error (${RUNS} files)`, () => {
    const folder = new FleetFolder();
    const tally = { loaded: 0, refused: 0 };
    try {
      fc.assert(
        fc.property(mutated, (content) => {
          folder.write(content);
          try {
            assertUsable(loadFleet(folder.file));
            tally.loaded++;
          } catch (error) {
            if (!(error instanceof FleetError)) throw error;
            tally.refused++;
            assert(error.findings.length > 0);
            const lines = content.toString("latin1").split(/\r\n|\n/).length;
            for (const { line, column, message } of error.findings) {
              assert(line >= 1 && line <= lines && column >= 1, `${line}:${column} of ${lines} lines: ${message}`);
              assert.match(message, /^\P{Cc}+$/u);
              assert.doesNotMatch(message, /undefined|\[object|Invalid input/);
            }
          }
        }),
        { numRuns: RUNS, seed: SEED },
      );
    } finally {
      folder.remove();
    }
    // Both ways have been gone, or the mutations are too mild or too wild to tell anything.
    assert(tally.loaded > RUNS / 50 && tally.refused > RUNS / 2, JSON.stringify(tally));
  });
});
