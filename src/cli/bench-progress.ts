import { formatMs } from "../fleet/units.js";
import type { LoadProgress, StageFigures } from "../testing/load.js";
import { failedShare } from "../testing/load-tally.js";
import { onStderr } from "./colors.js";
import { Progress } from "./progress.js";

/** How a load goes, on stderr: a line that is written over on a terminal; elsewhere a line for each stage that is over. */
export class LoadReporter {
  #progress: Progress | undefined;

  show({ elapsedMs, totalMs, stage }: LoadProgress): void {
    this.#progress ??= new Progress("measured, in seconds:", Math.round(totalMs / 1e3));
    this.#progress.show(Math.floor(elapsedMs / 1e3), stage === "" ? "" : `stage ${stage}`);
  }

  stageEnded(figures: StageFigures): void {
    if (figures.stage.name === "") return;
    this.end();
    process.stderr.write(`${onStderr.dim(stageLine(figures))}\n`);
  }

  /** Takes the line that is written over away. */
  end(): void {
    this.#progress?.end();
  }
}

function stageLine(figures: StageFigures): string {
  const { stage, latency, callsPerSecond } = figures;
  const failed = failedShare(figures);
  const parts = [
    `${callsPerSecond.toFixed(0)} calls/s`,
    latency.count === 0 ? "none answered well" : `p99 ${formatMs(Number(latency.percentilesMs["99"]!.toPrecision(3)))}`,
    ...(failed > 0 ? [`${(failed * 100).toPrecision(2)} % failed`] : []),
  ];
  return `stage ${stage.name} of ${formatMs(stage.durationMs)}: ${parts.join(", ")}`;
}
