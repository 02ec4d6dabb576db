import { statSync, writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { findInImage, type MethodName } from "../client/find-method.js";
import { shownFile } from "../fleet/findings.js";
import { loadFleet } from "../fleet/load.js";
import { contractImage } from "../fleet/protos.js";
import type { ContractSpec, FleetSpec } from "../fleet/spec.js";
import { formatBytes } from "../packaging/byte-size.js";
import { type AnsweredPair, compareRevisions } from "../testing/compare-revisions.js";
import { exceededLimits } from "../testing/comparison-limits.js";
import { openGoldenSuite } from "../testing/golden-suite.js";
import { comparisonPage } from "../testing/page/comparison-page.js";
import { summarizeComparison } from "../testing/revision-comparison.js";
import type { CallToSend } from "../testing/send-call.js";
import { toTolerances } from "../testing/tolerance.js";
import { comparisonJson, comparisonText } from "./compare-report.js";
import { checkRevision, contractOfFleet, withCallees } from "./fleet-contracts.js";
import { fleetFile } from "./fleet-file.js";
import { type FleetServer, startFleetServer } from "./fleet-server.js";
import { parseMethodName } from "./method-name.js";
import { parseCount, parseLimit } from "./number-options.js";
import { Progress } from "./progress.js";
import { readRequestsFile } from "./recorded-requests.js";
import { openTarget, parseDuration, type TlsOptions, withPort, withTlsOptions } from "./target.js";
import { addTolerance, type WrittenTolerances } from "./tolerance-option.js";

interface CompareCommandOptions extends TlsOptions {
  readonly requests?: string;
  readonly fleet: string;
  readonly target?: string;
  readonly tolerance?: WrittenTolerances;
  readonly limit: number;
  readonly worst: number;
  readonly html?: string;
  readonly maxDisagreement?: number;
  readonly maxPsi?: number;
  readonly maxKs?: number;
  readonly maxSlower?: number;
  readonly deadline: number;
  readonly output: "table" | "json";
}

const HELP = `
Requests come from a recording of \`flotilla record\`, or from JSON: one request, a list, or one a line (.ndjson).
Without --requests they are the contract's golden cases. Without --target the two revisions are served for the time it
takes, and the processor time of each is measured.

PSI and KS say how far the distributions of the answers are apart, field by field; docs/compare.md says how they are
worked out. A field's tolerance is FIELD=ABSOLUTE[,RELATIVE], or FIELD=ignore.

Exit code: 0 within the limits, 1 a limit is exceeded, or the candidate fails what the baseline answers.

Examples:
  flotilla compare acme.tumor.v1 r1 r2
  flotilla compare acme.tumor.v1 r1 r2 --requests recorded.binpb --html comparison.html
  flotilla compare acme.tumor.v1 r1 r2 --requests recorded.binpb --max-disagreement 2 --max-psi 0.1 --max-slower 20`;

/** `flotilla compare`: what two revisions make of the same requests. */
export function createCompareCommand(): Command {
  return withTlsOptions(
    new Command("compare")
      .description("Send the same requests to two revisions: where they disagree, what drifts, what each costs.")
      .argument("<contract[/method]>", "acme.fraud.v1 (method, for requests in JSON: Predict)", parseMethodName)
      .argument("<baseline>", "the revision that is, r1")
      .argument("<candidate>", "the revision that is to come, r2")
      .option("--requests <file>", "recording, or requests in JSON (default: the golden cases)")
      .option("--fleet <file>", "fleet file, or its folder", "fleet.yaml")
      .option("--target <host:port>", "a running server that has both, in place of the fleet file's models", withPort)
      .option("--tolerance <field=value>", "how far a field may be off; may be repeated", addTolerance)
      .option("--limit <count>", "requests that are sent at most", parseCount, 1000)
      .option("--worst <count>", "examples that are shown", parseCount, 5)
      .option("--html <file>", "also write a page with charts; it needs nothing else")
      .option("--max-disagreement <percent>", "of the requests, may be answered differently", parseLimit)
      .option("--max-psi <value>", "of any field: 0.1 is strict, 0.25 a lot", parseLimit)
      .option("--max-ks <value>", "of any field, 0 to 1", parseLimit)
      .option("--max-slower <percent>", "that the candidate's 99th percentile may be above the baseline's", parseLimit)
      .option("--deadline <duration>", "how long one call may take", parseDuration, 30_000)
      .addOption(new Option("--output <format>", "how to print it").choices(["table", "json"]).default("table"))
      .addHelpText("after", HELP),
  ).action(compare);
}

async function compare(name: MethodName, baseline: string, candidate: string, options: CompareCommandOptions) {
  const fleet = loadFleet(fleetFile(options.fleet));
  const contract = contractOfFleet(fleet, name.contract);
  const revisions = [baseline, candidate] as const;
  for (const revision of revisions) checkRevision(contract, revision);
  const image = await contractImage(fleet.root, contract.name);
  const calls = limited(requestsFor(fleet, name, { image, options }), options.limit);
  const tolerances = toTolerances(findInImage(image, name).method.output, options.tolerance ?? {});
  const pairs = await answer(fleet, contract, { revisions, calls, tolerances, options });
  if (pairs.length === 0) {
    throw new Error(`there is no request to send: ${contract.name} has no golden cases; name a file with --requests`);
  }
  const isLocal = options.target === undefined;
  const comparison = summarizeComparison(pairs, { contract: contract.name, revisions, worst: options.worst, isLocal });
  const exceeded = exceededLimits(comparison, {
    disagreementPercent: options.maxDisagreement,
    psi: options.maxPsi,
    ks: options.maxKs,
    slowerPercent: options.maxSlower,
  });
  const costs = costRows(contract, revisions);
  const requestsFrom = options.requests === undefined ? "the golden cases" : shownFile(options.requests);
  if (options.html !== undefined) {
    writeFileSync(options.html, comparisonPage(comparison, { exceeded, requestsFrom, takenAt: new Date(), costs }));
  }
  const print = options.output === "json" ? comparisonJson : comparisonText;
  process.stdout.write(print({ comparison, exceeded, costs }));
  if (exceeded.length > 0) process.exitCode = 1;
}

interface Work {
  readonly revisions: readonly [string, string];
  readonly calls: AsyncIterable<CallToSend>;
  readonly tolerances: ReturnType<typeof toTolerances>;
  readonly options: CompareCommandOptions;
}

async function answer(
  fleet: FleetSpec,
  contract: ContractSpec,
  { revisions, calls, tolerances, options }: Work,
): Promise<AnsweredPair[]> {
  let server: FleetServer | undefined;
  if (options.target === undefined) {
    const both = contract.revisions.filter(({ name }) => revisions.includes(name));
    server = await startFleetServer(withCallees(fleet, [{ ...contract, revisions: both }]));
  }
  const channel = openTarget(options, server?.target, "flotilla-compare");
  const progress = new Progress("compared", options.limit);
  const onPair = ({ index }: AnsweredPair) => progress.show(index + 1);
  try {
    return await compareRevisions(() => channel, calls, {
      revisions,
      tolerances,
      deadlineMs: options.deadline,
      onPair,
    });
  } finally {
    progress.end();
    channel.client.close();
    await server?.close();
  }
}

async function* requestsFor(
  fleet: FleetSpec,
  name: MethodName,
  { image, options }: { readonly image: Uint8Array; readonly options: CompareCommandOptions },
): AsyncGenerator<CallToSend> {
  if (options.requests !== undefined) yield* readRequestsFile({ file: options.requests, name, image });
  else yield* (await openGoldenSuite(fleet.root, name.contract)).cases;
}

async function* limited<Value>(values: AsyncIterable<Value>, limit: number): AsyncGenerator<Value> {
  let count = 0;
  for await (const value of values) {
    if (count++ >= limit) return;
    yield value;
  }
}

/** What each revision costs before it is called: what the fleet file gives its pods, and the size of its model. */
function costRows({ revisions }: ContractSpec, names: readonly [string, string]) {
  const pair = names.map((name) => revisions.find((revision) => revision.name === name)!);
  const row = (title: string, of: (revision: (typeof pair)[number]) => string) =>
    [title, of(pair[0]!), of(pair[1]!)] as const;
  return [
    row("Model file", ({ model, module }) => formatBytes(statSync(model ?? module!.path).size)),
    row("Processors of a pod, asked and at most", ({ resources }) => `${resources.cpuRequest}, ${resources.cpu}`),
    row("Memory of a pod", ({ resources }) => formatBytes(resources.memoryBytes)),
    row("Pods, at least and at most", ({ replicas }) => `${replicas.min}, ${replicas.max}`),
  ];
}
