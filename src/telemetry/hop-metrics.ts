import { Counter, Histogram, type Registry } from "prom-client";
import { METRIC, SECONDS_BUCKETS } from "./metric-names.js";

/** What is counted of a hop; a `Hop` of the client is one. */
export interface MeasuredHop {
  /** Who called. */
  readonly from: string;
  /** The contract that was called. */
  readonly to: string;
  /** The revision that answered; undefined where no Flotilla server did. */
  readonly revision: string | undefined;
  /** What network and proxies added; undefined where the server did not say how long it took. */
  readonly overheadMs: number | undefined;
}

/** A hop to which network and proxies added more than they may. */
export interface OverBudget {
  readonly hop: MeasuredHop;
  readonly overheadMs: number;
  readonly budgetMs: number;
}

/** What hops may take, and who is told. */
export interface HopBudgets {
  /** What network and proxies may add to a call of a contract; undefined: whatever they do. */
  readonly budgetMs: (to: string) => number | undefined;
  readonly onOver?: (over: OverBudget) => void;
}

const HOP = ["from", "to", "revision"] as const;

/** Counts what network and proxies add to a service's calls: `connect(…, { onHop: new HopMetrics(registry).onHop })`. */
export class HopMetrics {
  readonly #overhead: Histogram<(typeof HOP)[number]>;
  readonly #over: Counter<(typeof HOP)[number]>;
  readonly #chain: Histogram<"contract" | "revision">;
  readonly #budgets: HopBudgets | undefined;

  /** @param registry where the service's own metrics are; it may have one HopMetrics */
  constructor(registry: Registry, budgets?: HopBudgets) {
    this.#budgets = budgets;
    const of = { buckets: [...SECONDS_BUCKETS], registers: [registry] };
    this.#overhead = new Histogram({
      name: METRIC.hopOverhead,
      help: "Time of a call less the server's own: network, proxies, connection.",
      labelNames: HOP,
      ...of,
    });
    this.#over = new Counter({
      name: METRIC.hopOverBudget,
      help: "Calls to which network and proxies added more than the callee's objective allows.",
      labelNames: HOP,
      registers: [registry],
    });
    this.#chain = new Histogram({
      name: METRIC.chainOverhead,
      help: "What network and proxies added to all calls that one call set off, side by side or not.",
      labelNames: ["contract", "revision"],
      ...of,
    });
  }

  /** Takes note of a hop that is over. Failed calls and streams say nothing of their overhead. */
  readonly onHop = (hop: MeasuredHop): void => {
    const { from, to, revision = "", overheadMs } = hop;
    if (overheadMs === undefined) return;
    this.#overhead.observe({ from, to, revision }, overheadMs / 1e3);
    const budgetMs = this.#budgets?.budgetMs(to);
    if (budgetMs === undefined || overheadMs <= budgetMs) return;
    this.#over.inc({ from, to, revision });
    this.#budgets?.onOver?.({ hop, overheadMs, budgetMs });
  };

  /** Takes note of what all the hops of one call of `contract` added to it. */
  onChain(contract: string, revision: string, overheadMs: number): void {
    this.#chain.observe({ contract, revision }, overheadMs / 1e3);
  }
}
