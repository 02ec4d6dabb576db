import type { OverBudget } from "./hop-metrics.js";
import type { Log } from "./log.js";

/** The same hop is warned about at most so often. */
const INTERVAL_MS = 60_000;

/** Warns of hops over their budget: at once, and then once a minute with how many there were. */
export class HopWarnings {
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, { warnedMs: number; since: number }>();

  /** @param nowMs a clock that never goes back */
  constructor(log: Log, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  readonly onOver = ({ hop, overheadMs, budgetMs }: OverBudget): void => {
    const { from, to, revision } = hop;
    const nowMs = this.#nowMs();
    const key = `${from} ${to} ${revision}`;
    const known = this.#known.get(key);
    if (known !== undefined && nowMs - known.warnedMs < INTERVAL_MS) {
      known.since += 1;
      return;
    }
    const calls = 1 + (known?.since ?? 0);
    this.#known.set(key, { warnedMs: nowMs, since: 0 });
    const overhead = Math.round(overheadMs * 10) / 10;
    this.#log.warn(
      { from, to, revision, overheadMs: overhead, budgetMs, calls },
      "network and proxies are over budget",
    );
  };
}
