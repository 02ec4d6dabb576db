import { readFileSync } from "node:fs";
import path from "node:path";
import { parse, stringify } from "yaml";
import { parseFleet } from "../../../src/fleet/load.js";
import { fleetMembers } from "../../../src/fleet/members.js";
import { imageReference, LABEL, serviceName } from "../../../src/fleet/names.js";
import { contractImage } from "../../../src/fleet/protos.js";
import { contractServices } from "../../../src/fleet/services.js";
import type { FleetSpec } from "../../../src/fleet/spec.js";
import { imageFleet } from "../../../src/packaging/image-fleet.js";
import { JsonCodec, ROOT } from "../../support/contract-fixture.js";
import type { Orders } from "./caller.js";
import { CALLERS, raiseCallers } from "./callers.js";
import { fleetObjects, type KubeObject } from "./fleet-objects.js";
import { EXAMPLE } from "./images.js";
import { apply } from "./kubectl.js";
import { onDemand } from "./stage.js";

/** Namespace of the fleet of one pipeline. */
export const PIPELINE = "flotilla-test-pipeline";
/** The composition, and whom it calls. */
export const OCR = "acme.ocr.v1";
export const DETECTOR = "acme.ocr_detector.v1";
export const RECOGNIZER = "acme.ocr_recognizer.v1";

/** Who makes an answer: a revision of the composition, and of the recognizer behind it. */
export const chain = (ocr: string, recognizer: string) => `${ocr} ${DETECTOR}=r1 ${RECOGNIZER}=${recognizer}`;

/** What is other from one state of the fleet to another. */
export interface PipelineState {
  /** The revision that has the composition's calls. @default r1 */
  readonly ocr?: string;
  /** The same of the recognizer's, which has no fallback then. @default r1, with r2 to fall back to */
  readonly recognizer?: string;
  /** Releases beside `old` and `new`, of the same revisions as `new`. */
  readonly releases?: readonly string[];
}

const SMALL = {
  resources: { cpu: 1, cpuRequest: "10m", memory: "512Mi" },
  replicas: { min: 1, max: 1 },
};
/** Nothing is refused for want of processors: reading a picture takes seconds where many share one. */
const DEADLINES: Readonly<Record<string, string>> = { [OCR]: "60s", [DETECTOR]: "25s", [RECOGNIZER]: "25s" };
const OLD = { [OCR]: "r1", [DETECTOR]: "r1", [RECOGNIZER]: "r1" };
const NEW = { [OCR]: "r2", [DETECTOR]: "r1", [RECOGNIZER]: "r2" };

/** The example's pipeline, as its fleet file has it. The recognizer has a second revision, of the same model. */
function pipelineFleet({ ocr = "r1", recognizer, releases = [] }: PipelineState): FleetSpec {
  const file = parse(readFileSync(path.join(ROOT, "fleet.yaml"), "utf8"));
  const contracts = file.spec.contracts.filter(({ name }: { name: string }) => name in DEADLINES);
  const traffic: Readonly<Record<string, string>> = { [OCR]: ocr, [DETECTOR]: "r1", [RECOGNIZER]: recognizer ?? "r1" };
  for (const contract of contracts) {
    const { name, revisions } = contract;
    if (name === RECOGNIZER) revisions.r2 = { ...revisions.r1 };
    for (const revision of Object.values<object>(revisions)) Object.assign(revision, SMALL);
    Object.assign(contract, {
      // Whom the composition calls lets nobody else in.
      callers: name === OCR ? [`${CALLERS}/listed`] : [],
      ...{ deadline: DEADLINES[name], warmUp: "0ms", traffic: { [traffic[name]!]: 100 } },
      ...(name === RECOGNIZER && { cohorts: { beta: "r2" } }),
      ...(name === RECOGNIZER && recognizer === undefined && { fallback: { revision: "r2" } }),
    });
  }
  file.metadata = { name: "pipeline", namespace: PIPELINE };
  delete file.spec.ingress;
  file.spec.telemetry = { accessLogs: "off" };
  file.spec.contracts = contracts;
  file.spec.releases = { old: OLD, new: NEW, ...Object.fromEntries(releases.map((name) => [name, NEW])) };
  return parseFleet(stringify(file), { file: "pipeline.yaml", root: ROOT }).fleet;
}

async function pipelineObjects(state: PipelineState): Promise<KubeObject[]> {
  const fleet = pipelineFleet(state);
  return fleetObjects(fleetMembers(fleet, await contractServices(ROOT, [OCR, DETECTOR, RECOGNIZER])));
}

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: { containers: { image: string; volumeMounts?: object[] }[]; volumes?: object[] };
    };
  };
}

/** Where an image keeps what it serves. */
const IMAGE_FLEET = "/app/fleet/fleet.yaml";
const SECOND = "recognizer-r2";

/** The recognizer's r2 runs in r1's image, which is told that what it holds is r2. @returns what tells it */
function serveSecond(objects: readonly KubeObject[]): object {
  const r1 = EXAMPLE.contracts.find(({ name }) => name === RECOGNIZER)!.revisions[0]!;
  const { template } = (objects.find(isSecond) as Deployment).spec;
  const [server] = template.spec.containers;
  server!.image = imageReference(EXAMPLE.images, RECOGNIZER, r1);
  server!.volumeMounts = [
    ...(server!.volumeMounts ?? []),
    { name: SECOND, mountPath: IMAGE_FLEET, subPath: "fleet.yaml" },
  ];
  template.spec.volumes = [...(template.spec.volumes ?? []), { name: SECOND, configMap: { name: SECOND } }];
  const says = { model: `model/${path.basename(r1.model!)}`, sha256: r1.sha256 };
  const transform = "models/ocr_recognizer/transform.js";
  const text = imageFleet({ fleet: "acme", contract: RECOGNIZER, revision: "r2", transform, says });
  const metadata = { name: SECOND, namespace: PIPELINE };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "fleet.yaml": text } };
}

function isSecond({ kind, metadata: { labels = {} } }: KubeObject): boolean {
  return kind === "Deployment" && labels[LABEL.contract] === RECOGNIZER && labels[LABEL.revision] === "r2";
}

/** Routes and subsets of a state of the fleet, of some contracts or all. Its pods stay as they are. */
export async function applyRouting(
  state: PipelineState,
  contracts: readonly string[] = [OCR, DETECTOR, RECOGNIZER],
): Promise<void> {
  const objects = await pipelineObjects(state);
  await apply(
    objects.filter(({ kind, metadata: { labels = {} } }) => {
      return ["VirtualService", "DestinationRule"].includes(kind) && contracts.includes(labels[LABEL.contract]!);
    }),
  );
}

/** What calls of a contract have in common, with a picture as its request. */
export async function pictureOrders(contract: string, image: Uint8Array): Promise<Orders & { request: Buffer }> {
  const method = contract === OCR ? "Read" : "Predict";
  const { name } = (await contractServices(ROOT, [contract])).get(contract)!;
  const json = { image: Buffer.from(image).toString("base64") };
  const request = new JsonCodec(await contractImage(ROOT, contract)).encode(`${contract}.${method}Request`, json);
  const target = `${serviceName(contract)}.${PIPELINE}:8500`;
  return { target, path: `/${name}/${method}`, request, deadlineMs: 60_000 };
}

const raisePipeline = onDemand(async () => {
  const objects = await pipelineObjects({});
  return { namespaces: [PIPELINE], objects: [serveSecond(objects), ...objects], callers: [] };
});

/** Puts the pipeline and its callers on the cluster, for the tests of one file: `before(raisePipelineFleet)`. */
export async function raisePipelineFleet(this: Mocha.Context): Promise<void> {
  this.timeout(600_000);
  await Promise.all([raiseCallers(), raisePipeline()]);
}
