import { formatMs } from "../../fleet/units.js";
import type { RolloutEvent } from "../../kubectl/rollout/run.js";
import { PHASES, type RolloutState, stepPercent } from "../../kubectl/rollout-state.js";
import { onStdout } from "../colors.js";

/** Tells of a roll-out as it goes. */
export interface RolloutReport {
  tell(event: RolloutEvent): void;
  /** Takes away what is written over. */
  end(): void;
}

/** For a reader: a line for each step, and one that is written over while a step waits; without a terminal, said when it changes. */
export function textReport(): RolloutReport {
  const line = new WaitLine();
  return {
    tell: (event) => {
      if (event.kind === "wait") line.show(waitText(event));
      else line.say(eventText(event));
    },
    end: () => line.end(),
  };
}

/** For a script: a JSON object a line. */
export function jsonReport(): RolloutReport {
  return {
    tell: (event) => {
      const { revision, phase } = event.rollout;
      const { rollout: _, ...rest } = event;
      const step = { revision, phase, percent: stepPercent(event.rollout) };
      process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...rest, ...step })}\n`);
    },
    end: () => undefined,
  };
}

/** How a roll-out ended, as an exit code: 0 it has all calls, 1 it has none. */
export function exitCodeOf({ phase }: RolloutState): number {
  return phase === PHASES.succeeded ? 0 : 1;
}

class WaitLine {
  #shown = "";

  show(text: string): void {
    if (process.stdout.isTTY) {
      process.stdout.write(`\r\x1b[K${text.slice(0, (process.stdout.columns ?? 80) - 1)}`);
      this.#shown = text;
    } else if (text.replace(/\d+/g, "") !== this.#shown.replace(/\d+/g, "")) {
      // Numbers change with each look; in a log it is enough to know what is waited for.
      process.stdout.write(`${text}\n`);
      this.#shown = text;
    }
  }

  say(text: string): void {
    this.end();
    process.stdout.write(`${text}\n`);
  }

  end(): void {
    if (process.stdout.isTTY && this.#shown !== "") process.stdout.write("\r\x1b[K");
    this.#shown = "";
  }
}

function waitText({ elapsedMs, why }: Extract<RolloutEvent, { kind: "wait" }>): string {
  return `           ${Math.round(elapsedMs / 1e3)} s: ${why}`;
}

function eventText(event: Exclude<RolloutEvent, { kind: "wait" }>): string {
  const { rollout } = event;
  const at = onStdout.dim(new Date().toISOString().slice(11, 19));
  const share = onStdout.bold(`${stepPercent(rollout)}%`);
  if (event.kind === "step") {
    const step = `step ${rollout.step + 1} of ${rollout.steps.length}, ${formatMs(rollout.intervalMs)}`;
    return `${at}   ${rollout.revision} has ${share} (${step})`;
  }
  if (event.kind === "advance") return `${at} ${onStdout.green("✓")} ${share} is good: ${event.why}`;
  const { revision, stable, phase } = rollout;
  if (phase === PHASES.succeeded) return `${at} ${onStdout.green("✓")} ${revision} has all calls: ${event.why}`;
  const took = `${(event.tookMs / 1e3).toFixed(1)} s`;
  return `${at} ${onStdout.red("✗")} all calls go to ${stable} again, ${took} after this was seen: ${event.why}`;
}
