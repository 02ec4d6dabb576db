import path from "node:path";
import type { BenchFleet, Kind } from "../kinds.js";
import { measureRound } from "../round.js";
import { checkAnswer, type Effort, fittest, measureInTurn } from "./contest.js";
import { FlotillaServer } from "./flotilla-server.js";
import type { Command } from "./install-peer.js";
import { PeerServer } from "./peer-server.js";
import { filesOf, PEERS_FOLDER, type Peer, versionOf } from "./peers.js";
import { digestOf, type Result, type Results } from "./results.js";
import { openInference, typed } from "./wires.js";

/** Of ONNX Runtime for one run, in every server. */
export const THREADS = 1;
/** Flotilla's settings of `--processes` that are tried. */
const PROCESSES = [1, 2];

/** What is measured, and how. */
export interface Run {
  readonly fleet: BenchFleet;
  readonly kinds: readonly Kind[];
  readonly peers: readonly Peer[];
  /** Whether Flotilla's typed method is measured, too. */
  readonly flotilla: { readonly version: string } | undefined;
  readonly effort: Effort;
  readonly results: Results;
  /** Whether figures of an earlier run are measured anew. */
  readonly again: boolean;
  /** Installs a peer and gives what starts it. */
  install(peer: Peer): Promise<Command>;
  /** Told what has come of each. */
  onResult(result: Result, kept: boolean): void;
}

/** One kind of model with batching or without, and the Flotilla that all others are set against. */
interface Contest {
  readonly kind: Kind;
  readonly batching: boolean;
  readonly reference: FlotillaServer;
  /** What every server must answer. */
  readonly answer: Float32Array;
}

/** What is known of a result before it is measured. */
type Draft = Omit<Result, "workers" | "figures" | "reference" | "failure" | "measured">;

type Figures = Required<Pick<Result, "workers" | "figures" | "reference">>;

/** Measures all that was asked for and has not been measured before. A peer that fails is a result, too. */
export async function runPeers(run: Run): Promise<void> {
  for (const kind of run.kinds) {
    for (const batching of [false, true]) {
      const todo = drafts(run, kind, batching).filter(({ draft }) => !isKept(run, draft));
      if (todo.length > 0) await contest(run, { kind, batching, todo });
    }
  }
}

interface Todo {
  readonly draft: Draft;
  /** None: Flotilla's typed method. */
  readonly peer: Peer | undefined;
}

function drafts({ peers, flotilla, effort }: Run, kind: Kind, batching: boolean): Todo[] {
  const shared = { kind: kind.name, batching };
  const own = flotilla && {
    peer: undefined,
    draft: {
      ...shared,
      peer: "flotilla",
      title: "Flotilla",
      version: flotilla.version,
      wire: typed.name,
      digest: digestOf([kind.model], effort),
    },
  };
  const others = peers
    .filter((peer) => peer.batching || !batching)
    .map((peer) => ({
      peer,
      draft: {
        ...shared,
        peer: peer.name,
        title: peer.title,
        version: versionOf(peer),
        wire: peer.wire.name,
        digest: digest(peer, kind, effort),
      },
    }));
  return own ? [own, ...others] : others;
}

function digest(peer: Peer, kind: Kind, effort: Effort): string {
  const shared = path.join(PEERS_FOLDER, "onnx_model.py");
  return digestOf([kind.model, shared, ...filesOf(peer)], [effort, peer.workers]);
}

function isKept({ results, again, onResult }: Run, draft: Draft): boolean {
  const kept = again ? undefined : results.kept(draft, draft.digest);
  if (kept) onResult(kept, true);
  return kept !== undefined;
}

async function contest(run: Run, { kind, batching, todo }: { kind: Kind; batching: boolean; todo: readonly Todo[] }) {
  let reference: FlotillaServer;
  try {
    reference = await startReference(run, kind, batching);
  } catch (error) {
    const failure = `Flotilla, which it is measured beside, failed: ${(error as Error).message}`;
    for (const { draft } of todo) add(run, draft, { failure });
    return;
  }
  try {
    const made: Contest = { kind, batching, reference, answer: await reference.lastOutput() };
    for (const { draft, peer } of todo) {
      const figures = peer ? peerFigures(run, made, peer) : ownFigures(run, made);
      add(run, draft, await figures.catch((error: Error) => ({ failure: error.message })));
    }
  } finally {
    await reference.stop();
  }
}

function add({ results, onResult }: Run, draft: Draft, outcome: Partial<Result>): void {
  const result = { ...draft, ...outcome, measured: new Date().toISOString() };
  results.add(result);
  onResult(result, false);
}

function startReference({ fleet, effort }: Run, kind: Kind, batching: boolean): Promise<FlotillaServer> {
  const starts = PROCESSES.map(async (processes) => {
    const server = await FlotillaServer.start(fleet.folder, kind, { batching, processes });
    try {
      for (const wire of [typed, openInference]) await measureRound(server.by(wire), effort.compileMs);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  });
  return fittest(starts, effort.roundMs);
}

async function ownFigures({ effort }: Run, { reference }: Contest): Promise<Figures> {
  return { workers: reference.workers, ...(await measureInTurn(reference.by(typed), reference, effort)) };
}

async function peerFigures(run: Run, { kind, batching, reference, answer }: Contest, peer: Peer): Promise<Figures> {
  const command = await run.install(peer);
  const settings = peer.workers.map((workers) => ({ kind, batching, workers, threads: THREADS }));
  const starts = settings.map((setting) => PeerServer.start(peer, command, setting));
  const server = await fittest(starts, run.effort.roundMs);
  try {
    checkAnswer(await server.lastOutput(), answer);
    return { workers: server.workers, ...(await measureInTurn(server, reference, run.effort)) };
  } finally {
    await server.stop();
  }
}
