import { fillLogDisk, harmInside, injectFault, killServer, stopServer, takeAway } from "./harm.js";

/** One way in which things go wrong, and what it may cost callers. */
export interface Fault {
  readonly name: string;
  readonly inflict: () => Promise<unknown>;
  /** Most calls that may fail: a number, and a share of all. */
  readonly mostFailed: { readonly calls: number; readonly share: number };
  /** From the first failed call to the last; how long the fault itself lasts is in it. */
  readonly recoverMs: number;
}

/** Calls that the load has open: those on the pod that goes can be lost where they can't be tried again. */
export const CONCURRENCY = 4;

const NONE = { calls: 0, share: 0 };
const IN_FLIGHT = { calls: CONCURRENCY, share: 0 };

/** docs/cluster.md states these bounds, and why. */
export const FAULTS: readonly Fault[] = [
  { name: "SIGKILL of a server", inflict: killServer, mostFailed: IN_FLIGHT, recoverMs: 2000 },
  { name: "SIGSTOP of a server for 5 s", inflict: () => stopServer(5000), mostFailed: IN_FLIGHT, recoverMs: 8000 },
  { name: "a full disk for logs", inflict: fillLogDisk, mostFailed: NONE, recoverMs: 0 },
  { name: "a worker's crash", inflict: () => harmInside("worker"), mostFailed: IN_FLIGHT, recoverMs: 2000 },
  { name: "memory used up to the limit", inflict: () => harmInside("memory"), mostFailed: IN_FLIGHT, recoverMs: 5000 },
  {
    name: "200 ms of delay",
    inflict: () => injectFault({ delay: { fixedDelay: "0.2s", percentage: { value: 100 } } }, 5000),
    mostFailed: NONE,
    recoverMs: 0,
  },
  {
    // The proxy of the caller itself answers: behind it there is nothing that could try again.
    name: "10 % of the calls aborted",
    inflict: () => injectFault({ abort: { grpcStatus: "UNAVAILABLE", percentage: { value: 10 } } }, 5000),
    mostFailed: { calls: 0, share: 0.13 },
    recoverMs: 10_000,
  },
  { name: "istiod away", inflict: () => takeAway("istiod", "istio-system", 10_000), mostFailed: NONE, recoverMs: 0 },
  { name: "DNS away for 5 s", inflict: () => takeAway("coredns", "kube-system", 5000), mostFailed: NONE, recoverMs: 0 },
];
