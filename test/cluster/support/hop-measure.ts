import { LABEL } from "../../../src/fleet/names.js";
import { type Caller, call } from "./caller.js";
import { LISTED, OUTSIDER } from "./callers.js";
import type { KubeObject } from "./fleet-objects.js";
import { FRONT, liveObjects, liveOrders, MIDDLE, MODEL, pin } from "./live-fleet.js";
import { askProgram, podOf } from "./pods.js";
import { onDemand } from "./stage.js";

const MESHED = "flotilla-test-hops";
const PLAIN = "flotilla-test-plain";
/** What a service needs outside the mesh. */
const PLAIN_KINDS = ["Deployment", "Service", "ServiceAccount"];
/** One revision of the model is enough, and there shall be one pod of it on either side. */
const REVISION = "r2";

const CHAINS = [
  { services: 1, contract: MODEL },
  { services: 2, contract: MIDDLE },
  { services: 3, contract: FRONT },
] as const;

/** Who calls, where the fleet is, and so how many proxies are on a hop. */
const WAYS = [
  { way: "none", proxies: 0, caller: OUTSIDER, namespace: PLAIN },
  { way: "the caller's", proxies: 1, caller: LISTED, namespace: PLAIN },
  { way: "both", proxies: 2, caller: LISTED, namespace: MESHED },
] as const;

/** The times of one hop of a chain, in milliseconds. */
export interface HopRow {
  readonly services: number;
  /** 1 is the caller's own. */
  readonly hop: number;
  /** Which sidecars are on the way. */
  readonly way: string;
  readonly proxies: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Puts the same services on the cluster with sidecars and without. */
export const raiseHops = onDemand(async () => ({
  namespaces: [MESHED],
  objects: await objectsOf(MESHED),
  callers: [],
}));
export const raisePlain = onDemand(async () => ({
  namespaces: [PLAIN],
  objects: (await objectsOf(PLAIN)).filter(({ kind }) => PLAIN_KINDS.includes(kind)),
  callers: [],
  injected: false,
}));

async function objectsOf(namespace: string): Promise<KubeObject[]> {
  const objects = await liveObjects(namespace, { sampling: 1 });
  return objects.filter(({ metadata: { labels = {} } }) => {
    const { [LABEL.contract]: contract, [LABEL.revision]: revision } = labels;
    return contract !== MODEL || revision === undefined || revision === REVISION;
  });
}

/**
 * Times every hop of chains of one, two and three services, one call at a time. Rounds take turns between the ways, so that
 * what else the machine does meets all of them; each figure is the median of the rounds.
 */
export async function measureHops({ rounds, calls }: { rounds: number; calls: number }): Promise<HopRow[]> {
  const seen: HopRow[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const chain of CHAINS) for (const way of WAYS) seen.push(...(await measureChain(chain, way, calls)));
  }
  // The first round has one row for each hop, and the others the same again.
  return seen.slice(0, seen.length / rounds).map((row) => {
    const rows = seen.filter(
      ({ services, hop, way }) => services === row.services && hop === row.hop && way === row.way,
    );
    return {
      ...row,
      p50Ms: median(rows.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(rows.map(({ p99Ms }) => p99Ms)),
    };
  });
}

async function measureChain(
  { services, contract }: (typeof CHAINS)[number],
  { way, proxies, caller, namespace }: (typeof WAYS)[number],
  calls: number,
): Promise<HopRow[]> {
  const relays = CHAINS.filter((chain) => chain.services > 1 && chain.services <= services).map(
    ({ contract: of }) => of,
  );
  for (const relay of relays) await overheadsOf(relay, namespace);
  const own = await ownHop(caller, { contract, namespace, calls });
  const rows = [{ services, hop: 1, way, proxies, ...own }];
  // Behind the first service the way is the fleet's own, whoever called.
  if (proxies === 1) return rows;
  for (const [index, relay] of relays.reverse().entries()) {
    rows.push({ services, hop: index + 2, way, proxies, ...spreadOf(await overheadsOf(relay, namespace)) });
  }
  return rows;
}

async function ownHop(
  caller: Caller,
  { contract, namespace, calls }: { contract: string; namespace: string; calls: number },
): Promise<{ p50Ms: number; p99Ms: number }> {
  const orders = { ...(await liveOrders(contract, namespace)), headers: pin(REVISION), calls };
  const { codes, details, overhead } = await call(caller, orders);
  if (codes.OK !== calls || overhead === undefined) throw new Error(`${contract}: ${JSON.stringify(details)}`);
  return { p50Ms: overhead.p50Ms, p99Ms: overhead.p99Ms };
}

/** What each of a relay's calls took longer than the server said, since the last time. */
async function overheadsOf(contract: string, namespace: string): Promise<number[]> {
  const pod = await podOf({ namespace, contract });
  const hops = await askProgram<{ overheadMs?: number }[]>({ namespace, pod });
  return hops.flatMap(({ overheadMs }) => overheadMs ?? []);
}

function spreadOf(numbers: number[]): { p50Ms: number; p99Ms: number } {
  numbers.sort((one, other) => one - other);
  const quantile = (share: number) => numbers[Math.min(numbers.length - 1, Math.floor(numbers.length * share))]!;
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)]!;
}
