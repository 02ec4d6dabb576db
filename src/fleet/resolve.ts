import { join } from "node:path";
import type { PathStep } from "./findings.js";
import { resolveImages, resolveIngress, resolveMesh, resolveSource, resolveTelemetry } from "./resolve-cluster.js";
import { resolveBridge, resolveBroker } from "./resolve-events.js";
import {
  resolveBreaker,
  resolveDelivery,
  resolveFallback,
  resolveMethods,
  resolveObjectives,
  resolveRetries,
} from "./resolve-mesh.js";
import { resolveStreams } from "./resolve-streams.js";
import { type ContractFile, DEFAULTS, type FleetFile, type RevisionFile } from "./schema.js";
import { MESH_DEFAULTS } from "./schema-mesh.js";
import type {
  BatchingSpec,
  ContractSpec,
  FleetSpec,
  ModuleSpec,
  PaddingSpec,
  RevisionSpec,
  StubSpec,
  WeightSpec,
} from "./spec.js";
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
  const releases = options.keysAt(["spec", "releases"]);
  return {
    root: options.root,
    name: file.metadata.name,
    namespace: file.metadata.namespace ?? DEFAULTS.namespace,
    images: resolveImages(file),
    mesh: resolveMesh(file),
    telemetry,
    ingress: resolveIngress(file),
    contracts: file.spec.contracts.map((contract, index) => {
      const keysAt = (...path: readonly string[]) => options.keysAt(["spec", "contracts", index, ...path]);
      const { samplingPercent } = telemetry;
      return {
        ...resolveContract(contract, { root: options.root, defaults, samplingPercent, keysAt }),
        releases: resolveReleases(file, contract.name, releases),
      };
    }),
    broker: resolveBroker(file.spec.broker),
    bridges: (file.spec.bridges ?? []).map(resolveBridge),
  };
}

interface ContractContext {
  readonly root: string;
  readonly defaults: Defaults;
  /** What the fleet says. */
  readonly samplingPercent: number;
  readonly keysAt: (...path: readonly string[]) => readonly string[];
}

function resolveContract(contract: ContractFile, context: ContractContext): Omit<ContractSpec, "releases"> {
  const { root, defaults, samplingPercent, keysAt } = context;
  const deadlineMs = contract.deadline ?? defaults.deadline ?? toMs(DEFAULTS.deadline);
  const revisions = keysAt("revisions").map((name) =>
    resolveRevision(name, contract.revisions[name]!, { root, defaults }),
  );
  return {
    name: contract.name,
    owner: contract.owner,
    purpose: contract.purpose,
    transform: contract.transform === undefined ? undefined : join(root, contract.transform),
    example: contract.example === undefined ? undefined : join(root, contract.example),
    callers: contract.callers,
    calls: contract.calls ?? [],
    reserveMs: contract.reserve ?? toMs(DEFAULTS.reserve),
    methods: resolveMethods(contract, keysAt("methods")),
    streams: resolveStreams(contract.streams),
    revisions,
    traffic: resolveTraffic(contract, keysAt("traffic")),
    shadow: contract.shadow,
    cohorts: new Map(
      keysAt("cohorts").map((cohort) => [cohort, resolveCohort(contract.cohorts![cohort]!, keysAt("cohorts", cohort))]),
    ),
    fallback: resolveFallback(contract),
    retries: resolveRetries(contract),
    deadlineMs,
    circuitBreaker: resolveBreaker(contract),
    warmUpMs: contract.warmUp ?? toMs(MESH_DEFAULTS.warmUp),
    objectives: resolveObjectives(contract, deadlineMs),
    samplingPercent: contract.sampling ?? samplingPercent,
    ingress: contract.ingress ?? false,
    delivery: resolveDelivery(contract),
    stub: resolveStub(contract),
  };
}

function resolveStub({ stub }: ContractFile): StubSpec | undefined {
  if (stub === undefined) return undefined;
  return { latency: stub.latency, errors: new Map(Object.entries(stub.errors ?? {})), golden: stub.golden ?? false };
}

/** The revision that each release has of a contract. @param order of the releases */
function resolveReleases(file: FleetFile, contract: string, order: readonly string[]): Map<string, string> {
  const held = order.map((release) => [release, file.spec.releases![release]![contract]] as const);
  return new Map(held.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

function resolveTraffic(contract: ContractFile, order: readonly string[]): WeightSpec[] {
  const { traffic } = contract;
  if (traffic === undefined)
    return Object.keys(contract.revisions).map((revision) => ({ revision, weightPercent: 100 }));
  return resolveShares(traffic, order);
}

/** @param goesTo a revision that gets all, or shares @param order of the revisions in the file, where there are shares */
function resolveCohort(goesTo: string | Readonly<Record<string, number>>, order: readonly string[]): WeightSpec[] {
  if (typeof goesTo === "string") return [{ revision: goesTo, weightPercent: 100 }];
  return resolveShares(goesTo, order);
}

/** Revisions without a share are left out: the first of the table is the one that a call without a pin gets. */
function resolveShares(shares: Readonly<Record<string, number>>, order: readonly string[]): WeightSpec[] {
  return order
    .map((revision) => ({ revision, weightPercent: shares[revision]! }))
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
    model: revision.model === undefined ? undefined : join(root, revision.model),
    module: resolveModule(root, revision),
    sha256: revision.sha256,
    image: revision.image,
    licence: revision.licence,
    source: resolveSource(revision.source),
    batching: resolveBatching(tuning.batching),
    queueSize: revision.queue?.size ?? defaults.queue?.size ?? DEFAULTS.queueSize,
    workers: revision.workers ?? defaults.workers ?? DEFAULTS.workers,
    threads: revision.threads ?? defaults.threads,
    resources: tuning.resources,
    replicas: tuning.replicas,
  };
}

function resolveBatching({ maxSize, maxDelay, padding }: ReturnType<typeof mergeTuning>["batching"]): BatchingSpec {
  return { maxRows: maxSize, maxDelayMs: maxDelay, padding: padding && resolvePadding(padding) };
}

/** What stands for the fields that an operator left out. */
export function resolvePadding({
  axis,
  values,
}: NonNullable<NonNullable<RevisionFile["batching"]>["padding"]>): PaddingSpec {
  return { axis: axis ?? DEFAULTS.paddingAxis, values };
}

function resolveModule(root: string, { module, bundled }: RevisionFile): ModuleSpec | undefined {
  return module === undefined ? undefined : { path: join(root, module), bundledSha256: bundled };
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
      padding: batching.padding,
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
