/** What runs of so many rows on so many threads take. */
export interface Measurement {
  readonly threads: number;
  readonly rows: number;
  /** The usual run, and one in twenty takes longer than `slowMs`. */
  readonly usualMs: number;
  readonly slowMs: number;
}

/** Settings of a revision, and what they are expected to bring. */
export interface Recommendation {
  readonly workers: number;
  readonly threads: number;
  readonly maxSize: number;
  readonly maxDelayMs: number;
  /** Rows a second of all workers, when all are busy. */
  readonly rowsPerSecond: number;
  /** Of a call that comes just after a run has begun: the rest of that run, the delay, its own run. */
  readonly latencyMs: number;
  /** Whether that is within what was asked for. */
  readonly meetsTarget: boolean;
}

/** Joining calls has to bring more than this, or it is left off: it makes calls wait. */
const LEAST_GAIN = 1.1;
/** Of settings within this of the best, the one with the smallest batches is taken. */
const AS_GOOD = 0.97;
/** Part of the time to spare that calls may wait for company. */
const DELAY_SHARE = 0.5;

/**
 * The settings with the most rows a second whose calls keep to `latencyMs`; where none do, those with the least latency.
 * @param measurements rows of 1 for each number of threads, at least
 * @param machine.near whether the server makes a lone worker's runs on its own thread, as the way to a worker costs more
 *   than a run: more workers would make every call go that way
 */
export function recommend(
  measurements: readonly Measurement[],
  { processors, latencyMs, near }: { readonly processors: number; readonly latencyMs: number; readonly near: boolean },
): Recommendation {
  const candidates = near
    ? measurements.filter(({ threads }) => threads === 1).map((each) => toCandidate(each, 1))
    : measurements.map((each) => toCandidate(each, processors));
  const fitting = candidates.filter((each) => each.latencyMs <= latencyMs);
  if (fitting.length === 0) {
    const [least] = candidates.toSorted((a, b) => a.latencyMs - b.latencyMs);
    return { ...least!, meetsTarget: false };
  }
  const singles = best(fitting.filter((each) => each.maxSize === 1));
  const joined = best(fitting);
  const chosen = singles && joined.rowsPerSecond < singles.rowsPerSecond * LEAST_GAIN ? singles : joined;
  return { ...withDelay(chosen, latencyMs), meetsTarget: true };
}

type Candidate = Omit<Recommendation, "meetsTarget">;

function toCandidate({ threads, rows, usualMs, slowMs }: Measurement, processors: number): Candidate {
  const workers = Math.max(1, Math.floor(processors / threads));
  return {
    workers,
    threads,
    maxSize: rows,
    maxDelayMs: 0,
    rowsPerSecond: (workers * rows * 1e3) / usualMs,
    latencyMs: 2 * slowMs,
  };
}

function best(candidates: readonly Candidate[]): Candidate {
  const most = Math.max(...candidates.map((each) => each.rowsPerSecond));
  return candidates
    .filter((each) => each.rowsPerSecond >= most * AS_GOOD)
    .toSorted((a, b) => a.maxSize - b.maxSize || a.threads - b.threads)[0]!;
}

/** Waiting longer than a run takes brings no more company than the run itself does. */
function withDelay(candidate: Candidate, latencyMs: number): Candidate {
  if (candidate.maxSize === 1) return candidate;
  const spareMs = latencyMs - candidate.latencyMs;
  const maxDelayMs = Math.floor(Math.min(spareMs * DELAY_SHARE, candidate.latencyMs / 2) * 10) / 10;
  return { ...candidate, maxDelayMs, latencyMs: candidate.latencyMs + maxDelayMs };
}
