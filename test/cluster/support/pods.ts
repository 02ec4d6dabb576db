import { LABEL } from "../../../src/fleet/names.js";
import { get, kubectl } from "./kubectl.js";

/** Some pods of a fleet. */
export interface Pods {
  readonly namespace: string;
  readonly contract: string;
  /** @default all of them */
  readonly revision?: string;
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

/** Labels that choose pods, as kubectl takes them. */
export function selectorOf({ contract, revision }: Pods): string {
  return `${LABEL.contract}=${contract}${revision === undefined ? "" : `,${LABEL.revision}=${revision}`}`;
}

/** Names of the pods that are ready and stay. */
export async function podsOf(pods: Pods): Promise<string[]> {
  const { items } = await get<PodList>(["pods", "-n", pods.namespace, "-l", selectorOf(pods)]);
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .filter(({ status }) => status.conditions?.some(({ type, status }) => type === "Ready" && status === "True"))
    .map(({ metadata }) => metadata.name);
}

/** Name of the only pod. @throws Error where there are none or several */
export async function podOf(pods: Pods): Promise<string> {
  const names = await podsOf(pods);
  if (names.length !== 1) throw new Error(`${selectorOf(pods)}: expected one pod, there are ${names.length}`);
  return names[0]!;
}

/** The metrics that the server of a pod has now, as Prometheus reads them. */
export function serverMetrics({ namespace, pod }: { namespace: string; pod: string }): Promise<string> {
  const program = 'fetch("http://127.0.0.1:8502/metrics").then((r) => r.text()).then(console.log)';
  return kubectl(["exec", "-n", namespace, pod, "-c", "server", "--", "node", "-e", program]);
}

/** What a program of test/cluster/programs says at its control port, which is its pod's own. */
export async function askProgram<Answer>(
  { namespace, pod, container = "server" }: { namespace: string; pod: string; container?: string },
  request: { readonly method?: string; readonly body?: string } = {},
): Promise<Answer> {
  const program = `fetch("http://127.0.0.1:8600", ${JSON.stringify(request)}).then((r) => r.text()).then(console.log)`;
  return JSON.parse(await kubectl(["exec", "-n", namespace, pod, "-c", container, "--", "node", "-e", program]));
}
