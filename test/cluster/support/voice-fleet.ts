import { readFileSync } from "node:fs";
import path from "node:path";
import { parse, stringify } from "yaml";
import { parseFleet } from "../../../src/fleet/load.js";
import { fleetMembers } from "../../../src/fleet/members.js";
import { serviceName } from "../../../src/fleet/names.js";
import { contractServices } from "../../../src/fleet/services.js";
import { ROOT } from "../../support/contract-fixture.js";
import type { Caller } from "./caller.js";
import { CALLERS, raiseCallers } from "./callers.js";
import { fleetObjects } from "./fleet-objects.js";
import { kubectl } from "./kubectl.js";
import { type Pods, podsOf, serverMetrics } from "./pods.js";
import { PROGRAM_FOLDER } from "./programs.js";
import { onDemand } from "./stage.js";

const VOICE = "flotilla-test-voice";
const CONTRACT = "acme.voice.v1";
const TARGET = `${serviceName(CONTRACT)}.${VOICE}:8500`;
const PATH = "/acme.voice.v1.VoiceService/PredictStream";
/** The pods of the one revision: two, so that a stream can go on at once where its pod goes. */
const PODS: Pods = { namespace: VOICE, contract: CONTRACT };

const raiseFleet = onDemand(async () => {
  const file = parse(readFileSync(path.join(ROOT, "fleet.yaml"), "utf8"));
  const contract = file.spec.contracts.find(({ name }: { name: string }) => name === CONTRACT);
  Object.assign(contract, { callers: [`${CALLERS}/listed`], deadline: "3s", warmUp: "0ms", methods: {} });
  const small = { resources: { cpu: 1, cpuRequest: "10m", memory: "256Mi" }, replicas: { min: 2, max: 2 } };
  Object.assign(contract.revisions.r1, small);
  file.metadata = { name: "voice", namespace: VOICE };
  const { images, mesh } = file.spec;
  file.spec = { images, mesh, telemetry: { accessLogs: "off" }, contracts: [contract] };
  const { fleet } = parseFleet(stringify(file), { file: "voice.yaml", root: ROOT });
  const objects = fleetObjects(fleetMembers(fleet, await contractServices(ROOT, [CONTRACT])));
  return { namespaces: [VOICE], objects, callers: [] };
});

/** Puts a contract whose streams carry state on the cluster, and its callers: `before(raiseVoiceFleet)`. */
export async function raiseVoiceFleet(this: Mocha.Context): Promise<void> {
  this.timeout(600_000);
  await Promise.all([raiseCallers(), raiseFleet()]);
}

/** What came of a stream that was gone on with. */
export interface Resumed {
  /** In base64. */
  readonly answers: readonly string[];
  /** Why it was opened anew, each time: `UNAVAILABLE DRAINING`. */
  readonly ends: readonly string[];
}

/** Lets a caller send the messages of a stream; see programs/listener.ts. */
export async function listen(
  { namespace, name }: Caller,
  { requests, pauseMs }: { readonly requests: readonly Uint8Array[]; readonly pauseMs: number },
): Promise<Resumed> {
  const encoded = requests.map((request) => Buffer.from(request).toString("base64"));
  const orders = { target: TARGET, path: PATH, contract: CONTRACT, pauseMs, requests: encoded };
  const command = ["node", `${PROGRAM_FOLDER}/listener.mjs`];
  const exec = ["exec", "-i", "-n", namespace, `deploy/${name}`, "-c", name, "--", ...command];
  return JSON.parse(await kubectl(exec, JSON.stringify(orders)));
}

/** Deletes the pod that a stream is open at, as soon as there is one. */
export async function deleteStreamsPod(): Promise<void> {
  for (;;) {
    for (const pod of await podsOf(PODS)) {
      if ((await openStreams(pod)) === 0) continue;
      await kubectl(["delete", "pod", "-n", VOICE, pod, "--wait=false"]);
      return;
    }
  }
}

async function openStreams(pod: string): Promise<number> {
  const text = await serverMetrics({ namespace: VOICE, pod });
  return Number(/^flotilla_streams_open\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0);
}
