import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { refuseHeld, thisHolder } from "../../../src/kubectl/rollout/holder.js";
import { rolloutOf } from "../../support/rollouts.js";

const NOW = Date.parse("2026-11-25T10:00:00.000Z");
const self = thisHolder("anna");

/** A roll-out in somebody's hands, who gave a sign so many seconds ago. */
function heldBy(id: string, secondsAgo: number) {
  const seen = new Date(NOW - secondsAgo * 1000).toISOString();
  return rolloutOf({ holder: { id, name: "bea on desk", seen } });
}

describe("a roll-out's holder", () => {
  it("keeps others out as long as it gives signs, and says who it is", () => {
    assert.throws(
      () => refuseHeld(heldBy("desk/1/x", 3), self, NOW),
      /in the hands of bea on desk, who gave a sign 3 s ago/,
    );
    assert.throws(() => refuseHeld(heldBy("desk/1/x", 44), self, NOW), /--take-over/);
  });

  it("is taken to be gone without one", () => refuseHeld(heldBy("desk/1/x", 46), self, NOW));

  it("keeps itself in", () => refuseHeld(heldBy(self.id, 3), self, NOW));

  it("is gone at once where its process on this machine is", () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    refuseHeld(heldBy(`${hostname()}/${pid}/x`, 1), self, NOW);
    // One that runs is not.
    assert.throws(() => refuseHeld(heldBy(`${hostname()}/${process.ppid}/x`, 1), self, NOW), /in the hands of/);
  });
});
