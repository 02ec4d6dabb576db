import { readFileSync } from "node:fs";
import path from "node:path";
import { parse, stringify } from "yaml";
import { parseFleet } from "../../../src/fleet/load.js";
import { fleetMembers } from "../../../src/fleet/members.js";
import { serviceName } from "../../../src/fleet/names.js";
import { contractImage } from "../../../src/fleet/protos.js";
import { contractServices } from "../../../src/fleet/services.js";
import type { FleetSpec } from "../../../src/fleet/spec.js";
import { JsonCodec, ROOT } from "../../support/contract-fixture.js";
import type { Caller, Orders } from "./caller.js";
import { fleetObjects, type KubeObject } from "./fleet-objects.js";
import { apply, get, kubectl } from "./kubectl.js";
import { giveMoods, setMoods } from "./moods.js";
import type { Pods } from "./pods.js";
import { onDemand } from "./stage.js";

/** Namespace of the fleet that operators' commands are tried on, and of who calls it. */
export const OPERATED = "flotilla-k6-models";
const CALLERS = "flotilla-k6-callers";
export const CALLER: Caller = { namespace: CALLERS, name: "listed", sidecar: true };

/** The contract. Real servers with real models: r1 is often wrong, r2 has the calls, r3 is as good. */
export const CONTRACT = "acme.tumor.v1";
/** r2's model behind a transform with moods. */
export const MOODY = "moody";

const SMALL = {
  resources: { cpu: 1, cpuRequest: "10m", memory: "256Mi" },
  replicas: { min: 1, max: 1 },
  batching: { maxSize: 1 },
};
const FIELDS = {
  callers: [`${CALLERS}/listed`],
  deadline: "3s",
  warmUp: "0ms",
  // What a revision fails, its callers see.
  retries: { attempts: 0, perTry: "3s" },
  circuitBreaker: { consecutiveErrors: 10_000 },
  traffic: { r2: 100 },
  cohorts: {},
  shadow: undefined,
  ingress: undefined,
};

/** The operated fleet, as its fleet file has it. */
export function operatedFleet(): FleetSpec {
  const file = parse(readFileSync(path.join(ROOT, "fleet.yaml"), "utf8"));
  const contract = file.spec.contracts.find(({ name }: { name: string }) => name === CONTRACT);
  Object.assign(contract, FIELDS);
  contract.revisions[MOODY] = { ...contract.revisions.r2 };
  for (const revision of Object.values<object>(contract.revisions)) Object.assign(revision, SMALL);
  file.metadata = { name: "operated", namespace: OPERATED };
  file.spec.telemetry = { accessLogs: "off" };
  delete file.spec.ingress;
  delete file.spec.releases;
  file.spec.contracts = [contract];
  return parseFleet(stringify(file), { file: "operated.yaml", root: ROOT }).fleet;
}

/** Its manifests. */
export async function operatedObjects(): Promise<KubeObject[]> {
  const fleet = operatedFleet();
  const objects = fleetObjects(fleetMembers(fleet, await contractServices(ROOT, [CONTRACT])));
  giveMoods(objects, fleet.contracts[0]!, { revision: MOODY, model: "r2" });
  return objects;
}

/** The pods of the contract, or of one of its revisions. */
export function operated(revision?: string): Pods {
  return { namespace: OPERATED, contract: CONTRACT, ...(revision !== undefined && { revision }) };
}

/** What the calls have in common: ten samples each. */
export async function operatedOrders(): Promise<Orders & { request: Buffer }> {
  const sample = JSON.parse(readFileSync(path.join(ROOT, "models/tumor/samples/request.json"), "utf8"));
  const request = new JsonCodec(await contractImage(ROOT, CONTRACT)).encode(`${CONTRACT}.PredictRequest`, sample);
  const target = `${serviceName(CONTRACT)}.${OPERATED}:8500`;
  return { target, path: "/acme.tumor.v1.TumorService/Predict", request };
}

const raiseFleet = onDemand(async () => ({
  namespaces: [OPERATED, CALLERS],
  objects: await operatedObjects(),
  callers: [CALLER],
}));

/** Puts the fleet and its caller on the cluster, for the tests of one file: `before(raiseOperatedFleet)`. */
export async function raiseOperatedFleet(this: Mocha.Context): Promise<void> {
  this.timeout(600_000);
  await raiseFleet();
}

interface VirtualService {
  readonly spec: { readonly http: { name: string; route: { destination: { subset: string }; weight?: number }[] }[] };
}

/** The VirtualService of the manifests, whoever changed it. */
export async function applyRoutes(): Promise<void> {
  await apply((await operatedObjects()).filter(({ kind }) => kind === "VirtualService"));
}

/** All calls to r2 again, as the manifests say, and nothing remembered. */
export async function resetTraffic(): Promise<void> {
  await applyRoutes();
  const keys = ["stable", "rollout", "history"].map((key) => `flotilla.dev/${key}-`);
  await kubectl(["annotate", "virtualservice", serviceName(CONTRACT), "-n", OPERATED, ...keys]);
  await setMoods(operated(MOODY), {});
}

/** The contract's shares on the cluster, as its routes have them: `r2 100`. */
export async function sharesNow(): Promise<string> {
  const service = await get<VirtualService>(["virtualservice", serviceName(CONTRACT), "-n", OPERATED]);
  const route = service.spec.http.find(({ name }) => name === "default-calls")!.route;
  return route.map(({ destination, weight }) => `${destination.subset} ${weight ?? 100}`).join(", ");
}
