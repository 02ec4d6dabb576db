import { type Candidate, cheapest, fastest, measureRound, type Round } from "../round.js";

/** How long things are measured. */
export interface Effort {
  readonly rounds: number;
  readonly roundMs: number;
  /** Calls that Flotilla gets before anything is measured: the first are the compiler's. */
  readonly compileMs: number;
}

/** A server that can be stopped, and the workers that it was started with. */
export interface Contender extends Candidate {
  readonly workers: number;
  stop(): Promise<void>;
}

/** How far answers may be off, as a part of the largest value: kernels round differently. */
const TOLERANCE = 1e-3;

/**
 * Starts a server with each of some settings, and keeps the one that does the most. Others are stopped.
 * @throws Error where none starts, with what each failed by
 */
export async function fittest<Server extends Contender>(
  starts: readonly Promise<Server>[],
  trialMs: number,
): Promise<Server> {
  const started = await Promise.allSettled(starts);
  const servers = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const failures = started.flatMap((each) => (each.status === "rejected" ? [(each.reason as Error).message] : []));
  let best: { server: Server; callsPerSecond: number } | undefined;
  for (const server of servers) {
    try {
      const { callsPerSecond } = await measureRound(server, trialMs);
      if (best === undefined || callsPerSecond > best.callsPerSecond) best = { server, callsPerSecond };
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  await Promise.all(servers.filter((server) => server !== best?.server).map((server) => server.stop()));
  if (best === undefined) throw new Error([...new Set(failures)].join("; "));
  return best.server;
}

/** Figures of a server and of the reference, measured in turn so that both meet the same machine. */
export async function measureInTurn(
  server: Candidate,
  reference: Candidate,
  { rounds, roundMs }: Effort,
): Promise<{ figures: Round; reference: Round }> {
  const [own, others]: Round[][] = [[], []];
  for (let round = 0; round < rounds; round++) {
    others!.push(await measureRound(reference, roundMs));
    own!.push(await measureRound(server, roundMs));
  }
  return { figures: best(own!), reference: best(others!) };
}

/** Cost and rate, each of its best round; latencies are those of the fastest. */
function best(rounds: readonly Round[]): Round {
  const top = rounds.find(({ callsPerSecond }) => callsPerSecond === fastest(rounds))!;
  return { ...top, cpuMicros: cheapest(rounds) };
}

/**
 * A server that computes something else is not measured.
 * @throws Error that names the first value that is off
 */
export function checkAnswer(got: Float32Array, expected: Float32Array): void {
  // Some answer with the outputs before it, too.
  const values = got.subarray(Math.max(0, got.length - expected.length));
  if (values.length < expected.length)
    throw new Error(`answers ${got.length} values where Flotilla answers ${expected.length}`);
  const scale = Math.max(...expected.map(Math.abs));
  const index = values.findIndex((value, at) => !(Math.abs(value - expected[at]!) <= TOLERANCE * scale));
  if (index >= 0)
    throw new Error(
      `answers ${values[index]} as value ${index} of the last output, where Flotilla answers ${expected[index]}`,
    );
}
