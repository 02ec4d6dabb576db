import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { synthesize } from "../../cdk8s/fleet-app.js";
import { applyPlan, planFolder } from "../../cdk8s/manifest-folder.js";
import { openFleet } from "../../src/fleet/load.js";
import { fleetMembers } from "../../src/fleet/members.js";
import { contractServices } from "../../src/fleet/services.js";
import { ROOT } from "../support/contract-fixture.js";
import { installCrds, removeCrds } from "./support/crds.js";
import { kubectl } from "./support/kubectl.js";
import { removeNamespaces } from "./support/namespace.js";

const NAMESPACE = "flotilla-test-manifests";
/** The example fleets, those that there are. */
const FLEETS = ["fleet.yaml", "fleet.options.yaml", "docs/examples/fleets/every-option.yaml"].filter((file) => {
  return existsSync(path.join(ROOT, file));
});

/** Writes a fleet's manifests for a namespace of the tests' own; returns the folder, and how many objects they are. */
async function writeManifests(file: string): Promise<{ folder: string; objects: number }> {
  const { fleet: loaded } = openFleet(path.join(ROOT, file));
  const fleet = { ...loaded, namespace: NAMESPACE };
  const names = fleet.contracts.map(({ name }) => name);
  const files = synthesize(fleet, fleetMembers(fleet, await contractServices(fleet.root, names)));
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-manifests-"));
  applyPlan(planFolder(folder, fleet.name, files));
  return { folder, objects: files.flatMap((one) => one.objects).length };
}

/** Names of the objects that the API server would take of a folder. */
async function taken(folder: string, ...flags: string[]): Promise<string[]> {
  const printed = await kubectl(["apply", ...flags, "--dry-run=server", "-o", "name", "-k", folder]);
  return printed.trim().split("\n");
}

describe("manifests on a cluster", function () {
  this.timeout(300_000);
  let installed: string[] = [];

  before(async () => {
    await removeNamespaces([NAMESPACE]);
    installed = await installCrds();
    await kubectl(["create", "namespace", NAMESPACE]);
  });
  after(async () => {
    await removeNamespaces([NAMESPACE]);
    await removeCrds(installed);
  });

  for (const file of FLEETS) {
    describe(`of ${file}`, () => {
      let made: { folder: string; objects: number };
      before(async () => {
        made = await writeManifests(file);
      });
      after(() => rmSync(made.folder, { recursive: true, force: true }));

      it("are taken by the API server and by every webhook, each of them", async () => {
        assert.equal((await taken(made.folder, "--server-side")).length, made.objects);
      });

      it("are taken by a client-side apply too", async () => {
        assert.equal((await taken(made.folder)).length, made.objects);
      });

      it("are fine with `istioctl analyze`: no error, no warning", async function () {
        if (spawnSync("istioctl", ["version", "--remote=false"]).status !== 0) this.skip();
        const input = await kubectl(["kustomize", made.folder]);
        // Alone, as a cluster's other objects are not these manifests' affair.
        const flags = ["--use-kube=false", "--color=false", "--failure-threshold=Warning", `--namespace=${NAMESPACE}`];
        const { status, stdout, stderr } = spawnSync("istioctl", ["analyze", ...flags, "-"], {
          encoding: "utf8",
          input,
        });
        assert.equal(status, 0, `${stdout}${stderr}`);
      });
    });
  }

  it("are one contract's alone where its folder is applied", async () => {
    const { folder } = await writeManifests("fleet.yaml");
    try {
      const names = await taken(path.join(folder, "acme.tumor.v1"), "--server-side");
      assert(names.length > 5, names.join());
      for (const name of names) assert.match(name, /\/acme-tumor-v1/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
