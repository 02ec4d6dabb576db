import { parseAllDocuments } from "yaml";
import { synthesize } from "../../../cdk8s/fleet-app.js";
import type { Member } from "../../../src/fleet/members.js";
import { LABEL } from "../../../src/fleet/names.js";
import { PROGRAM_FOLDER, PROGRAM_MOUNT, PROGRAM_VOLUME } from "./programs.js";

/** An object of a manifest, as far as the tests look into one. */
export interface KubeObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

interface Deployment extends KubeObject {
  readonly spec: { template: { spec: { containers: Container[]; volumes: object[] } } };
}

interface Container {
  image: string;
  args?: string[];
  command?: string[];
  env: { name: string; value: string }[];
  volumeMounts: object[];
}

/** What runs in the pods of a revision, in the server's place. */
export interface Program {
  readonly image: string;
  /** Of test/cluster/programs. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What `flotilla manifests` makes of a fleet. */
export function fleetObjects(members: readonly Member[]): KubeObject[] {
  return synthesize(members[0]!.fleet, members)
    .filter(({ path }) => !path.endsWith("kustomization.yaml"))
    .flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS() as KubeObject));
}

/**
 * Lets the pods of some Deployments run a program in the server's place. All else stays as it is: labels, identity, probes,
 * limits, and how they end.
 */
export function runPrograms(
  objects: readonly KubeObject[],
  programOf: (contract: string, revision: string) => Program | undefined,
): void {
  for (const object of objects) {
    if (object.kind !== "Deployment") continue;
    const { [LABEL.contract]: contract, [LABEL.revision]: revision } = object.metadata.labels!;
    const program = programOf(contract!, revision!);
    if (program !== undefined) runProgram(object as Deployment, program);
  }
}

function runProgram({ spec }: Deployment, { image, file, env }: Program): void {
  const { containers, volumes } = spec.template.spec;
  const [server] = containers as [Container];
  server.image = image;
  delete server.args;
  server.command = ["node", `${PROGRAM_FOLDER}/${file}`];
  server.env = Object.entries(env).map(([name, value]) => ({ name, value }));
  server.volumeMounts.push(PROGRAM_MOUNT);
  volumes.push(PROGRAM_VOLUME);
}
