import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { KUBECTL_COMMANDS } from "../../src/cli/kubectl/commands.js";
import { ROOT } from "../support/contract-fixture.js";

/** Runs the plugin without a cluster. */
function run(...args: readonly string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [path.join(ROOT, "src/bin/run-kubectl.js"), ...args], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: "/nonexistent" },
  });
  return { stdout, stderr, status };
}

describe("kubectl flotilla without a cluster", function () {
  this.timeout(30_000);

  for (const verb of Object.keys(KUBECTL_COMMANDS)) {
    it(`${verb} --help has examples that begin as one would type them`, () => {
      const { stdout, status } = run(verb, "--help");
      assert.equal(status, 0);
      assert.match(stdout, /Usage: kubectl flotilla/);
      assert.match(stdout, new RegExp(`Examples:\n  kubectl flotilla ${verb}`));
    });
  }

  for (const [what, args, message] of [
    ["a weight above 100", ["canary", "a.b.v1", "r2", "101"], /from above 0 to 100/],
    ["half a per cent of weight", ["canary", "a.b.v1", "r2", "0.5"], /whole per cent/],
    ["steps that fall", ["rollout", "a.b.v1", "r2", "--steps", "5,1,100"], /rising whole per cent/],
    ["a cohort with a space", ["cohort", "a.b.v1", "my beta", "r2"], /expected a cohort's name/],
    [
      "a cohort's shares of 90",
      ["cohort", "a.b.v1", "beta", "r1=70", "r2=20"],
      /the shares add up to 90, expected 100/,
    ],
    [
      "a cohort's share that is not said",
      ["cohort", "a.b.v1", "beta", "r1=80", "r2"],
      /r2 has no share; write it as r2=20/,
    ],
    ["a cohort's revision twice", ["cohort", "a.b.v1", "beta", "r1=80", "r1=20"], /named twice/],
    ["a pin without a revision", ["pin", "a.b.v1"], /write it as acme.fraud.v1=r2/],
    ["a Prometheus without a port", ["status", "--prometheus", "monitoring/prometheus"], /write it as https:/],
    ["a verb that is none", ["promoted"], /unknown command/],
  ] as const) {
    it(`refuses ${what} as wrong usage`, () => {
      const { stderr, status } = run(...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    });
  }

  it("says that no cluster is configured, and how to name one", () => {
    const { stderr, status } = run("status");
    assert.equal(status, 1);
    assert.match(stderr, /no cluster is configured; set KUBECONFIG, or give --kubeconfig and --context/);
  });
});
