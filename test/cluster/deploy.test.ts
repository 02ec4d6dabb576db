import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { synthesize } from "../../cdk8s/fleet-app.js";
import { applyPlan, planFolder } from "../../cdk8s/manifest-folder.js";
import { ROOT } from "../support/contract-fixture.js";
import { kubectl, tryKubectl } from "./support/kubectl.js";
import { liveMembers, MODEL } from "./support/live-fleet.js";
import { removeNamespaces } from "./support/namespace.js";
import { undoLater } from "./support/undo.js";

const NAMESPACE = "flotilla-test-deploy";

describe("deploy/", function () {
  this.timeout(300_000);
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-deploy-"));

  const run = (script: string, environment: Record<string, string> = {}) => {
    const env = { ...process.env, ...environment };
    // The images are there.
    return spawnSync(path.join(ROOT, "deploy", script), [folder], { encoding: "utf8", env: { ...env, LOAD: "true" } });
  };
  const exists = async () => (await tryKubectl(["get", "namespace", NAMESPACE])).exitCode === 0;

  before(async () => {
    const members = (await liveMembers(NAMESPACE)).filter(({ contract }) => contract.name === MODEL);
    const { fleet } = members[0]!;
    applyPlan(planFolder(folder, fleet.name, synthesize(fleet, members)));
    await removeNamespaces([NAMESPACE]);
    undoLater(`taking ${NAMESPACE} away`, () => removeNamespaces([NAMESPACE]));
  });
  // Nobody else needs its pods, and a node holds only so many sidecars.
  after(() => removeNamespaces([NAMESPACE]));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("deploy.sh makes the namespace and waits until every pod is ready, saying how far it is", async () => {
    const { status, stderr } = run("deploy.sh");
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^namespace flotilla-test-deploy is new$/m);
    // Four, unless r3's start is so much work that its autoscaler has added some already.
    assert.match(stderr, /^\d of [456] pods ready; waiting for acme-tumor-v1-r1/m);
    assert.match(stderr, /^([456]) of \1 pods ready\n$/m);
    const ready = await kubectl([
      ...["get", "deployments", "-n", NAMESPACE, "-o", "jsonpath={.items[*].status.readyReplicas}"],
    ]);
    assert.match(ready, /^2 1 [123]$/);
  });

  it("undeploy.sh leaves what others have put there, and the namespace with it", async () => {
    await kubectl(["create", "configmap", "theirs", "-n", NAMESPACE]);
    const { status, stderr } = run("undeploy.sh");
    assert.equal(status, 0, stderr);
    assert.match(stderr, /stays, as it holds: configmap\/theirs$/m);
    const left = await kubectl([
      ...["get", "deployments,services,virtualservices,networkpolicies,hpa,configmaps", "-n", NAMESPACE, "-o", "name"],
    ]);
    assert.deepEqual(
      left
        .trim()
        .split("\n")
        .filter((name) => !name.endsWith("root-ca.crt") && !/istio-ca/.test(name)),
      ["configmap/theirs"],
    );
  });

  it("undeploy.sh takes a namespace that deploy.sh made, once nothing else is in it", async () => {
    await kubectl(["delete", "configmap", "theirs", "-n", NAMESPACE]);
    const { status, stderr } = run("undeploy.sh");
    assert.equal(status, 0, stderr);
    assert.equal(await exists(), false);
  });

  it("undeploy.sh leaves a namespace that was there before", async () => {
    await kubectl(["create", "namespace", NAMESPACE]);
    assert.equal(run("deploy.sh").status, 0);
    const { stderr } = run("undeploy.sh");
    assert.match(stderr, /was there before, and stays/);
    assert.equal(await exists(), true);
  });

  it("deploy.sh says what keeps a pod from being ready, and fails where that lasts", async () => {
    assert.equal(
      spawnSync("sed", ["-i", "s/image: .*/image: localhost\\/none:1/", `${folder}/${MODEL}/r2.yaml`]).status,
      0,
    );
    const { status, stderr } = run("deploy.sh", { LIMIT: "30" });
    assert.equal(status, 1);
    assert.match(stderr, /waiting for acme-tumor-v1-r2 (ErrImagePull|ImagePullBackOff)/);
    assert.match(stderr, /^not ready within 30 s: kubectl describe pods -n flotilla-test-deploy/m);
  });
});
