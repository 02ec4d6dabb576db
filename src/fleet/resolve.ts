import { join } from "node:path";
import type { PathStep } from "./findings.js";
import { resolveImages, resolveIngress, resolveMesh, resolveSource, resolveTelemetry } from "./resolve-cluster.js";
import {
  resolveBreaker,
  resolveDelivery,
  resolveFallback,
  resolveMethods,
  resolveObjectives,
  resolveRetries,
} from "./resolve-mesh.js";
import { type ContractFile, DEFAULTS, type FleetFile, type RevisionFile } from "./schema.js";
import { MESH_DEFAULTS } from "./schema-mesh.js";
import type { ContractSpec, FleetSpec, RevisionSpec, WeightSpec } from "./spec.js";
import { toBytes, toMs } from "./units.js";

type Defaults = NonNullable<FleetFile["spec"]["defaults"]>;

/** What a checked fleet file is made a spec with. */
export interface ResolveOptions {
  /** Absolute folder that the file's paths are relative to. */
  readonly root: string;
  /** Keys of the mapping at a path, in the file's order. */
  readonly keysAt: (path: readonly PathStep[]) => readonly string[];
}

/** The spec of a fleet file that has passed every check: defaults filled in, paths absolute, the file's order kept. */
export function resolveFleet(file: FleetFile, options: ResolveOptions): FleetSpec {
  const defaults = file.spec.defaults ?? {};
  const telemetry = resolveTelemetry(file);
  return {
    root: options.root,
    name: file.metadata.name,
    namespace: file.metadata.namespace ?? DEFAULTS.namespace,
    images: resolveImages(file),
    mesh: resolveMesh(file),
    telemetry,
    ingress: resolveIngress(file),
    contracts: file.spec.contracts.map((contract, index) => {
      const keysAt = (key: string) => options.keysAt(["spec", "contracts", index, key]);
      const { samplingPercent } = telemetry;
      return resolveContract(contract, { root: options.root, defaults, samplingPercent, keysAt });
    }),
  };
}

interface ContractContext {
  readonly root: string;
  readonly defaults: Defaults;
  /** What the fleet says. */
  readonly samplingPercent: number;
  readonly keysAt: (key: string) => readonly string[];
}

function resolveContract(contract: ContractFile, context: ContractContext): ContractSpec {
  const { root, defaults, samplingPercent, keysAt } = context;
  const deadlineMs = contract.deadline ?? defaults.deadline ?? toMs(DEFAULTS.deadline);
  const revisions = keysAt("revisions").map((name) =>
    resolveRevision(name, contract.revisions[name]!, { root, defaults }),
  );
  return {
    name: contract.name,
    owner: contract.owner,
    transform: contract.transform === undefined ? undefined : join(root, contract.transform),
    example: contract.example === undefined ? undefined : join(root, contract.example),
    callers: contract.callers ?? [],
    calls: contract.calls ?? [],
    methods: resolveMethods(contract, keysAt("methods")),
    revisions,
    traffic: resolveTraffic(contract, keysAt("traffic")),
    shadow: contract.shadow,
    cohorts: new Map(keysAt("cohorts").map((cohort) => [cohort, contract.cohorts![cohort]!])),
    fallback: resolveFallback(contract),
    retries: resolveRetries(contract),
    deadlineMs,
    circuitBreaker: resolveBreaker(contract),
    warmUpMs: contract.warmUp ?? toMs(MESH_DEFAULTS.warmUp),
    objectives: resolveObjectives(contract, deadlineMs),
    samplingPercent: contract.sampling ?? samplingPercent,
    ingress: contract.ingress ?? false,
    delivery: resolveDelivery(contract),
  };
}

/** Revisions without a share are left out: the first of the table is the one that a call without a pin gets. */
function resolveTraffic(contract: ContractFile, order: readonly string[]): WeightSpec[] {
  const { traffic } = contract;
  if (traffic === undefined)
    return Object.keys(contract.revisions).map((revision) => ({ revision, weightPercent: 100 }));
  return order
    .map((revision) => ({ revision, weightPercent: traffic[revision]! }))
    .filter((weight) => weight.weightPercent > 0);
}

interface RevisionContext {
  readonly root: string;
  readonly defaults: Defaults;
}

function resolveRevision(name: string, revision: RevisionFile, context: RevisionContext): RevisionSpec {
  const { root, defaults } = context;
  const tuning = mergeTuning(defaults, revision);
  return {
    name,
    model: join(root, revision.model),
    sha256: revision.sha256,
    image: revision.image,
    source: resolveSource(revision.source),
    batching: { maxRows: tuning.batching.maxSize, maxDelayMs: tuning.batching.maxDelay },
    queueSize: revision.queue?.size ?? defaults.queue?.size ?? DEFAULTS.queueSize,
    workers: revision.workers ?? defaults.workers ?? DEFAULTS.workers,
    threads: revision.threads ?? defaults.threads,
    resources: tuning.resources,
    replicas: tuning.replicas,
  };
}

/** What a revision may set for itself and rules look at: its own words first, then `spec.defaults`, then ours. */
type Tuning = Pick<Partial<RevisionFile>, "batching" | "replicas" | "resources">;

/** Batching, replicas and resources as they come to stand for a revision. */
export function mergeTuning(defaults: Tuning, own: Tuning) {
  const batching = { ...defaults.batching, ...own.batching };
  const replicas = { ...defaults.replicas, ...own.replicas };
  const resources = { ...defaults.resources, ...own.resources };
  const processors = resources.cpu ?? DEFAULTS.cpu;
  const min = replicas.min ?? Math.min(DEFAULTS.replicasMin, replicas.max ?? DEFAULTS.replicasMin);
  return {
    batching: {
      maxSize: batching.maxSize ?? DEFAULTS.batchingMaxSize,
      maxDelay: batching.maxDelay ?? toMs(DEFAULTS.batchingMaxDelay),
    },
    replicas: {
      min,
      max: replicas.max ?? Math.max(DEFAULTS.replicasMax, min),
      cpuUtilizationPercent: replicas.cpuUtilization ?? DEFAULTS.cpuUtilization,
      inFlight: replicas.inFlight,
    },
    resources: {
      cpu: processors,
      cpuRequest: resources.cpuRequest ?? processors,
      memoryBytes: resources.memory ?? toBytes(DEFAULTS.memory),
    },
  };
}
