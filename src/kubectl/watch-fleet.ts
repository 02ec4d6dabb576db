import type { Target } from "./apply-traffic.js";
import { ClusterError } from "./cluster-error.js";
import { type ContractObjects, listContracts, type Scope } from "./contract-objects.js";
import type { ContractFigures } from "./metrics/figures.js";
import type { MetricsSource, MetricsWindow } from "./metrics/source.js";
import { situationOf } from "./observe.js";
import { listPods } from "./revision-pods.js";
import { type ContractStatus, contractStatus } from "./status.js";

/** What is looked at, and by what. */
export interface WatchOptions {
  readonly target: Target;
  readonly scope: Scope;
  readonly source: MetricsSource;
  /** How long calls are counted for one look. */
  readonly windowMs: number;
  readonly signal?: AbortSignal;
}

/** Looks at contracts: counts their calls for a while, and then says how they are. */
export async function lookAtFleet({
  target,
  scope,
  source,
  windowMs,
  signal,
}: WatchOptions): Promise<ContractStatus[]> {
  const windows = await openWindows({ target, source }, await listContracts(target.cluster, target.resources, scope));
  await pause(windowMs, signal);
  const contracts = await listContracts(target.cluster, target.resources, scope);
  const pods = await listPods(target.cluster, target.resources, scope);
  return Promise.all(
    contracts.map(async (objects) => {
      const observed = { objects, situation: await situationOf(target, objects) };
      return contractStatus({ observed, pods, ...(await figuresOrProblem(windows, objects)) });
    }),
  );
}

type Windows = ReadonlyMap<string, MetricsWindow | ClusterError>;

/** One window for each namespace, as pods are found by it. */
async function openWindows(
  { source }: Pick<WatchOptions, "target" | "source">,
  contracts: readonly ContractObjects[],
): Promise<Windows> {
  const namespaces = [...new Set(contracts.map(({ namespace }) => namespace))];
  const opened = namespaces.map(async (namespace): Promise<[string, MetricsWindow | ClusterError]> => {
    const own = contracts.filter((one) => one.namespace === namespace).map(({ contract }) => contract);
    return [namespace, await orError(() => source.open({ namespace, contracts: own }))];
  });
  return new Map(await Promise.all(opened));
}

async function figuresOrProblem(
  windows: Windows,
  { namespace, contract }: ContractObjects,
): Promise<{ figures: ContractFigures | undefined; problem?: string }> {
  const window = windows.get(namespace);
  // A contract that came meanwhile has figures the next time.
  if (window === undefined) return { figures: undefined };
  const read = window instanceof ClusterError ? window : await orError(() => window.read(contract));
  return read instanceof ClusterError ? { figures: undefined, problem: read.message } : { figures: read };
}

async function orError<Result>(work: () => Promise<Result>): Promise<Result | ClusterError> {
  try {
    return await work();
  } catch (error) {
    // Without an answer at all there is nothing to look at.
    if (error instanceof ClusterError && !error.unanswered) return error;
    throw error;
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
