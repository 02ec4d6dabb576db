import { Histogram, type Registry } from "prom-client";
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

/** Counts what network and proxies add to a service's calls: `connect(…, { onHop: new HopMetrics(registry).onHop })`. */
export class HopMetrics {
  readonly #overhead: Histogram<"from" | "to" | "revision">;

  /** @param registry where the service's own metrics are; it may have one HopMetrics */
  constructor(registry: Registry) {
    this.#overhead = new Histogram({
      name: METRIC.hopOverhead,
      help: "Time of a call less the server's own: network, proxies, connection.",
      labelNames: ["from", "to", "revision"],
      buckets: [...SECONDS_BUCKETS],
      registers: [registry],
    });
  }

  /** Takes note of a hop that is over. Failed calls and streams say nothing of their overhead. */
  readonly onHop = ({ from, to, revision = "", overheadMs }: MeasuredHop): void => {
    if (overheadMs !== undefined) this.#overhead.observe({ from, to, revision }, overheadMs / 1e3);
  };
}
