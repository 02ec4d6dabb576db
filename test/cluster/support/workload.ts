import { RUNTIME_IMAGE } from "./images.js";
import { PROGRAM_FOLDER, PROGRAM_MOUNT } from "./programs.js";

/** A container with its name, and what a test adds to it. */
export interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly container: object;
  readonly volumes?: readonly object[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** @default true */
  readonly sidecar?: boolean;
}

/** One pod with an identity of its own, as a Deployment. */
export function workload({
  namespace,
  name,
  container,
  volumes = [],
  annotations,
  sidecar = true,
}: Workload): object[] {
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
          metadata: { labels: { app: name, "sidecar.istio.io/inject": String(sidecar) }, annotations },
          spec: {
            serviceAccountName: name,
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                name,
                imagePullPolicy: "IfNotPresent",
                resources: { requests: { cpu: "10m", memory: "64Mi" } },
                ...container,
              },
            ],
            volumes,
          },
        },
      },
    },
  ];
}

/** What a container needs to run a program of test/cluster/programs; its pod has PROGRAM_VOLUME. */
export function programContainer(file: string): object {
  return { image: RUNTIME_IMAGE, command: ["node", `${PROGRAM_FOLDER}/${file}`], volumeMounts: [PROGRAM_MOUNT] };
}

/** A Service for a workload's pods. */
export function serviceFor(
  { namespace, name }: { namespace: string; name: string },
  port: { readonly name: string; readonly port: number },
): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [port] },
  };
}
