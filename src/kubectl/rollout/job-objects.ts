import { contractLabels, LABEL, workloadName } from "../../fleet/names.js";
import type { KubeObject } from "../kube-object.js";

/** What the Job that judges a roll-out is made from. */
export interface JobOrder {
  readonly contract: string;
  readonly namespace: string;
  readonly fleet: string;
  /** Tells the Job from those of earlier roll-outs, which may still be there: `k3x9`. */
  readonly id: string;
  /** With Node.js: one that the nodes have anyway. */
  readonly image: string;
  readonly pullSecrets: readonly { readonly name: string }[];
  /** What it runs: a script, packed by gzip, in base64. */
  readonly program: string;
  /** The script's only argument. */
  readonly argument: string;
  /** Names of the VirtualServices whose weights it sets. */
  readonly services: readonly string[];
  /** Ports that it reaches beside the API server's. */
  readonly ports: readonly number[];
}

const FILE = "rollout.cjs.gz";
const FOLDER = "/flotilla";
/** How long it stays once it is over, with its log and all that belongs to it. */
const KEPT_SECONDS = 3600;
const API_SERVER_PORTS = [443, 6443];
/** A script as text in memory: the container's file system is read-only. */
const STARTER = [
  "const module_ = new (require('node:module'))('/rollout.cjs')",
  `const packed = require('node:fs').readFileSync('${FOLDER}/${FILE}')`,
  "module_._compile(require('node:zlib').gunzipSync(packed).toString(), '/rollout.cjs')",
].join(";");

/** The Job; suspended, until it has what it needs. Its pods have no sidecar: it talks to the API server alone. */
export function rolloutJob(order: JobOrder): KubeObject {
  const { image, pullSecrets, argument } = order;
  const metadata = metadataOf(order);
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata,
    spec: {
      suspend: true,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: {
        metadata: { labels: { ...metadata.labels, "sidecar.istio.io/inject": "false" } },
        spec: {
          serviceAccountName: metadata.name,
          restartPolicy: "OnFailure",
          ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets }),
          securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "rollout",
              image,
              imagePullPolicy: "IfNotPresent",
              command: ["node", "-e", STARTER, argument],
              resources: { requests: { cpu: "10m", memory: "96Mi" }, limits: { memory: "256Mi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
              },
              volumeMounts: [{ name: "program", mountPath: FOLDER, readOnly: true }],
            },
          ],
          volumes: [{ name: "program", configMap: { name: metadata.name } }],
        },
      },
    },
  };
  return job;
}

/** What the Job needs, each owned by it: they go with it. */
export function rolloutJobNeeds(order: JobOrder, job: KubeObject): KubeObject[] {
  const metadata = { ...metadataOf(order), ownerReferences: [ownerOf(job)] };
  const { name } = metadata;
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, ...roleOf(order) },
    {
      ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata },
      ...{ roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name } },
      ...{ subjects: [{ kind: "ServiceAccount", name, namespace: metadata.namespace }] },
    },
    { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, ...policyOf(order) },
    { apiVersion: "v1", kind: "ConfigMap", metadata, ...{ binaryData: { [FILE]: order.program } } },
  ];
}

function metadataOf({ contract, namespace, fleet, id }: JobOrder) {
  const { [LABEL.contract]: _, ...labels } = contractLabels(fleet, contract);
  const name = workloadName(contract, `rollout-${id}`);
  // Without the contract's label: that chooses the pods that answer its calls.
  return { name, namespace, labels: { ...labels, [LABEL.component]: "rollout", [LABEL.name]: name } };
}

function ownerOf({ apiVersion, kind, metadata }: KubeObject) {
  const { name, uid } = metadata as KubeObject["metadata"] & { uid: string };
  return { apiVersion, kind, name, uid, blockOwnerDeletion: false };
}

/** It reads what the contract's state is, reaches its pods' metrics, and changes the contract's own routes and no others. */
function roleOf({ services }: JobOrder) {
  const istio = "networking.istio.io";
  return {
    rules: [
      { apiGroups: [istio], resources: ["virtualservices", "destinationrules"], verbs: ["list"] },
      { apiGroups: [istio], resources: ["virtualservices"], resourceNames: services, verbs: ["get", "patch"] },
      { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"] },
      { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
      // To forward a port is `get` or `create`, as the client asks by WebSocket or by POST.
      { apiGroups: [""], resources: ["pods/portforward"], verbs: ["get", "create"] },
    ],
  };
}

function policyOf(order: JobOrder) {
  const ports = [...API_SERVER_PORTS, ...order.ports].map((port) => ({ protocol: "TCP", port }));
  const names = ["UDP", "TCP"].map((protocol) => ({ protocol, port: 53 }));
  return {
    spec: {
      podSelector: { matchLabels: { [LABEL.name]: metadataOf(order).name } },
      policyTypes: ["Ingress", "Egress"],
      egress: [{ ports: [...names, ...ports] }],
    },
  };
}
