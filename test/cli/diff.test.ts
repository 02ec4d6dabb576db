import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { diffText, hasDifferences } from "../../src/cli/diff-report.js";
import { ROOT } from "../support/contract-fixture.js";

const NOTHING = { created: [], changed: [], unchanged: 3, traffic: [], leftovers: [], problems: [] };

/** What `flotilla diff` does without a cluster; with one, test/cluster/diff.test.ts. */
describe("flotilla diff", function () {
  this.timeout(30_000);
  const flotilla = (...args: string[]) => {
    const command = [path.join(ROOT, "dist/src/bin/flotilla.js"), "diff", ...args];
    return spawnSync(process.execPath, command, { encoding: "utf8", cwd: ROOT });
  };

  it("tells of a cluster that can't be reached, once and without a stack", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "flotilla-diff-"));
    try {
      const config = {
        clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
        contexts: [{ name: "staging", context: { cluster: "c", user: "u" } }],
        users: [{ name: "u", user: {} }],
        "current-context": "staging",
      };
      writeFileSync(path.join(folder, "config"), JSON.stringify(config));
      const { status, stdout, stderr } = flotilla("--kubeconfig", path.join(folder, "config"));
      assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
      assert.match(
        stderr,
        /^error: https:\/\/127\.0\.0\.1:1 of context staging: can't be reached: .*ECONNREFUSED.*\n$/,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("refuses a time that is none", () => {
    const { status, stderr } = flotilla("--timeout", "soon");
    assert.equal(status, 2);
    assert.match(stderr, /write it as 500ms, 15s or 1m/);
  });

  it("says first where calls will go, then what changes, and last what could not be compared", () => {
    const report = {
      ...NOTHING,
      context: "staging",
      traffic: [{ contract: "acme.fraud.v1", changes: [{ what: "r1", before: "90", after: "50" }] }],
      changed: [{ name: "VirtualService models/a", lines: ["@@ -1 +1 @@", "-x", "+y"] }],
      created: ["Service models/b"],
      leftovers: [{ name: "Service models/c", remove: "kubectl delete services c -n models" }],
      problems: ["no right"],
    };
    assert.equal(
      diffText(report),
      `acme.fraud.v1  r1 90→50

~ VirtualService models/a
    @@ -1 +1 @@
    -x
    +y

+ Service models/b

- Service models/c
  stays until you run: kubectl delete services c -n models

! no right

staging: 1 new, 1 changed, 3 unchanged, 1 left over, 1 not compared
`,
    );
  });

  it("counts what an apply would leave behind as a difference", () => {
    assert.equal(hasDifferences(NOTHING), false);
    assert.equal(hasDifferences({ ...NOTHING, leftovers: [{ name: "a", remove: "b" }] }), true);
  });
});
