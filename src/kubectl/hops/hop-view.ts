import { type ContractFigures, callsOf, figuresOf, latencyMs } from "../metrics/figures.js";
import { quantileMs } from "../metrics/histogram.js";
import type { HopTimes } from "./hop-tally.js";

/** One hop as an operator looks at it; times in milliseconds. */
export interface HopView {
  readonly from: string;
  readonly to: string;
  readonly revision: string;
  readonly calls: number;
  /** What network and proxies add. */
  readonly overheadP50: number;
  readonly overheadP99: number;
  /** The server's own time. Undefined where it was not measured. */
  readonly serverP50: number | undefined;
  readonly serverP99: number | undefined;
  /** Per cent of the whole that is overhead, in the middle. */
  readonly share: number | undefined;
  /** The p99 that the overhead should stay under. */
  readonly budget: number;
  readonly overBudget: boolean;
}

/** A chain of hops, from a service that nobody calls to one that calls nobody. */
export interface Chain {
  readonly services: readonly string[];
  /** Sum of the hops' overheads: the middle, and a bound on what one in a hundred takes. */
  readonly overheadP50: number;
  readonly overheadP99: number;
}

/** What hops are looked at by. */
export interface HopInput {
  readonly hops: readonly HopTimes[];
  /** What the servers say, by contract. */
  readonly figures: ReadonlyMap<string, ContractFigures>;
  /** Milliseconds. */
  readonly budgetOf: (contract: string) => number;
}

/** Hops with their figures, callers and callees by the alphabet. */
export function hopViews({ hops, figures, budgetOf }: HopInput): HopView[] {
  const views = hops.map(({ from, to, revision, overhead }) => {
    const [p50, p99] = [quantileMs(0.5, overhead)!, quantileMs(0.99, overhead)!];
    const found = figures.get(to);
    const own = found && figuresOf(found, revision);
    const measured = own !== undefined && callsOf(own) > 0;
    const serverP50 = measured ? latencyMs(0.5, own) : undefined;
    const budget = budgetOf(to);
    return {
      from,
      to,
      revision,
      calls: overhead.get(Number.POSITIVE_INFINITY)!,
      overheadP50: p50,
      overheadP99: p99,
      serverP50,
      serverP99: measured ? latencyMs(0.99, own) : undefined,
      share: serverP50 === undefined ? undefined : (100 * p50) / (p50 + serverP50),
      budget,
      overBudget: p99 > budget,
    };
  });
  return views.sort((one, other) => keyOf(one).localeCompare(keyOf(other)));
}

/** Chains of two hops and more: the calls of a service that is called itself. */
export function chainsOf(views: readonly HopView[]): Chain[] {
  const called = new Set(views.map(({ to }) => to));
  const starts = [...new Set(views.map(({ from }) => from))].filter((from) => !called.has(from));
  return starts
    .flatMap((start) => follow(views, { services: [start], overheadP50: 0, overheadP99: 0 }))
    .filter(({ services }) => services.length > 2);
}

function follow(views: readonly HopView[], chain: Chain): Chain[] {
  const here = chain.services.at(-1)!;
  const next = [...new Set(views.filter(({ from }) => from === here).map(({ to }) => to))];
  const onward = next
    .filter((to) => !chain.services.includes(to))
    .flatMap((to) => {
      // Of a callee's revisions the slowest: a chain is as slow as that may be.
      const hops = views.filter((view) => view.from === here && view.to === to);
      const most = (of: (view: HopView) => number) => Math.max(...hops.map(of));
      return follow(views, {
        services: [...chain.services, to],
        overheadP50: chain.overheadP50 + most(({ overheadP50 }) => overheadP50),
        overheadP99: chain.overheadP99 + most(({ overheadP99 }) => overheadP99),
      });
    });
  return onward.length === 0 ? [chain] : onward;
}

function keyOf({ from, to, revision }: HopView): string {
  return `${from} ${to} ${revision}`;
}
