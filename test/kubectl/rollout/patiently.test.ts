import assert from "node:assert/strict";
import { ClusterError } from "../../../src/kubectl/cluster-error.js";
import { patiently } from "../../../src/kubectl/rollout/patiently.js";

const signal = new AbortController().signal;

describe("patiently()", function () {
  this.timeout(10_000);

  it("does it again where the cluster has a problem, and tells the work which", async () => {
    const problems: (string | undefined)[] = [];
    const result = await patiently({ signal }, async (problem) => {
      problems.push(problem?.message);
      if (problems.length === 1) throw new ClusterError("no webhook", { failing: true });
      if (problems.length === 2) throw new ClusterError("changed", { conflict: true });
      return "done";
    });
    assert.equal(result, "done");
    assert.deepEqual(problems, [undefined, "no webhook", "changed"]);
  });

  it("gives up at once where it may not, or something else is wrong", async () => {
    for (const error of [new ClusterError("you may not"), new TypeError("a mistake")]) {
      let tries = 0;
      const work = async () => {
        tries++;
        throw error;
      };
      await assert.rejects(patiently({ signal }, work), error);
      assert.equal(tries, 1);
    }
  });

  it("ends when it is told to", async () => {
    const over = new AbortController();
    const work = async () => {
      over.abort();
      throw new ClusterError("gone", { unanswered: true });
    };
    await assert.rejects(patiently({ signal: over.signal }, work), { name: "AbortError" });
  });
});
