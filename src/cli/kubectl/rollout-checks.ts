import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { findInImage } from "../../client/find-method.js";
import { contractImage } from "../../fleet/protos.js";
import type { Target } from "../../kubectl/apply-traffic.js";
import type { ContractKey } from "../../kubectl/observe.js";
import { type ComparisonOrder, preflight } from "../../kubectl/rollout/preflight.js";
import type { GoldenResult } from "../../kubectl/traffic-state.js";
import { openGoldenSuite } from "../../testing/golden-suite.js";
import { toTolerances } from "../../testing/tolerance.js";
import { fleetFile } from "../fleet-file.js";
import { parseMethodName } from "../method-name.js";
import { readRequestsFile } from "../recorded-requests.js";
import { addTolerance, type WrittenTolerances } from "../tolerance-option.js";

/** What a revision is checked by before it gets calls. */
export interface CheckOptions {
  readonly fleet: string;
  readonly requests?: string;
  readonly tolerance?: WrittenTolerances;
}

/** Which revision, against which. */
export interface Check {
  readonly target: Target;
  readonly key: ContractKey;
  readonly revision: string;
  readonly stable: string;
  /** Per cent; undefined: not compared. */
  readonly maxDisagreement: number | undefined;
}

/** All that was found out. */
export interface CheckReport {
  readonly checked: readonly Checked[];
  readonly golden: GoldenResult | undefined;
}

/** One thing that was found out, or could not be. */
export interface Checked {
  readonly ok: "yes" | "no" | "unknown";
  readonly text: string;
}

/** Gives a command the options of the checks before the first step. */
export function withCheckOptions(command: Command): Command {
  return command
    .option("--fleet <file>", "fleet file, or its folder: where the golden cases are", "fleet.yaml")
    .option("--requests <file>", "with --max-disagreement: a recording, or JSON (default: the golden cases)")
    .option(
      "--tolerance <field=value>",
      "with --max-disagreement: how far a field may be off; may be repeated",
      addTolerance,
    );
}

/** Asks pods of both revisions whether the new one is fit for calls. */
export async function checkRevision(check: Check, options: CheckOptions): Promise<CheckReport> {
  const { contract } = check.key;
  const file = resolve(fleetFile(options.fleet));
  const root = existsSync(file) ? dirname(file) : undefined;
  const suite = root === undefined ? undefined : await openGoldenSuite(root, contract);
  const comparison = await comparisonOf(check, root, options);
  const { findings, golden } = await preflight({ ...check, suite, comparison });
  const checked = findings.map(({ ok, text }): Checked => ({ ok: ok ? "yes" : "no", text }));
  if (suite !== undefined && suite.cases.length > 0) return { checked, golden };
  const where =
    suite === undefined ? `there is no ${options.fleet} here, --fleet says where it is` : `${suite.folder} has none`;
  return { checked: [...checked, { ok: "unknown", text: `no golden cases: ${where}` }], golden };
}

/** @throws Error where there is nothing to compare by */
async function comparisonOf(
  { key, maxDisagreement }: Check,
  root: string | undefined,
  { fleet, requests, tolerance = {} }: CheckOptions,
): Promise<ComparisonOrder | undefined> {
  if (maxDisagreement === undefined) return undefined;
  if (root === undefined)
    throw new Error(`${fleet}: no such file; the contract's .proto and cases are found beside it: --fleet`);
  const name = parseMethodName(key.contract);
  const image = await contractImage(root, key.contract);
  const calls =
    requests === undefined ? goldenCalls(root, key.contract) : readRequestsFile({ file: requests, name, image });
  const tolerances = toTolerances(findInImage(image, name).method.output, tolerance);
  return { calls, tolerances, maxPercent: maxDisagreement };
}

async function* goldenCalls(root: string, contract: string) {
  yield* (await openGoldenSuite(root, contract)).cases;
}
