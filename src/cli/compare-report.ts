import { disagreementLine } from "../testing/disagreement-line.js";
import type { RevisionComparison, RevisionFigures } from "../testing/revision-comparison.js";
import { onStdout } from "./colors.js";
import { formatTable } from "./table.js";

/** All that `flotilla compare` prints. */
export interface CompareReport {
  readonly comparison: RevisionComparison;
  /** Limits that are exceeded, a sentence for each. */
  readonly exceeded: readonly string[];
  /** Title, baseline, candidate. */
  readonly costs: readonly (readonly [string, string, string])[];
}

const MAX_LINES = 5;

/** For people. */
export function comparisonText({ comparison, exceeded, costs }: CompareReport): string {
  const { contract, requests, disagreeing, figures } = comparison;
  const [one, other] = figures;
  const head = `${onStdout.bold(`${contract} ${one.revision} and ${other.revision}`)}: ${disagreeing} of ${requests} requests are answered differently`;
  const parts = [head, fieldTable(comparison), figureTable(figures, costs), worstText(comparison)];
  const verdict = exceeded.length === 0 ? onStdout.green("within the limits") : onStdout.red(exceeded.join("\n"));
  return `${[...parts, verdict].filter((part) => part !== "").join("\n\n")}\n`;
}

/** For scripts: figures, without the values of each call. */
export function comparisonJson({ comparison, exceeded }: CompareReport): string {
  const { fields, figures, worst, ...rest } = comparison;
  const report = {
    ...rest,
    exceeded,
    fields: fields.map(({ values: _, ...field }) => field),
    figures: figures.map(({ elapsedMs: _, ...own }) => own),
    worst: worst.map(({ index, disagreements }) => ({ request: index, disagreements })),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function fieldTable({ fields }: RevisionComparison): string {
  const rows = fields.map(({ field, compared, disagreeing, largestDifference, meanDifference, drift }) => [
    field,
    disagreeing === 0 ? `0 of ${compared}` : onStdout.yellow(`${disagreeing} of ${compared}`),
    number(largestDifference),
    number(meanDifference),
    number(drift?.psi),
    number(drift?.ks),
  ]);
  return rows.length === 0 ? "" : formatTable(["FIELD", "DISAGREE", "LARGEST", "MEAN", "PSI", "KS"], rows);
}

function figureTable([one, other]: RevisionComparison["figures"], costs: CompareReport["costs"]): string {
  const row = (title: string, of: (figures: RevisionFigures) => number) => [title, number(of(one)), number(of(other))];
  return formatTable(
    ["", one.revision, other.revision],
    [
      row("Calls that failed", ({ failed }) => failed),
      row("Half of the calls within, ms", ({ p50Ms }) => p50Ms),
      row("99 % within, ms", ({ p99Ms }) => p99Ms),
      row("Run of the model, ms", ({ inferMs }) => inferMs),
      row("Processor time of a call, ms", ({ cpuMs }) => cpuMs),
      ...costs.map((cost) => [...cost]),
    ],
  );
}

function worstText({ worst }: RevisionComparison): string {
  return worst
    .map(({ index, disagreements }) => {
      const lines = disagreements.slice(0, MAX_LINES).map((one) => `  ${disagreementLine(one)}`);
      const more = disagreements.length - lines.length;
      return [`request ${index + 1}`, ...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join("\n");
    })
    .join("\n");
}

function number(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "" : String(Number(value.toPrecision(3)));
}
