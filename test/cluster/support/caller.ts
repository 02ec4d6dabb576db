import { kubectl, openKubectl } from "./kubectl.js";
import { PROGRAM_FOLDER, PROGRAM_VOLUME } from "./programs.js";
import { programContainer, workload } from "./workload.js";

/** What to call and how; see programs/caller.mjs. */
export interface Orders {
  readonly target: string;
  readonly path: string;
  readonly calls?: number;
  readonly seconds?: number;
  readonly connections?: number;
  readonly concurrency?: number;
  readonly deadlineMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: boolean;
  readonly pauseMs?: number;
  readonly answers?: boolean;
  readonly keep?: boolean;
  /** The message's bytes. @default some that no contract would take */
  readonly request?: Uint8Array;
}

type Counts = Readonly<Record<string, number>>;

/** Of times. */
export interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What came of it. */
export interface Calls {
  readonly calls: number;
  /** By gRPC code. */
  readonly codes: Counts;
  /** Answers by the revision that gave them. */
  readonly revisions: Counts;
  /** Failures by code and text. */
  readonly details: Counts;
  /** Answers by a digest of their bytes, where that was asked for. */
  readonly answers: Counts;
  /** Answers by all who made them: `r1 acme.ocr_detector.v1=r1 acme.ocr_recognizer.v1=r1`. */
  readonly chains: Counts;
  /** The last answer in base64, where that was asked for. */
  readonly kept?: string;
  /** When each revision answered last, in milliseconds since 1970. */
  readonly lastAt: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
  /** By gRPC code. */
  readonly latency: Readonly<Record<string, Spread>>;
  /** The caller's time less the server's own, of the servers that say theirs. */
  readonly overhead?: Spread;
  /** When the first and the last failure were seen, from the beginning. */
  readonly firstFailureMs?: number;
  readonly lastFailureMs?: number;
}

/** A pod that calls, with the identity of its service account. */
export interface Caller {
  readonly namespace: string;
  readonly name: string;
  /** Without one it has no identity, and speaks plaintext. */
  readonly sidecar: boolean;
}

/** A caller's objects: a pod that waits for orders. */
export function callerObjects({ namespace, name, sidecar }: Caller): object[] {
  const container = { ...programContainer("caller.mjs"), command: ["node", "-e", "setInterval(() => undefined, 1e6)"] };
  const annotations = { "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true" };
  return workload({ namespace, name, container, volumes: [PROGRAM_VOLUME], annotations, sidecar });
}

/** Lets a caller call, and gives what came of it. */
export async function call(caller: Caller, orders: Orders): Promise<Calls> {
  return JSON.parse(await kubectl(commandOf(caller, orders)));
}

/** Calls that go on until they are stopped. */
export interface Load {
  stop(): Promise<Calls>;
}

/** Lets a caller call until it is stopped, or until this process is no more. */
export function startLoad(caller: Caller, orders: Orders): Load {
  const [verb, ...rest] = commandOf(caller, { ...orders, untilEnd: true });
  const running = openKubectl([verb!, "-i", ...rest]);
  // Whoever stops it hears of a failure.
  running.outcome.catch(() => undefined);
  return {
    stop: async () => {
      running.endInput();
      return JSON.parse(await running.outcome);
    },
  };
}

function commandOf({ namespace, name }: Caller, { request, ...orders }: Orders & { untilEnd?: boolean }): string[] {
  const text = JSON.stringify({ ...orders, request: Buffer.from(request ?? "hello").toString("base64") });
  const command = ["node", `${PROGRAM_FOLDER}/caller.mjs`, text];
  return ["exec", "-n", namespace, `deploy/${name}`, "-c", name, "--", ...command];
}
