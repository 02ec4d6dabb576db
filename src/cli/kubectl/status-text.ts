import { ms, percent } from "../../kubectl/rollout/figure-text.js";
import { isUnderWay } from "../../kubectl/rollout-state.js";
import type { ContractStatus, RevisionStatus, RolloutView } from "../../kubectl/status.js";
import { formatCohort } from "../../kubectl/traffic.js";
import { onStdout } from "../colors.js";
import { formatTable } from "../table.js";

const HEAD = ["REVISION", "ROLE", "PODS", "WEIGHT", "SEEN", "CALLS/S", "ERRORS", "P50", "P99"];
const WIDE = ["RESTARTS", "MODEL"];

/** Contracts for a reader, within 80 columns unless it is `wide`. */
export function statusText(contracts: readonly ContractStatus[], { wide }: { readonly wide: boolean }): string {
  // One table, so that the columns of all contracts stand below one another.
  const rows = contracts.flatMap(({ revisions }) => revisions.map((revision) => cells(revision, wide)));
  const [head, ...lines] = formatTable(wide ? [...HEAD, ...WIDE] : HEAD, rows).split("\n");
  const taken = lines.values();
  const blocks = contracts.map((contract) => {
    const own = contract.revisions.map(() => `  ${taken.next().value}`);
    return [titleOf(contract), `  ${onStdout.dim(head!)}`, ...own, ...belowTable(contract)].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}

function titleOf({ contract, namespace }: ContractStatus): string {
  return `${onStdout.bold(contract)} ${onStdout.dim(`in ${namespace}`)}`;
}

function cells(status: RevisionStatus, wide: boolean): string[] {
  const { revision, role, ready, wanted, weight, seen, rate, errors, p50, p99, restarts, digest } = status;
  const pods = `${ready}/${wanted}`;
  const narrow = [
    revision,
    role === "idle" ? "-" : role,
    ready < wanted ? onStdout.yellow(pods) : pods,
    weight === 0 ? "-" : `${weight}%`,
    percent(seen),
    rate === undefined ? "-" : rate.toFixed(1),
    errors !== undefined && errors > 0 ? onStdout.red(percent(errors)) : percent(errors),
    ms(p50),
    ms(p99),
  ];
  return wide ? [...narrow, String(restarts), digest ?? "-"] : narrow;
}

function belowTable({ shadow, cohorts, releases, fallback, rollout, problem }: ContractStatus): string[] {
  return [
    ...(shadow === undefined ? [] : [`shadow    ${shadow.revision} gets copies of ${shadow.percent}% of the calls`]),
    ...Object.entries(cohorts).map(([cohort, weights]) => `cohort    ${cohort} gets ${formatCohort(weights)}`),
    ...Object.entries(releases).map(([release, revision]) => `release   ${release} has ${revision}`),
    ...(fallback === undefined
      ? []
      : [`fallback  ${fallback.revision} ${fallback.active ? onStdout.red("answers for others") : "stands by"}`]),
    ...(rollout === undefined ? [] : [`roll-out  ${rolloutText(rollout)}`]),
    ...(problem === undefined ? [] : [onStdout.yellow(`no figures: ${problem}`)]),
  ].map((line) => `  ${line}`);
}

function rolloutText({ revision, phase, percent: share, step, steps, by, why }: RolloutView): string {
  const color = {
    Progressing: onStdout.cyan,
    Succeeded: onStdout.green,
    Failed: onStdout.red,
    Aborted: onStdout.yellow,
  }[phase];
  const where = isUnderWay({ phase }) ? ` ${share}%, step ${step} of ${steps.length}, by ${by}` : "";
  return `${revision} ${color(phase)}${where}${why === "" ? "" : `: ${why}`}`;
}
