import { workloadName } from "../../../src/fleet/names.js";
import { get, kubectl, tryKubectl } from "../support/kubectl.js";
import { live, MODEL } from "../support/live-fleet.js";
import { podsOf } from "../support/pods.js";
import { PROGRAM_FOLDER, PROGRAM_VOLUME } from "../support/programs.js";
import { onDemand, type Stage } from "../support/stage.js";
import { undoLater } from "../support/undo.js";
import { programContainer, workload } from "../support/workload.js";

/** The pods that harm is done to: two of one revision of a real model, and of those the first. */
export const VICTIMS = live(MODEL, "r1");
const { namespace } = VICTIMS;
const DEPLOYMENT = workloadName(MODEL, "r1");
const SERVICE = ["virtualservice", "acme-tumor-v1", "-n", namespace];
const NODE = { namespace: "flotilla-test-node", name: "node" };

/** Exit code of what the kernel killed. */
const KILLED = 137;

export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A pod on the victims' node that sees the node's processes. */
export const raiseNode = onDemand(async (): Promise<Stage> => {
  const container = {
    ...programContainer("node-signal.mjs"),
    command: ["node", "-e", "setInterval(() => undefined, 1e6)"],
    securityContext: { privileged: true, runAsUser: 0 },
  };
  const objects = workload({ ...NODE, container, volumes: [PROGRAM_VOLUME], sidecar: false });
  const [, deployment] = objects as [object, { spec: { template: { spec: { hostPID?: boolean } } } }];
  deployment.spec.template.spec.hostPID = true;
  return { namespaces: [NODE.namespace], objects, callers: [] };
});

async function victim(): Promise<string> {
  return (await podsOf(VICTIMS))[0]!;
}

/** Sends a signal to a server from its node. */
async function signal(pod: string, name: string): Promise<void> {
  const { metadata } = await get<{ metadata: { uid: string } }>(["pod", pod, "-n", namespace]);
  const command = ["node", `${PROGRAM_FOLDER}/node-signal.mjs`, metadata.uid, name];
  await kubectl(["exec", "-n", NODE.namespace, `deploy/${NODE.name}`, "--", ...command]);
}

/** Ends a server at once. */
export async function killServer(): Promise<void> {
  await signal(await victim(), "SIGKILL");
}

/** Holds a server for a while: it neither answers nor ends. */
export async function stopServer(forMs: number): Promise<void> {
  const pod = await victim();
  const go = undoLater(`letting ${pod} go on`, () => signal(pod, "SIGCONT"));
  await signal(pod, "SIGSTOP");
  await wait(forMs);
  await go();
}

/** Does harm from inside of a server's container; see programs/fault.mjs. */
export async function harmInside(what: "worker" | "memory"): Promise<void> {
  const program = (await kubectl(["get", "configmap", "programs", "-n", namespace, "-o", "json"])).trim();
  const text = JSON.parse(program).data["fault.mjs"] as string;
  const command = ["node", "--experimental-websocket", "--input-type=module", "-", what];
  const exec = ["exec", "-i", "-n", namespace, await victim(), "-c", "server", "--", ...command];
  const { exitCode, stderr } = await tryKubectl(exec, text);
  // With the container goes whatever runs in it.
  if (exitCode !== 0 && exitCode !== KILLED) throw new Error(`${what}: ${stderr}`);
}

/** Restarts the servers with a log that takes nothing: each write of it fails with ENOSPC, as on a full disk. */
export async function fillLogDisk(): Promise<void> {
  const { spec } = await get<{ spec: { template: { spec: { containers: { args: string[] }[] } } } }>([
    ...["deployment", DEPLOYMENT, "-n", namespace],
  ]);
  const { args } = spec.template.spec.containers[0]!;
  const script = 'exec node /app/dist/src/bin/container.js "$@" > /dev/full 2>&1';
  const full = { name: "server", command: ["sh", "-c", script, "sh"], args };
  const undo = undoLater("giving the servers their log back", () => patchServer({ name: "server", command: null }));
  try {
    await patchServer(full);
    await rolledOut();
    await wait(5000);
  } finally {
    await undo();
  }
  await rolledOut();
}

async function patchServer(container: object): Promise<void> {
  const patch = JSON.stringify({ spec: { template: { spec: { containers: [container] } } } });
  await kubectl(["patch", "deployment", DEPLOYMENT, "-n", namespace, "--type=strategic", "-p", patch]);
}

/** Waits until all victims are there and ready. */
export async function rolledOut(): Promise<void> {
  await kubectl(["rollout", "status", `deployment/${DEPLOYMENT}`, "-n", namespace, "--timeout=180s"]);
}

/** Has the callers' proxies delay or abort calls for a while, as an operator does it. */
export async function injectFault(fault: object, forMs: number): Promise<void> {
  type Route = { name: string; fault?: object };
  const { spec } = await get<{ spec: { http: Route[] } }>(SERVICE);
  const patched = (with_: object) =>
    JSON.stringify({ spec: { http: spec.http.map((route) => ({ ...route, ...with_ })) } });
  const undo = undoLater("taking the fault out of the VirtualService", () =>
    kubectl(["patch", ...SERVICE, "--type=merge", "-p", patched({})]),
  );
  await kubectl(["patch", ...SERVICE, "--type=merge", "-p", patched({ fault })]);
  await wait(forMs);
  await undo();
}

/** Takes all pods of a Deployment of the cluster away for a while. */
export async function takeAway(name: string, where: string, forMs: number): Promise<void> {
  const deployment = ["deployment", name, "-n", where];
  const { spec } = await get<{ spec: { replicas: number } }>(deployment);
  const undo = undoLater(`bringing ${name} back`, () =>
    kubectl(["scale", ...deployment, `--replicas=${spec.replicas}`]),
  );
  await kubectl(["scale", ...deployment, "--replicas=0"]);
  await wait(forMs);
  await undo();
  await kubectl(["rollout", "status", ...deployment, "--timeout=180s"]);
}
