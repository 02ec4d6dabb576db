import { kubectl } from "./kubectl.js";
import { PROGRAM_FOLDER, PROGRAM_MOUNT, PROGRAM_VOLUME } from "./programs.js";

/** What to call and how; see programs/caller.mjs. */
export interface Orders {
  readonly target: string;
  readonly path: string;
  readonly calls?: number;
  readonly seconds?: number;
  readonly connections?: number;
  readonly concurrency?: number;
  readonly deadlineMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: boolean;
  readonly timeline?: boolean;
}

type Counts = Readonly<Record<string, number>>;

/** What came of it. */
export interface Calls {
  readonly calls: number;
  /** By gRPC code. */
  readonly codes: Counts;
  /** Answers by the revision that gave them. */
  readonly revisions: Counts;
  /** Failures by code and text. */
  readonly details: Counts;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** By second, where it was asked for. */
  readonly timeline?: readonly { readonly codes: Counts; readonly revisions: Counts }[];
}

/** A pod that calls, with the identity of its service account. */
export interface Caller {
  readonly namespace: string;
  readonly name: string;
  /** Without one it has no identity, and speaks plaintext. */
  readonly sidecar: boolean;
}

/** A caller's objects. */
export function callerObjects({ namespace, name, sidecar }: Caller, image: string): object[] {
  const metadata = { name, namespace, labels: { app: name } };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        selector: { matchLabels: { app: name } },
        template: {
          metadata: {
            labels: { app: name, "sidecar.istio.io/inject": String(sidecar) },
            annotations: { "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true" },
          },
          spec: {
            serviceAccountName: name,
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                name: "caller",
                image,
                imagePullPolicy: "IfNotPresent",
                command: ["node", "-e", "setInterval(() => undefined, 1e6)"],
                resources: { requests: { cpu: "10m", memory: "64Mi" } },
                volumeMounts: [PROGRAM_MOUNT],
              },
            ],
            volumes: [PROGRAM_VOLUME],
          },
        },
      },
    },
  ];
}

/** Lets a caller call, and gives what came of it. */
export async function call(caller: Caller, orders: Orders, request = Buffer.from("hello")): Promise<Calls> {
  const text = JSON.stringify({ ...orders, request: request.toString("base64") });
  const command = ["node", `${PROGRAM_FOLDER}/caller.mjs`, text];
  return JSON.parse(
    await kubectl(["exec", "-n", caller.namespace, `deploy/${caller.name}`, "-c", "caller", "--", ...command]),
  );
}
