import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse, stringify } from "yaml";
import { imageReference, workloadName } from "../../src/fleet/names.js";
import { ENGINES, type EngineName, findEngine } from "../../src/packaging/engine.js";
import { ROOT } from "../support/contract-fixture.js";
import { classifierModel } from "../support/onnx-builder.js";
import { call, startLoad } from "./support/caller.js";
import { CALLERS, LISTED, raiseCallers } from "./support/callers.js";
import { binomial } from "./support/chance.js";
import { EXAMPLE } from "./support/images.js";
import { kubectl } from "./support/kubectl.js";
import { liveOrders, MODEL } from "./support/live-fleet.js";
import { measured, skip } from "./support/measured.js";
import { removeNamespaces } from "./support/namespace.js";
import { untilReady } from "./support/stage.js";
import { undoLater } from "./support/undo.js";
import { eventually } from "./support/waiting.js";

const NAMESPACE = "flotilla-test-revision";
const MANIFESTS = `generated/manifests/${MODEL}`;
const CANARY_PERCENT = 5;
const LIMIT_SECONDS = 60;
/** As for `make image`. */
const PACKAGE_OPTIONS = (process.env.PACKAGE_OPTIONS ?? "").split(" ").filter((option) => option !== "");

/** A fleet of one model in a folder of its own, whose revision r2 answers rightly. */
function writeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-revision-"));
  for (const part of ["proto/acme/tumor", "models/tumor/r2.onnx"])
    cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  const file = parse(readFileSync(path.join(ROOT, "fleet.yaml"), "utf8"));
  const { r2 } = file.spec.contracts.find(({ name }: { name: string }) => name === MODEL).revisions;
  const resources = { cpu: 1, cpuRequest: "10m", memory: "256Mi" };
  const contract = {
    name: MODEL,
    callers: [`${CALLERS}/listed`],
    warmUp: "0ms",
    revisions: { r2: { ...r2, resources, replicas: { min: 1, max: 1 } } },
    traffic: { r2: 100 },
  };
  const { images } = file.spec;
  const defaults = { deadline: "3s", resources, replicas: { min: 1, max: 1 } };
  const spec = { images, defaults, contracts: [contract] };
  const fleet = { ...file, metadata: { name: "revision", namespace: NAMESPACE }, spec };
  writeFileSync(path.join(folder, "fleet.yaml"), stringify(fleet));
  return folder;
}

/** Whether images can be built here: as the options say, or by what is there. */
function hasEngine(): boolean {
  const named = PACKAGE_OPTIONS[PACKAGE_OPTIONS.indexOf("--engine") + 1] as EngineName;
  try {
    findEngine(ENGINES.includes(named) ? named : undefined);
    return true;
  } catch {
    return false;
  }
}

describe("10 a new revision", function () {
  this.timeout(400_000);
  let folder: string;

  const run = (program: string, ...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", cwd: folder, timeout: 180_000 });
    assert.equal(status, 0, `${program} ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  };
  const flotilla = (...args: string[]) => run(process.execPath, path.join(ROOT, "dist/src/bin/flotilla.js"), ...args);
  const apply = async (what: string) => {
    flotilla("manifests");
    await kubectl(["apply", "--server-side", "--force-conflicts", "-k", path.join(folder, what)]);
  };
  const orders = async () => ({ ...(await liveOrders(MODEL, NAMESPACE)), connections: 2, answers: true });

  before(async function () {
    this.timeout(400_000);
    if (!hasEngine()) skip(this, "nothing here builds images: docker, podman or buildah");
    await raiseCallers();
    await removeNamespaces([NAMESPACE]);
    undoLater(`taking ${NAMESPACE} away`, () => removeNamespaces([NAMESPACE]));
    folder = writeFolder();
    await apply("generated/manifests");
    await untilReady(NAMESPACE);
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it(`comes from an .onnx file to its first canary call within ${LIMIT_SECONDS} s, and no call fails`, async function () {
    await eventually(
      "r2 answers",
      async () => call(LISTED, { ...(await orders()), calls: 20 }),
      ({ codes }) => codes.OK === 20,
    );
    const load = startLoad(LISTED, await orders());
    // As wrong as a model can be that fits: it takes the first two columns for the classes.
    writeFileSync(path.join(folder, "new.onnx"), classifierModel({ classes: [0, 1], columns: 30 }));

    const begun = Date.now();
    flotilla("add", "new.onnx", "--as", MODEL);
    const added = Date.now();
    const { revisions } = parse(readFileSync(path.join(folder, "fleet.yaml"), "utf8")).spec.contracts[0];
    const revision = Object.keys(revisions).at(-1)!;
    flotilla("package", `${MODEL}/${revision}`, ...PACKAGE_OPTIONS);
    const image = imageReference(EXAMPLE.images, MODEL, {
      name: revision,
      sha256: revisions[revision].sha256,
    } as never);
    run(path.join(ROOT, "deploy/load.sh"), image);
    const packaged = Date.now();
    await apply(MANIFESTS);
    const deployment = `deployment/${workloadName(MODEL, revision)}`;
    await kubectl(["rollout", "status", deployment, "-n", NAMESPACE, "--timeout=120s"]);
    const text = readFileSync(path.join(folder, "fleet.yaml"), "utf8");
    const shares = `traffic: { r2: ${100 - CANARY_PERCENT}, ${revision}: ${CANARY_PERCENT} }`;
    writeFileSync(path.join(folder, "fleet.yaml"), text.replace(/traffic:\n +r2: 100/, shares));
    await apply(MANIFESTS);
    await eventually(
      `${revision} answers`,
      async () => call(LISTED, { ...(await orders()), calls: 50 }),
      (calls) => (calls.revisions[revision] ?? 0) > 0,
    );
    const ended = Date.now();

    const { codes, calls, details } = await load.stop();
    const [image_s, all_s] = [(packaged - added) / 1000, (ended - begun) / 1000];
    measured(this, `${(all_s - image_s).toFixed(0)} s, and ${image_s.toFixed(0)} s to build the image and load it`);
    measured(this, `0 of ${calls} calls failed`);
    assert.deepEqual(codes, { OK: calls }, JSON.stringify(details));
    assert(all_s - image_s < LIMIT_SECONDS);
  });

  it("answers wrongly to as many callers as its weight says, and to nobody else", async function () {
    const calls = 2000;
    const all = await call(LISTED, { ...(await orders()), calls });
    const right = await call(LISTED, { ...(await orders()), headers: { "x-flotilla-pin": `${MODEL}=r2` }, calls: 1 });
    const wrong = calls - all.answers[Object.keys(right.answers)[0]!]!;
    const { least, most } = binomial(calls, CANARY_PERCENT / 100);
    measured(this, `${wrong} wrong answers of ${calls}, expected ${least} to ${most}`);
    assert(wrong >= least && wrong <= most);
    assert.equal(wrong, calls - all.revisions.r2!);
  });
});
