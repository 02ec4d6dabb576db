import { readFileSync } from "node:fs";
import path from "node:path";
import { parse, stringify } from "yaml";
import { parseFleet } from "../../../src/fleet/load.js";
import { fleetMembers, type Member } from "../../../src/fleet/members.js";
import { serviceName } from "../../../src/fleet/names.js";
import { contractImage } from "../../../src/fleet/protos.js";
import { contractServices } from "../../../src/fleet/services.js";
import type { FleetSpec } from "../../../src/fleet/spec.js";
import { JsonCodec, ROOT } from "../../support/contract-fixture.js";
import { serviceOf } from "../../support/members.js";
import type { Orders } from "./caller.js";
import { CALLERS, raiseCallers } from "./callers.js";
import { fleetObjects, type KubeObject, runPrograms } from "./fleet-objects.js";
import { RUNTIME_IMAGE } from "./images.js";
import type { Pods } from "./pods.js";
import { onDemand } from "./stage.js";

/** Namespace of the live fleet, of its spans' collector, and of the Prometheus that reads its metrics. */
export const LIVE = "flotilla-test-live";
export const SPANS = "flotilla-test-spans";
export const MONITORING = "flotilla-test-monitoring";
/** Istio's extension provider for its spans, and the Service that gets them. */
export const TRACING_PROVIDER = "flotilla-test";
export const COLLECTOR = "collector";

/** A model of the example fleet, and services that call it: `front` calls `middle`, and `middle` the model. */
export const MODEL = "acme.tumor.v1";
export const MIDDLE = "live.middle.v1";
export const FRONT = "live.front.v1";
const NEXT: Readonly<Record<string, string>> = { [FRONT]: MIDDLE, [MIDDLE]: MODEL };

/**
 * What is other than in the example's fleet file: nothing is in the way but what a test puts there. A machine that is short
 * of processors makes no call fail, and the autoscaler has one revision, r3, that few calls keep busy. With two workers the
 * runs of even such small models are the workers': they can be lost with their thread, and calls wait for them.
 */
const MODEL_FIELDS = {
  callers: [`${CALLERS}/listed`],
  deadline: "3s",
  warmUp: "0ms",
  retries: { attempts: 2, perTry: "1s" },
  traffic: { r1: 50, r2: 50 },
  shadow: undefined,
  fallback: { revision: "r3" },
  ingress: undefined,
};
const REVISION_FIELDS: Readonly<Record<string, object>> = {
  r1: { workers: 2, resources: { cpu: 1, cpuRequest: "10m", memory: "256Mi" }, replicas: { min: 2, max: 2 } },
  r2: { workers: 2, resources: { cpu: 1, cpuRequest: "10m", memory: "256Mi" }, replicas: { min: 1, max: 1 } },
  r3: {
    workers: 2,
    resources: { cpu: "200m", cpuRequest: "10m", memory: "256Mi" },
    replicas: { min: 1, max: 3, cpuUtilization: 40 },
    queue: { size: 4 },
  },
};

/** What is other from one live fleet to another. */
export interface LiveOptions {
  /** Per cent of the calls that are traced. @default 100 */
  readonly sampling?: number;
  /** Whether Istio's CNI plugin redirects the traffic. @default false */
  readonly cni?: boolean;
}

/** The live fleet of a namespace, as its fleet file has it. */
function liveFleet(namespace: string, { sampling = 100, cni = false }: LiveOptions): FleetSpec {
  const file = parse(readFileSync(path.join(ROOT, "fleet.yaml"), "utf8"));
  const model = file.spec.contracts.find(({ name }: { name: string }) => name === MODEL);
  Object.assign(model, MODEL_FIELDS);
  for (const [name, fields] of Object.entries(REVISION_FIELDS)) Object.assign(model.revisions[name], fields);
  file.metadata = { name: "live", namespace };
  file.spec.mesh.cni = cni;
  delete file.spec.ingress;
  delete file.spec.releases;
  file.spec.telemetry = {
    prometheus: { scraper: `${MONITORING}/prometheus`, discovery: "annotations" },
    tracing: { sampling, provider: TRACING_PROVIDER, collector: `${SPANS}/${COLLECTOR}` },
  };
  file.spec.contracts = [...[FRONT, MIDDLE].map((name) => relay(name, model.revisions.r1)), model];
  return parseFleet(stringify(file), { file: "live.yaml", root: ROOT }).fleet;
}

/** A contract whose pods run a program: it names a model as every revision has to. */
function relay(name: string, { model, sha256 }: { model: string; sha256: string }) {
  const resources = { cpu: 1, cpuRequest: "10m", memory: "128Mi" };
  const revisions = { r1: { model, sha256, resources, replicas: { min: 1, max: 1 } } };
  return { name, callers: [`${CALLERS}/listed`], calls: [NEXT[name]], deadline: "3s", warmUp: "0ms", revisions };
}

/** The members of the live fleet. */
export async function liveMembers(namespace: string, options: LiveOptions = {}): Promise<Member[]> {
  const fleet = liveFleet(namespace, options);
  const services = await contractServices(ROOT, [MODEL]);
  for (const name of [FRONT, MIDDLE]) services.set(name, serviceOf(name));
  return fleetMembers(fleet, services);
}

/** Its manifests: a real server with a real model behind two services that call on. */
export async function liveObjects(namespace: string, options?: LiveOptions): Promise<KubeObject[]> {
  const members = await liveMembers(namespace, options);
  const objects = fleetObjects(members);
  runPrograms(objects, (contract) => {
    const next = NEXT[contract];
    if (next === undefined) return undefined;
    const { target, path: nextPath } = addressOf(next, namespace);
    const env = {
      CONTRACT: contract,
      PATHS: addressOf(contract, namespace).path,
      NEXT_TARGET: target,
      NEXT_PATH: nextPath,
    };
    return { image: RUNTIME_IMAGE, file: "relay.mjs", env };
  });
  return objects;
}

function addressOf(contract: string, namespace: string): { target: string; path: string } {
  const service = contract === MODEL ? "acme.tumor.v1.TumorService" : serviceOf(contract).name;
  return { target: `${serviceName(contract)}.${namespace}:8500`, path: `/${service}/Predict` };
}

/** The pods of a contract of the live fleet, or of one of its revisions. */
export function live(contract: string, revision?: string): Pods {
  return { namespace: LIVE, contract, ...(revision !== undefined && { revision }) };
}

/** What calls of a contract of the live fleet have in common: its relays take the model's request too. */
export async function liveOrders(contract: string, namespace = LIVE): Promise<Orders & { request: Buffer }> {
  const sample = JSON.parse(readFileSync(path.join(ROOT, "models/tumor/samples/request.json"), "utf8"));
  const request = new JsonCodec(await contractImage(ROOT, MODEL)).encode(`${MODEL}.PredictRequest`, sample);
  return { ...addressOf(contract, namespace), request };
}

/** The header that pins the model's revision, over however many services. */
export function pin(revision: string): Record<string, string> {
  return { "x-flotilla-pin": `${MODEL}=${revision}` };
}

/** Puts the live fleet alone on the cluster. */
export const raiseLive = onDemand(async () => ({
  namespaces: [LIVE],
  objects: await liveObjects(LIVE),
  callers: [],
}));

/** Puts the live fleet and its callers on the cluster, for the tests of one file: `before(raiseLiveFleet)`. */
export async function raiseLiveFleet(this: Mocha.Context): Promise<void> {
  this.timeout(600_000);
  await Promise.all([raiseCallers(), raiseLive()]);
}
