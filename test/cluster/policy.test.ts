import assert from "node:assert/strict";
import { LABEL } from "../../src/fleet/names.js";
import { call } from "./support/caller.js";
import { LISTED, OUTSIDER, raiseCallers } from "./support/callers.js";
import type { KubeObject } from "./support/fleet-objects.js";
import { get, kubectl, tryKubectl } from "./support/kubectl.js";
import { LIVE, live, liveObjects, liveOrders, MODEL, pin, raiseLiveFleet } from "./support/live-fleet.js";
import { measured, skip } from "./support/measured.js";
import { podOf } from "./support/pods.js";
import { PROGRAM_VOLUME } from "./support/programs.js";
import { onDemand } from "./support/stage.js";
import { programContainer, workload } from "./support/workload.js";

const RESTRICTED = "flotilla-test-restricted";
const ELSEWHERE = "flotilla-test-elsewhere";
const REVISION = "r2";
const PODS = { namespace: RESTRICTED, contract: MODEL, revision: REVISION };

interface PodTemplate {
  readonly metadata: object;
  readonly spec: object;
}

/** Whether Istio's CNI plugin redirects pods' traffic; otherwise an init container of each does, by a privilege. */
async function hasCni(): Promise<boolean> {
  return (await kubectl(["get", "daemonsets", "-A", "-l", "k8s-app=istio-cni-node", "-o", "name"])).trim() !== "";
}

/** One revision of the model in a namespace that enforces the standard; without sidecars where these can't be had in it. */
const raiseRestricted = onDemand(async () => {
  const objects = (await liveObjects(RESTRICTED, { cni: true })).filter(({ metadata: { labels = {} } }) => {
    const { [LABEL.contract]: contract, [LABEL.revision]: revision } = labels;
    return contract === undefined || (contract === MODEL && (revision === undefined || revision === REVISION));
  });
  const namespace = objects.find(({ kind }) => kind === "Namespace") as KubeObject & {
    metadata: { labels: Record<string, string> };
  };
  if (!(await hasCni())) namespace.metadata.labels["istio-injection"] = "disabled";
  return { namespaces: [RESTRICTED], objects, callers: [] };
});

/** A pod in a namespace that nobody lists. */
const raiseElsewhere = onDemand(async () => {
  const container = { ...programContainer("caller.mjs"), command: ["node", "-e", "setInterval(() => undefined, 1e6)"] };
  const at = { namespace: ELSEWHERE, name: "somebody" };
  return {
    namespaces: [ELSEWHERE],
    objects: workload({ ...at, container, volumes: [PROGRAM_VOLUME], sidecar: false }),
    callers: [],
  };
});

async function addressOf(pod: string): Promise<string> {
  return kubectl(["get", "pod", pod, "-n", RESTRICTED, "-o", "jsonpath={.status.podIP}"]);
}

describe("15 policy at rest", function () {
  this.timeout(300_000);
  before(raiseCallers);
  before(async function () {
    this.timeout(300_000);
    await raiseRestricted();
  });

  it("enforces the standard `restricted` on the namespace, and the pods run under it and answer", async function () {
    const { metadata } = await get<KubeObject>(["namespace", RESTRICTED]);
    assert.equal(metadata.labels!["pod-security.kubernetes.io/enforce"], "restricted");
    const meshed = await hasCni();
    measured(this, meshed ? "with sidecars" : "without sidecars: Istio's CNI plugin is not installed");
    const orders = { ...(await liveOrders(MODEL, RESTRICTED)), headers: pin(REVISION), calls: 50 };
    assert.deepEqual((await call(meshed ? LISTED : OUTSIDER, orders)).codes, { OK: 50 });
  });

  it("leaves the server no privilege: no root, no capability, no write to its root file system", async () => {
    const inside = (script: string) =>
      kubectl(["exec", "-n", RESTRICTED, `deploy/acme-tumor-v1-${REVISION}`, "-c", "server", "--", "sh", "-c", script]);
    assert.match(
      await inside("id -u; id -g; grep -E 'Cap(Eff|Bnd)' /proc/1/status"),
      /^65532\n65532\n(Cap...:\t0+\n){2}$/,
    );
    assert.match(await inside("touch /app/x 2>&1 || true"), /Read-only file system/);
    assert.match(await inside("grep NoNewPrivs /proc/1/status"), /1/);
  });

  describe("in the mesh", () => {
    before(raiseLiveFleet);

    it("breaks the standard by nothing of ours: by Istio's own init container alone, and with its CNI plugin not at all", async function () {
      const pod = await podOf(live(MODEL, REVISION));
      const { template } = (
        await get<{ spec: { template: PodTemplate } }>([...["deployment", `acme-tumor-v1-${REVISION}`, "-n", LIVE]])
      ).spec;
      const metadata = { ...template.metadata, name: `${pod}-twin`, namespace: LIVE };
      const twin = { ...template, apiVersion: "v1", kind: "Pod", metadata };
      const { stderr, exitCode } = await tryKubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(twin));
      assert.equal(exitCode, 0, stderr);
      const named = [...stderr.matchAll(/containers? ((?:"[^"]+"(?:, )?)+)/g)].flatMap(([, names]) =>
        names!.split(", "),
      );
      measured(this, stderr.trim() === "" ? "no warning" : `named: ${[...new Set(named)].join(", ")}`);
      assert.deepEqual([...new Set(named)], (await hasCni()) ? [] : ['"istio-init"']);
    });
  });

  it("keeps the pods of namespaces off that nobody lists, below the mesh", async function () {
    await raiseElsewhere();
    const target = await addressOf(await podOf(PODS));
    const connect = `require("net").connect(8500, "${target}").on("connect", () => { console.log("open"); process.exit(); })
      .on("error", () => process.exit()).setTimeout(3000, () => process.exit())`;
    const command = ["exec", "-n", ELSEWHERE, "deploy/somebody", "--", "node", "-e", connect];
    if ((await kubectl(command)).includes("open")) {
      skip(this, "the cluster's network enforces no NetworkPolicy, so that none could break a promise here");
    }
  });
});
