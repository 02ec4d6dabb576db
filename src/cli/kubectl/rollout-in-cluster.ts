import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { LABEL } from "../../fleet/names.js";
import type { ApiResource } from "../../kubectl/api-resources.js";
import type { Target } from "../../kubectl/apply-traffic.js";
import { applyFields, createObject, listObjects } from "../../kubectl/cluster-objects.js";
import type { ContractObjects } from "../../kubectl/contract-objects.js";
import type { KubeObject } from "../../kubectl/kube-object.js";
import { type JobOrder, rolloutJob, rolloutJobNeeds } from "../../kubectl/rollout/job-objects.js";
import { PACKAGE_ROOT } from "../package-info.js";
import type { MetricsOptions } from "./metrics-options.js";
import type { JobArgument } from "./rollout-job.js";

/** The module that the Job runs, with all that it imports. */
const ENTRY = "dist/src/bin/rollout-job.js";

interface Deployment extends KubeObject {
  readonly spec?: {
    readonly template: {
      readonly spec: {
        readonly imagePullSecrets?: readonly { readonly name: string }[];
        readonly containers: readonly { readonly name: string; readonly image: string }[];
      };
    };
  };
}

/**
 * Leaves a roll-out whose first step has its calls to a Job in the cluster. It runs this very program, which it gets in a
 * ConfigMap, in the image of the contract's own pods: that has Node.js, and is there already.
 * @returns the Job's name
 */
export async function runInCluster(
  target: Target,
  objects: ContractObjects,
  { metrics, image }: { readonly metrics: MetricsOptions; readonly image: string | undefined },
): Promise<string> {
  const order = await orderOf(target, objects, { metrics, image });
  const job = await create(target, rolloutJob(order));
  for (const needed of rolloutJobNeeds(order, job)) await create(target, needed);
  const { apiVersion, kind, metadata } = job;
  const awake = { apiVersion, kind, metadata: nameOf(metadata), spec: { suspend: false } };
  const resource = await resourceOf(target, job);
  await applyFields(target.cluster, resource, awake, { fieldManager: "kubectl-flotilla", dryRun: false });
  return job.metadata.name;
}

async function orderOf(
  target: Target,
  { contract, namespace, service, ingress }: ContractObjects,
  { metrics, image }: { readonly metrics: MetricsOptions; readonly image: string | undefined },
): Promise<JobOrder> {
  const resource = await resourceOf(target, { apiVersion: "apps/v1", kind: "Deployment" });
  const selector = `${LABEL.contract}=${contract}`;
  const [deployment] = (await listObjects(target.cluster, resource, { namespace, selector })) as Deployment[];
  const pods = deployment!.spec!.template.spec;
  const { argument, ports } = argumentOf(contract, namespace, metrics);
  return {
    contract,
    namespace,
    id: Math.floor(Date.now() / 1000).toString(36),
    fleet: service.metadata.labels?.[LABEL.partOf] ?? "",
    image: image ?? pods.containers.find(({ name }) => name === "server")!.image,
    pullSecrets: pods.imagePullSecrets ?? [],
    program: await bundle(),
    argument: JSON.stringify(argument),
    services: [service, ...ingress].map(({ metadata }) => metadata.name),
    ports,
  };
}

/** In the cluster a Prometheus is asked itself, not through the API server. */
function argumentOf(contract: string, namespace: string, { prometheus, countedBy }: MetricsOptions) {
  const [, its, service, port] = /^([^/]+)\/([^/:]+):(\w+)$/.exec(prometheus ?? "") ?? [];
  const address = its === undefined ? prometheus : `http://${service}.${its}.svc:${port}`;
  const argument: JobArgument = {
    contract,
    namespace,
    metrics: { ...(address !== undefined && { prometheus: address }), countedBy },
  };
  const url = address === undefined ? undefined : new URL(address);
  return { argument, ports: url === undefined ? [] : [Number(url.port) || (url.protocol === "https:" ? 443 : 80)] };
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: PACKAGE_ROOT,
    entryPoints: [ENTRY],
    bundle: true,
    minify: true,
    platform: "node",
    format: "cjs",
    write: false,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).toString("base64");
}

async function create(target: Target, object: KubeObject): Promise<KubeObject> {
  return createObject(target.cluster, await resourceOf(target, object), object);
}

async function resourceOf({ resources }: Target, object: { apiVersion: string; kind: string }): Promise<ApiResource> {
  const resource = await resources.find(object);
  if (resource === undefined) throw new Error(`the cluster knows no ${object.kind} of ${object.apiVersion}`);
  return resource;
}

function nameOf({ name, namespace }: KubeObject["metadata"]) {
  return { name, namespace: namespace! };
}
