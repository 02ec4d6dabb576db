import type { ContractFigures } from "./figures.js";

/** Contracts whose calls are counted. */
export interface Watched {
  readonly namespace: string;
  readonly contracts: readonly string[];
}

/** Where the figures of calls come from. */
export interface MetricsSource {
  /** For a person: `the pods' metrics`. */
  readonly name: string;
  /** Begins a window of time. */
  open(watched: Watched): Promise<MetricsWindow>;
}

/** Calls since a moment. */
export interface MetricsWindow {
  /**
   * What the revisions of a contract did since the window began; up to now, or to the last time that was asked for less
   * than a moment ago.
   * @throws ClusterError where the figures can't be had
   */
  read(contract: string): Promise<ContractFigures>;
}
