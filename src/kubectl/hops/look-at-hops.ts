import { PORT, serviceName } from "../../fleet/names.js";
import type { Target } from "../apply-traffic.js";
import { ClusterError } from "../cluster-error.js";
import { concurrently } from "../concurrent.js";
import { listContracts } from "../contract-objects.js";
import { parseExposition } from "../metrics/exposition.js";
import type { ContractFigures } from "../metrics/figures.js";
import type { PodSamples } from "../metrics/growth.js";
import { scrapePod } from "../metrics/scrape.js";
import type { MetricsSource } from "../metrics/source.js";
import { callersOf, type MetricsPort, metricsPorts } from "./caller-pods.js";
import { HOP_SERIES, HopTally, type HopTimes } from "./hop-tally.js";

/** Which contracts' hops are looked at, and how. */
export interface HopsOptions {
  readonly target: Target;
  readonly namespace: string;
  readonly contract: string | undefined;
  /** Of the servers' own times. */
  readonly source: MetricsSource;
  /** How long calls are counted. */
  readonly windowMs: number;
}

/** What was counted. */
export interface CountedHops {
  readonly hops: readonly HopTimes[];
  readonly figures: ReadonlyMap<string, ContractFigures>;
  /** Callers' pods that were asked; none where nobody says where their metrics are. */
  readonly asked: number;
}

const CONCURRENCY = 8;

/**
 * Asks those who call what network and proxies add to their calls: the pods of the service accounts that the mesh lets in, as
 * far as they say where their metrics are.
 * @throws ClusterError
 */
export async function lookAtHops(options: HopsOptions): Promise<CountedHops> {
  const { target, namespace, contract, source, windowMs } = options;
  const found = await listContracts(target.cluster, target.resources, { namespace, contract });
  const contracts = found.map((one) => one.contract);
  const ports = await portsOf(target, namespace, contracts);
  const tally = new HopTally();
  const window = await source.open({ namespace, contracts });
  tally.add(await scrapeAll(target, ports));
  await new Promise((resolve) => setTimeout(resolve, windowMs));
  tally.add(await scrapeAll(target, ports));
  const figures = new Map<string, ContractFigures>();
  for (const one of contracts) figures.set(one, await window.read(one));
  return { hops: tally.hops.filter(({ to }) => contracts.includes(to)), figures, asked: ports.length };
}

async function portsOf(target: Target, namespace: string, contracts: readonly string[]): Promise<MetricsPort[]> {
  const callers = await Promise.all(contracts.map((contract) => callersOf(target, { namespace, contract })));
  // A service of the fleet may call others: its account is its Service's name.
  const own = contracts.map((contract) => `${namespace}/${serviceName(contract)}`);
  return metricsPorts(target, [...new Set([...callers.flat(), ...own])]);
}

async function scrapeAll(target: Target, ports: readonly MetricsPort[]): Promise<PodSamples[]> {
  const scraped = await concurrently(ports, CONCURRENCY, async ({ uid, path, ...port }): Promise<PodSamples[]> => {
    try {
      const text = await scrapePod(target.cluster, { ...port, port: port.port || PORT.metrics }, path);
      return [{ process: uid, samples: parseExposition(text, HOP_SERIES) }];
    } catch (error) {
      if (error instanceof ClusterError && !error.unanswered) return [];
      throw error;
    }
  });
  return scraped.flat();
}
