import type { ContractFigures } from "../metrics/figures.js";
import { type RolloutState, stepPercent } from "../rollout-state.js";
import type { RevisionPods } from "../traffic-plan.js";
import { judge } from "./judge.js";

/** What a roll-out does next. */
export interface Decision {
  /** wait: look again. advance: the next step. succeed: that was the last one. back: all calls to the stable revision. */
  readonly action: "wait" | "advance" | "succeed" | "back";
  readonly why: string;
}

/** What is seen of a roll-out at one moment. */
export interface Look {
  readonly rollout: RolloutState;
  /** Calls since the step began, or since somebody took it up again. */
  readonly figures: ContractFigures;
  /** How long that is. */
  readonly elapsedMs: number;
  /** Of the revision that is rolled out. */
  readonly pods: RevisionPods;
  /** Containers of these pods that were started again since the step began. */
  readonly restarts: number;
}

/** Decides by what is seen: bad goes back at once, good goes on when the step's time is over, all else waits. */
export function decide({ rollout, figures, elapsedMs, pods, restarts }: Look): Decision {
  const { revision, limits, intervalMs, steps, step } = rollout;
  // A server that dies answers nothing and so counts nothing: no figure would tell.
  if (pods.ready === 0) return back(`no pod of ${revision} is ready any more (0 of ${pods.wanted})`);
  if (restarts > 0) return back(`the server of ${revision} died ${restarts === 1 ? "once" : `${restarts} times`}`);
  const verdict = judge(rollout, figures);
  if (verdict.kind === "bad") return back(verdict.text);
  if (verdict.kind === "unclear" && elapsedMs >= intervalMs + limits.patienceMs) {
    return back(`nothing to go by after ${Math.round(elapsedMs / 1e3)} s: ${verdict.text}`);
  }
  if (verdict.kind === "unclear" || elapsedMs < intervalMs) return { action: "wait", why: verdict.text };
  return { action: step === steps.length - 1 ? "succeed" : "advance", why: verdict.text };

  function back(why: string): Decision {
    return { action: "back", why: `${why} (at ${stepPercent(rollout)}%)` };
  }
}
