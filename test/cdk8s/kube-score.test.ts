import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { synthesize } from "../../cdk8s/fleet-app.js";
import { loadFleet } from "../../src/fleet/load.js";
import { fleetMembers } from "../../src/fleet/members.js";
import { contractServices } from "../../src/fleet/services.js";
import { ROOT } from "../support/contract-fixture.js";

const KUBE_SCORE = join(ROOT, ".tools/kube-score");

/** Findings that stand, and why. */
const ACCEPTED: readonly [RegExp, string][] = [
  [
    /does not have a host podAntiAffinity/,
    "topology spread constraints do it, also where there are fewer nodes than pods",
  ],
  [/HPA few replicas/, "a shadow and a fallback begin with one pod"],
  [
    /ImagePullPolicy is not set to Always/,
    "a tag never comes to mean another image, and a node without a registry can start pods",
  ],
  [/gateway: networkpolicy-targets-pod/, "the pods are made by Istio for the Gateway"],
  [/-live: horizontalpodautoscaler-has-target/, "the target is a Rollout, which kube-score does not know"],
  [/-live: deployment-replicas/, "a Rollout has the replicas, and scales this Deployment to none"],
];

interface Scored {
  readonly object_name: string;
  readonly checks: readonly {
    readonly check: { readonly id: string };
    readonly grade: number;
    readonly skipped: boolean;
    readonly comments: readonly { readonly summary: string }[] | null;
  }[];
}

/** Grades of kube-score: 10 is good, 5 a warning, 1 critical. */
const GOOD = 10;

describe("kube-score", () => {
  for (const file of ["fleet.yaml", "fleet.options.yaml"]) {
    it(`finds nothing critical in the manifests of ${file}, and no warning without a reason to let it stand`, async function () {
      if (!existsSync(KUBE_SCORE)) return this.skip();
      const fleet = loadFleet(file);
      const services = await contractServices(
        fleet.root,
        fleet.contracts.map(({ name }) => name),
      );
      const manifests = synthesize(fleet, fleetMembers(fleet, services))
        .filter(({ path }) => !path.endsWith("kustomization.yaml"))
        .map(({ text }) => text)
        .join("---\n");
      const { stdout, stderr } = spawnSync(KUBE_SCORE, ["score", "-", "-o", "json"], {
        input: manifests,
        encoding: "utf8",
      });
      assert.equal(stderr, "");
      const scored = JSON.parse(stdout) as Scored[];
      assert(scored.length > 20, `${scored.length} objects`);
      const findings = scored.flatMap(({ object_name, checks }) =>
        checks
          .filter(({ grade, skipped }) => !skipped && grade < GOOD)
          .flatMap(({ check, comments }) =>
            (comments ?? []).map(({ summary }) => `${object_name}: ${check.id}: ${summary}`),
          ),
      );
      assert.deepEqual(
        findings.filter((finding) => !ACCEPTED.some(([pattern]) => pattern.test(finding))),
        [],
      );
    });
  }
});
