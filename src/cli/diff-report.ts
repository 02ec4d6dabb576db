import type { FleetDiff } from "../kubectl/fleet-diff.js";
import { formatTraffic } from "../kubectl/traffic-view.js";
import { onStdout } from "./colors.js";

/** What `flotilla diff --output json` prints. */
export interface DiffReport extends FleetDiff {
  readonly context: string;
}

export function diffReport(context: string, diff: FleetDiff): DiffReport {
  return { context, ...diff };
}

/** Whether the cluster is not what the fleet says; what could not be compared does not count. */
export function hasDifferences({ created, changed, leftovers }: FleetDiff): boolean {
  return created.length + changed.length + leftovers.length > 0;
}

/** The report for a reader: where calls will go, then each object, then the sum. */
export function diffText(report: DiffReport): string {
  const { created, changed, leftovers, traffic, problems } = report;
  const parts = [
    traffic.map(({ contract, changes }) => onStdout.bold(formatTraffic(contract, changes))),
    changed.flatMap(({ name, lines }) => [onStdout.yellow(`~ ${name}`), ...lines.map(colored)]),
    created.map((name) => onStdout.green(`+ ${name}`)),
    leftovers.flatMap(({ name, remove }) => [onStdout.red(`- ${name}`), `  stays until you run: ${remove}`]),
    problems.map((problem) => onStdout.red(`! ${problem}`)),
    [sum(report)],
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function colored(line: string): string {
  const color = { "@": onStdout.cyan, "+": onStdout.green, "-": onStdout.red }[line[0]!];
  return `    ${color === undefined ? line : color(line)}`;
}

function sum({ context, created, changed, unchanged, leftovers, problems }: DiffReport): string {
  const counts = [
    `${created.length} new`,
    `${changed.length} changed`,
    `${unchanged} unchanged`,
    `${leftovers.length} left over`,
    ...(problems.length > 0 ? [onStdout.red(`${problems.length} not compared`)] : []),
  ];
  return `${context}: ${counts.join(", ")}`;
}
