import type { ContractFigures, Figures } from "../../src/kubectl/metrics/figures.js";
import { PHASES, type RolloutState } from "../../src/kubectl/rollout-state.js";

/** A roll-out at its first step. */
export function rolloutOf(given: Partial<RolloutState> = {}): RolloutState {
  return {
    revision: "r2",
    stable: "r1",
    steps: [10, 50, 100],
    step: 0,
    phase: PHASES.progressing,
    started: "2026-11-25T10:00:00.000Z",
    stepped: "2026-11-25T10:00:00.000Z",
    intervalMs: 60_000,
    limits: {
      errorPercent: 1,
      p99Ms: 50,
      minCalls: 100,
      errorPercentOverStable: 0.5,
      p99OverStable: 2,
      patienceMs: 600_000,
    },
    why: "",
    holder: { id: "host/1/x", name: "anna", seen: "2026-11-25T10:00:00.000Z" },
    ...given,
  };
}

/** Figures of calls. @param slow how many took 75 ms; the others took about 2 ms */
export function figures({ calls, failed = 0, slow = 0 }: { calls: number; failed?: number; slow?: number }): Figures {
  return {
    codes: new Map([
      ["OK", calls - failed],
      ["INTERNAL", failed],
      // A caller's fault is no fault of the server's.
      ["INVALID_ARGUMENT", 0],
    ]),
    times: new Map([
      [0.001, 0],
      [0.0025, calls - slow],
      [0.05, calls - slow],
      [0.1, calls],
      [Number.POSITIVE_INFINITY, calls],
    ]),
  };
}

/** What r1 and r2 did in a window. */
export function window(r1: Figures, r2: Figures, seconds = 60): ContractFigures {
  return {
    seconds,
    revisions: new Map([
      ["r1", r1],
      ["r2", r2],
    ]),
  };
}
