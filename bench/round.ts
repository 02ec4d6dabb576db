import type { Failure } from "../src/client/raw-calls.js";
import { type LoadEvents, type LoadPlan, type LoadResult, runLoad } from "../src/testing/load.js";

/** Calls that are open at a time, as in the figures of other servers. */
export const IN_FLIGHT = 32;
/** How long a server is called before it is measured: V8 takes that long to compile all that a call of 600 KB goes through. */
export const WARM_UP_MS = Number(process.env.WARM_UP_MS ?? 20_000);
/** Of each round the first is not counted. */
const BEGIN_MS = 300;

/** Makes the same call over and over. */
export interface Calls {
  /** `done` is told the code's name. */
  make(done: (code: string) => void): void;
  /** The first call that failed. */
  readonly failure: Failure | undefined;
  close(): void;
}

/** A server, and how it is called. */
export interface Candidate {
  readonly name: string;
  connect(): Calls;
  cpuSeconds(): number;
}

/** What a server did for a while. */
export interface Round {
  /** Its processor time for each call. */
  readonly cpuMicros: number;
  readonly callsPerSecond: number;
  /** From sending a call to its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Keeps a server at work for a while, with as many calls open as ever.
 * @throws Error where a call fails
 */
export async function measureRound(candidate: Candidate, durationMs: number): Promise<Round> {
  let [before, after] = [0, 0];
  const plan = { arrivals: { kind: "closed", callers: IN_FLIGHT, durationMs }, maxInFlight: IN_FLIGHT } as const;
  const { callsPerSecond, seconds, asMeasured } = await loadServer(candidate, plan, {
    onBegin: () => {
      before = candidate.cpuSeconds();
    },
    onEnd: () => {
      after = candidate.cpuSeconds();
    },
  });
  if (callsPerSecond === 0) throw new Error(`${candidate.name}: no call was answered in ${durationMs} ms`);
  const { 50: p50Ms = Number.NaN, 99: p99Ms = Number.NaN } = asMeasured.percentilesMs;
  return { cpuMicros: ((after - before) * 1e6) / (callsPerSecond * seconds), callsPerSecond, p50Ms, p99Ms };
}

/**
 * Calls a server as planned.
 * @throws Error where a call fails
 */
export async function loadServer(
  candidate: Candidate,
  plan: Omit<LoadPlan, "warmUpMs">,
  events: Pick<LoadEvents, "onBegin" | "onEnd"> = {},
): Promise<LoadResult> {
  const calls = candidate.connect();
  const result = await runLoad({ ...plan, warmUpMs: BEGIN_MS }, (done) => calls.make(done), events);
  calls.close();
  if (calls.failure) throw new Error(`${candidate.name}: ${calls.failure.code}: ${calls.failure.details}`);
  return result;
}

/** The answer to one call. `connect` is told whom to hand it to. */
export function answerOf(connect: (onAnswer: (answer: Buffer) => void) => Calls): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const calls = connect(resolve);
    calls.make((code) => {
      calls.close();
      if (code !== "OK") reject(new Error(`${calls.failure?.code}: ${calls.failure?.details}`));
    });
  });
}

/** Whatever else the machine does only adds to a call's cost, and takes from its rate: the best round is the truest. */
export function cheapest(results: readonly Pick<Round, "cpuMicros">[]): number {
  return Math.min(...results.map(({ cpuMicros }) => cpuMicros));
}

export function fastest(results: readonly Pick<Round, "callsPerSecond">[]): number {
  return Math.max(...results.map(({ callsPerSecond }) => callsPerSecond));
}
