import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { DiffReport } from "../../src/cli/diff-report.js";
import { ROOT } from "../support/contract-fixture.js";
import { removeFleet, writeFleet } from "../support/fleet-process.js";
import { SCALE_UNARY } from "../wire/contracts.js";
import { get, kubectl } from "./support/kubectl.js";
import { removeNamespaces } from "./support/namespace.js";

const NAMESPACE = "flotilla-test-diff";
/** No node has as many: the pods stay where they are, and cost nothing. */
const HUGE = { resources: { cpu: 1000 }, replicas: { min: 1 } };
const MODEL = new TextEncoder().encode("no model");

describe("flotilla diff", function () {
  this.timeout(300_000);
  let root: string;
  let original: string;

  const flotilla = (verb: string, ...args: string[]) => {
    const command = [path.join(ROOT, "dist/src/bin/flotilla.js"), verb, ...args];
    return spawnSync(process.execPath, command, { encoding: "utf8", cwd: root });
  };
  const diff = (...args: string[]): DiffReport => {
    const { stdout, stderr } = flotilla("diff", "--output", "json", ...args);
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout);
  };
  const edit = (from: string | RegExp, to: string) => {
    const text = readFileSync(path.join(root, "fleet.yaml"), "utf8");
    assert.notEqual(text.replace(from, to), text, "the edit changes something");
    writeFileSync(path.join(root, "fleet.yaml"), text.replace(from, to));
  };
  const apply = async (...flags: string[]) => {
    assert.equal(flotilla("manifests").status, 0);
    await kubectl(["apply", ...flags, "-k", path.join(root, "generated/manifests")]);
  };
  /** Lines that a diff takes away or adds, of one object. */
  const changes = ({ changed }: DiffReport, name: string) => {
    const lines = changed.find((object) => object.name === name)?.lines ?? [];
    return lines.filter((line) => /^[-+]/.test(line)).map((line) => line.replace(/ +/, " "));
  };

  before(async () => {
    await removeNamespaces([NAMESPACE]);
    const fields = { traffic: { r1: 90, r2: 10 }, cohorts: { beta: "r2" }, retries: { attempts: 1, perTry: "1s" } };
    root = writeFleet({
      "test.scale.v1": { body: SCALE_UNARY, revisions: { r1: MODEL, r2: MODEL }, fields, revisionFields: HUGE },
    });
    edit("namespace: test", `namespace: ${NAMESPACE}`);
    edit("spec:\n", "spec:\n  images: { pullSecrets: [one, two] }\n");
    original = readFileSync(path.join(root, "fleet.yaml"), "utf8");
  });
  after(async () => {
    removeFleet(root);
    await removeNamespaces([NAMESPACE]);
  });
  beforeEach(() => writeFileSync(path.join(root, "fleet.yaml"), original));

  it("shows everything as new where the namespace is not there yet", () => {
    const report = diff();
    assert(report.created.includes(`Namespace ${NAMESPACE}`) && report.created.length > 10, report.created.join());
    assert.deepEqual([report.changed, report.leftovers, report.problems], [[], [], []]);
    assert.deepEqual([flotilla("diff").status, flotilla("diff", "--exit-code").status], [0, 3]);
  });

  for (const [way, ...flags] of [["client-side"], ["server-side", "--server-side", "--force-conflicts"]] as const) {
    describe(`after a ${way} apply`, () => {
      before(async () => {
        await removeNamespaces([NAMESPACE]);
        writeFileSync(path.join(root, "fleet.yaml"), original);
        await apply(...flags);
      });

      it("shows no difference", () => {
        const report = diff("--exit-code");
        assert.deepEqual([report.created, report.changed, report.traffic, report.leftovers], [[], [], [], []]);
        assert(report.unchanged > 10, `${report.unchanged} objects`);
        assert.deepEqual(report.problems, []);
        assert.equal(flotilla("diff", "--exit-code").status, 0);
      });

      it("shows the traffic as a person reads it, then the lines that change, and changes nothing", async () => {
        edit("r1: 90", "r1: 50");
        edit("r2: 10", "r2: 50");
        edit("beta: r2", "beta: r1");
        const { stdout, status } = flotilla("diff");
        assert.equal(status, 0);
        assert.equal(stdout.split("\n")[0], "test.scale.v1  r1 90→50  r2 10→50  cohort beta r2→r1");
        const service = `VirtualService ${NAMESPACE}/test-scale-v1`;
        assert.match(stdout, new RegExp(`^~ ${service}$`, "m"));
        assert.match(stdout, /^ {4}- +weight: 90\n {4}\+ +weight: 50$/m);
        assert.match(stdout, /: 0 new, 1 changed, \d+ unchanged, 0 left over\n$/);
        const live = await get<object>(["virtualservice", "test-scale-v1", "-n", NAMESPACE]);
        assert.match(JSON.stringify(live), /"weight":90/);
      });

      it("shows what a change takes away, as the apply then does", async () => {
        edit("pullSecrets: [one, two]", "pullSecrets: [one]");
        const deployment = `Deployment ${NAMESPACE}/test-scale-v1-r1`;
        assert.deepEqual(changes(diff(), deployment), ["- - name: two"]);
        await apply(...flags);
        assert.deepEqual(diff().changed, []);
        type Deployment = { spec: { template: { spec: { imagePullSecrets: { name: string }[] } } } };
        const live = await get<Deployment>(["deployment", "test-scale-v1-r1", "-n", NAMESPACE]);
        assert.deepEqual(live.spec.template.spec.imagePullSecrets, [{ name: "one" }]);
      });

      it("shows what somebody else changed", async () => {
        writeFileSync(path.join(root, "fleet.yaml"), original.replace("[one, two]", "[one]"));
        const name = "test-scale-v1-r1";
        await kubectl(["patch", "hpa", name, "-n", NAMESPACE, "--type=merge", "-p", '{"spec":{"maxReplicas":99}}']);
        const lines = changes(diff(), `HorizontalPodAutoscaler ${NAMESPACE}/${name}`);
        assert.deepEqual(lines, ["- maxReplicas: 99", "+ maxReplicas: 10"]);
      });

      it("shows what would be left over, with commands that take it away", async () => {
        const text = original.replace(/ +r2:\n(?: {10}.*\n)+/, "").replace("r1: 90", "r1: 100");
        writeFileSync(path.join(root, "fleet.yaml"), text.replace(/ +r2: 10\n/, "").replace("beta: r2", "beta: r1"));
        const { leftovers } = diff();
        assert(leftovers.some(({ name }) => name === `Deployment ${NAMESPACE}/test-scale-v1-r2`));
        assert(
          leftovers.every(({ name }) => name.endsWith("-r2")),
          JSON.stringify(leftovers),
        );
        for (const { remove } of leftovers) await kubectl(remove.split(" ").slice(1));
        assert.deepEqual(diff().leftovers, []);
      });
    });
  }

  it("names the kind that the cluster does not know, and what to install", async function () {
    const crds = await kubectl(["get", "crd", "-o", "name"]);
    if (crds.includes("grpcroutes.gateway.networking.k8s.io")) this.skip();
    const ingress = "{ via: gateway-api, host: models.example.com, tls: { secret: models-tls } }";
    edit("spec:\n", `spec:\n  ingress: ${ingress}\n`);
    edit("callers:", "ingress: true\n      callers:");
    const { problems } = diff();
    const missing =
      /^GRPCRoute of gateway\.networking\.k8s\.io\/v1: the cluster does not know this kind; install the Gateway API/;
    assert(
      problems.some((problem) => missing.test(problem)),
      problems.join("\n"),
    );
    assert.equal(flotilla("diff").status, 1);
  });

  describe("where somebody else made an object of the same name", () => {
    const name = "test-scale-v1-r1";
    before(async () => {
      await removeNamespaces([NAMESPACE]);
      await kubectl(["create", "namespace", NAMESPACE]);
      await kubectl(["create", "deployment", name, "-n", NAMESPACE, "--image=none", "--replicas=0"]);
    });

    it("gives the cluster's words for why it refuses the manifest, and goes on", () => {
      const { problems, created } = diff();
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0]!, new RegExp(`^patch Deployment ${NAMESPACE}/${name}: .*field is immutable`));
      assert(created.length > 10, created.join());
      assert.equal(flotilla("diff", "--exit-code").status, 1);
    });
  });

  describe("for somebody with few rights", () => {
    let kubeconfig: string;
    const bind = async (role: string) => {
      const account = `--serviceaccount=${NAMESPACE}:reader`;
      await kubectl(["create", "clusterrolebinding", NAMESPACE, `--clusterrole=${role}`, account]);
    };
    before(async () => {
      await kubectl(["create", "serviceaccount", "reader", "-n", NAMESPACE]);
      const token = (await kubectl(["create", "token", "reader", "-n", NAMESPACE])).trim();
      const config = JSON.parse(await kubectl(["config", "view", "--minify", "--raw", "--flatten", "-o", "json"]));
      config.users[0].user = { token };
      kubeconfig = path.join(root, "reader.json");
      writeFileSync(kubeconfig, JSON.stringify(config));
    });
    afterEach(() => kubectl(["delete", "clusterrolebinding", NAMESPACE, "--ignore-not-found"]));

    it("names the right that is missing, by the question to ask of kubectl", () => {
      const { status, stdout, stderr } = flotilla("diff", "--kubeconfig", kubeconfig);
      assert.equal(status, 1);
      assert.match(
        stdout + stderr,
        new RegExp(`get Namespace ${NAMESPACE}: you may not; .*\`kubectl auth can-i get namespaces\``),
      );
      assert.doesNotMatch(stderr, /\.js:\d/);
    });

    it("goes on with the other objects, and names kind, namespace and name of those that it could not compare", async () => {
      await bind("view");
      const { problems } = diff("--kubeconfig", kubeconfig);
      const told = problems.find((problem) => problem.startsWith(`patch Deployment ${NAMESPACE}/test-scale-v1-r1: `));
      assert.match(
        told ?? problems.join("\n"),
        new RegExp(`\`kubectl auth can-i patch deployments\\.apps -n ${NAMESPACE}\``),
      );
    });
  });
});
