import { parseAllDocuments } from "yaml";
import { synthesize } from "../../../cdk8s/fleet-app.js";
import { LABEL } from "../../../src/fleet/names.js";
import type { FleetSpec } from "../../../src/fleet/spec.js";
import { membersOf } from "../../support/members.js";
import { get, kubectl } from "./kubectl.js";
import { PROGRAM_FOLDER, PROGRAM_MOUNT, PROGRAM_VOLUME, programs } from "./programs.js";

/** How a moody server answers; see programs/moody-server.mjs. */
export interface Mood {
  readonly failPercent?: number;
  /** gRPC code of the failures, UNAVAILABLE where it is not said. */
  readonly code?: number;
  readonly delayMs?: number;
}

interface Deployment {
  readonly kind: string;
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: { template: { spec: { containers: Container[]; volumes: object[] } } };
}

interface Container {
  image: string;
  args?: string[];
  command?: string[];
  env: { name: string; value: string }[];
  volumeMounts: object[];
}

/**
 * The manifests of a fleet with another program in its servers' pods: one whose mood tests can set. All else is what
 * `flotilla manifests` makes.
 */
export function moodyFleet(fleet: FleetSpec, image: string): object[] {
  const members = membersOf(fleet);
  const objects = synthesize(fleet, members)
    .filter(({ path }) => !path.endsWith("kustomization.yaml"))
    .flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS() as object));
  const paths = members.flatMap(({ service }) => service.methods.map(({ name }) => `/${service.name}/${name}`));
  for (const object of objects as Deployment[]) {
    if (object.kind === "Deployment") makeMoody(object, image, paths);
  }
  return [...objects, programs(fleet.namespace)];
}

function makeMoody(deployment: Deployment, image: string, paths: readonly string[]): void {
  const { containers, volumes } = deployment.spec.template.spec;
  const [server] = containers as [Container];
  server.image = image;
  delete server.args;
  server.command = ["node", `${PROGRAM_FOLDER}/moody-server.mjs`];
  server.env = [
    { name: "REVISION", value: deployment.metadata.labels[LABEL.revision]! },
    { name: "PATHS", value: paths.join() },
  ];
  server.volumeMounts.push(PROGRAM_MOUNT);
  volumes.push(PROGRAM_VOLUME);
}

/** Names of a revision's pods that run. */
export async function podsOf(fleet: FleetSpec, contract: string, revision: string): Promise<string[]> {
  const selector = `${LABEL.contract}=${contract},${LABEL.revision}=${revision}`;
  const found = await get<{ items: { metadata: { name: string; deletionTimestamp?: string } }[] }>([
    ...["pods", "-n", fleet.namespace, "-l", selector, "--field-selector", "status.phase=Running"],
  ]);
  return found.items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
}

/** Sets the mood of a pod, and gives how many calls it has seen by path. */
export async function setMood(fleet: FleetSpec, pod: string, mood: Mood): Promise<void> {
  await control(fleet, pod, `{ method: "PUT", body: ${JSON.stringify(JSON.stringify(mood))} }`);
}

/** Calls that a pod has seen, by path. */
export async function seenBy(fleet: FleetSpec, pod: string): Promise<Readonly<Record<string, number>>> {
  return JSON.parse(await control(fleet, pod, "{}")).seen;
}

function control(fleet: FleetSpec, pod: string, init: string): Promise<string> {
  const program = `fetch("http://127.0.0.1:8600/mood", ${init}).then((r) => r.text()).then(console.log)`;
  return kubectl(["exec", "-n", fleet.namespace, pod, "-c", "server", "--", "node", "-e", program]);
}
