import { readFileSync } from "node:fs";
import path from "node:path";
import { parse, stringify } from "yaml";
import { parseFleet } from "../../../src/fleet/load.js";
import { fleetMembers } from "../../../src/fleet/members.js";
import { bridgeSelector, serviceName } from "../../../src/fleet/names.js";
import { contractServices } from "../../../src/fleet/services.js";
import type { FleetSpec } from "../../../src/fleet/spec.js";
import type { NatsPlace } from "../../events/nats-place.js";
import { ROOT } from "../../support/contract-fixture.js";
import { CALLERS, raiseCallers } from "./callers.js";
import { fleetObjects, type KubeObject } from "./fleet-objects.js";
import { apply, kubectl } from "./kubectl.js";
import { giveMoods } from "./moods.js";
import { type Nats, natsUrl, raiseNats } from "./nats.js";
import { raise } from "./stage.js";

/** Namespace of the fleet whose contract is called for events. */
export const EVENTS = "flotilla-test-events";
const NATS: Nats = { namespace: "flotilla-test-messaging", name: "nats" };

/** The contract: a real model. Half of the calls are r1's, half r2's. */
export const CONTRACT = "acme.tumor.v1";
/** r2's model, which fails as a test says; it has no calls at first. */
export const MOODY = "moody";
/** The bridge, and how often it tries an event again. */
export const BRIDGE = "scores";
export const RETRIES = 1;

const FIELDS = {
  // Nobody but the bridge, whom the fleet file need not name. The network lets the callers' namespace in, and the mesh no one.
  callers: [`${CALLERS}/nobody`],
  deadline: "3s",
  warmUp: "0ms",
  // What a revision fails, the bridge sees.
  retries: { attempts: 0, perTry: "3s" },
  circuitBreaker: { consecutiveErrors: 10_000 },
  cohorts: {},
  shadow: undefined,
  ingress: undefined,
};
const SMALL = {
  resources: { cpu: 1, cpuRequest: "10m", memory: "256Mi" },
  replicas: { min: 1, max: 1 },
  batching: { maxSize: 1 },
};
const BRIDGE_FIELDS = {
  name: BRIDGE,
  contract: CONTRACT,
  from: { stream: "IN", subject: "in.created" },
  to: { subject: "out.scored" },
  deadLetter: { subject: "out.dead" },
  orderBy: "partitionkey",
  retries: { attempts: RETRIES, backoff: "50ms", maxBackoff: "200ms" },
  resources: { cpu: 1, cpuRequest: "10m", memory: "256Mi" },
};

/** Shares of the calls, per cent by revision. */
type Traffic = Readonly<Record<string, number>>;
const CALM: Traffic = { r1: 50, r2: 50 };

/** The fleet of one contract and one bridge, as its fleet file has it. */
export function eventFleet(traffic: Traffic = CALM): FleetSpec {
  const file = parse(readFileSync(path.join(ROOT, "fleet.yaml"), "utf8"));
  const contract = file.spec.contracts.find(({ name }: { name: string }) => name === CONTRACT);
  const { r1, r2 } = contract.revisions;
  const revisions = { r1, r2, [MOODY]: { ...r2 } };
  for (const revision of Object.values<object>(revisions)) Object.assign(revision, SMALL);
  Object.assign(contract, FIELDS, { revisions, traffic });
  file.metadata = { name: "events", namespace: EVENTS };
  file.spec = {
    images: file.spec.images,
    mesh: file.spec.mesh,
    telemetry: { accessLogs: "off" },
    broker: { nats: { servers: [natsUrl(NATS)] } },
    bridges: [BRIDGE_FIELDS],
    contracts: [contract],
  };
  return parseFleet(stringify(file), { file: "events.yaml", root: ROOT }).fleet;
}

async function eventObjects(traffic?: Traffic): Promise<KubeObject[]> {
  const fleet = eventFleet(traffic);
  const objects = fleetObjects(fleetMembers(fleet, await contractServices(ROOT, [CONTRACT])));
  giveMoods(objects, fleet.contracts[0]!, { revision: MOODY, model: "r2" });
  return objects;
}

/** Gives the calls to other revisions. */
export async function applyTraffic(traffic: Traffic = CALM): Promise<void> {
  await apply((await eventObjects(traffic)).filter(({ kind }) => kind === "VirtualService"));
}

/** Names of the bridge's pods, those that end too. */
export async function bridgePods(): Promise<string[]> {
  const selector = Object.entries(bridgeSelector(BRIDGE)).map(([name, value]) => `${name}=${value}`);
  const names = await kubectl(["get", "pods", "-n", EVENTS, "-l", selector.join(), "-o", "name"]);
  return names.split("\n").filter((name) => name !== "");
}

/** Target of the contract's Service, and its method. */
export const TARGET = `${serviceName(CONTRACT)}.${EVENTS}:8500`;
export const PATH = "/acme.tumor.v1.TumorService/Predict";

/** Puts broker, fleet and callers on the cluster, the broker first: a bridge wants its streams. @returns the streams */
export async function raiseEventFleet(): Promise<NatsPlace> {
  const [streams] = await Promise.all([raiseNats(NATS), raiseCallers()]);
  await raise({ namespaces: [EVENTS], objects: await eventObjects(), callers: [] });
  return streams;
}
