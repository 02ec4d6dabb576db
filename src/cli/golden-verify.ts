import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import type { Channel } from "../client/call.js";
import { loadFleet } from "../fleet/load.js";
import type { ContractSpec, FleetSpec } from "../fleet/spec.js";
import { type GoldenSuite, openGoldenSuite } from "../testing/golden-suite.js";
import { type GoldenResult, verifyGolden } from "../testing/golden-verify.js";
import { checkRevision, contractOfFleet, withCallees } from "./fleet-contracts.js";
import { fleetFile } from "./fleet-file.js";
import { type FleetServer, startFleetServer } from "./fleet-server.js";
import { goldenJson, goldenJunit, goldenText, type Unverified } from "./golden-report.js";
import { Progress } from "./progress.js";
import { openTarget, parseDuration, type TlsOptions, withPort, withTlsOptions } from "./target.js";

interface VerifyCommandOptions extends TlsOptions {
  readonly fleet: string;
  readonly target?: string;
  readonly revision?: string;
  readonly deadline: number;
  readonly junit?: string;
  readonly output: "table" | "json";
}

const HELP = `
Golden cases are the files in models/<name>/golden/; docs/golden.md says what is in them. Without --target the fleet's
own models are served for the time it takes, each revision of each contract. With --target whoever answers there is
held to what the cases say of that revision, and with --revision that one has to answer.

Exit code: 0 all that was sent agrees, 1 something does not, or no case is for a revision.

Examples:
  flotilla golden verify
  flotilla golden verify acme.tumor.v1 --revision r2
  flotilla golden verify acme.tumor.v1 --target localhost:8500 --junit golden.xml`;

/** `flotilla golden verify`: holds revisions to their golden cases. */
export function createGoldenVerifyCommand(): Command {
  return withTlsOptions(
    new Command("verify")
      .description("Send golden cases, compare the answers field by field, and say where they disagree.")
      .argument("[contracts...]", "contracts of the fleet file (default: all)")
      .option("--fleet <file>", "fleet file, or its folder", "fleet.yaml")
      .option("--target <host:port>", "a running server, or a pod, in place of the fleet file's models", withPort)
      .option("--revision <name>", "this revision alone; for one contract")
      .option("--deadline <duration>", "how long one case may take", parseDuration, 30_000)
      .option("--junit <file>", "also write a report as JUnit XML")
      .addOption(new Option("--output <format>", "how to print the report").choices(["table", "json"]).default("table"))
      .addHelpText("after", HELP),
  ).action(verify);
}

async function verify(names: readonly string[], options: VerifyCommandOptions): Promise<void> {
  const fleet = loadFleet(fleetFile(options.fleet));
  const contracts = names.length === 0 ? fleet.contracts : names.map((name) => contractOfFleet(fleet, name));
  if (options.revision !== undefined) {
    if (contracts.length !== 1) throw new Error("--revision is a revision of one contract: name the contract");
    if (options.target === undefined) checkRevision(contracts[0]!, options.revision);
  }
  const suites = await Promise.all(contracts.map(({ name }) => openGoldenSuite(fleet.root, name)));
  const results = await run(fleet, contracts, suites, options);
  const report = { results, unverified: unverified(contracts, suites, { results, options, all: names.length === 0 }) };
  if (options.junit !== undefined) writeFileSync(options.junit, goldenJunit(report));
  process.stdout.write(options.output === "json" ? goldenJson(report) : goldenText(report));
  const isGood = results.every(({ outcome }) => outcome !== "failed") && report.unverified.every(({ fails }) => !fails);
  if (!isGood) process.exitCode = 1;
}

async function run(
  fleet: FleetSpec,
  contracts: readonly ContractSpec[],
  suites: readonly GoldenSuite[],
  options: VerifyCommandOptions,
): Promise<GoldenResult[]> {
  const withCases = contracts.filter((_, index) => suites[index]!.cases.length > 0);
  if (withCases.length === 0) return [];
  let server: FleetServer | undefined;
  if (options.target === undefined) server = await startFleetServer(onlyThese(fleet, withCases, options.revision));
  const channel = openTarget(options, server?.target, "flotilla-golden");
  try {
    return await verifyAll(channel, { contracts, suites, options });
  } finally {
    channel.client.close();
    await server?.close();
  }
}

interface Work {
  readonly contracts: readonly ContractSpec[];
  readonly suites: readonly GoldenSuite[];
  readonly options: VerifyCommandOptions;
}

async function verifyAll(channel: Channel, { contracts, suites, options }: Work): Promise<GoldenResult[]> {
  const runs = contracts.flatMap((contract, index) =>
    revisionsOf(contract, options).map((revision) => ({ revision, cases: suites[index]!.cases })),
  );
  const progress = new Progress(
    "verified",
    runs.reduce((sum, { cases }) => sum + cases.length, 0),
  );
  const results: GoldenResult[] = [];
  const onResult = (result: GoldenResult) => progress.show(results.push(result));
  try {
    for (const { revision, cases } of runs) {
      await verifyGolden(channel, cases, { revision, deadlineMs: options.deadline, onResult });
    }
  } finally {
    progress.end();
  }
  return results;
}

/** Undefined: whoever answers. */
function revisionsOf(contract: ContractSpec, { revision, target }: VerifyCommandOptions): (string | undefined)[] {
  if (revision !== undefined) return [revision];
  return target === undefined ? contract.revisions.map(({ name }) => name) : [undefined];
}

function onlyThese(fleet: FleetSpec, contracts: readonly ContractSpec[], revision: string | undefined): FleetSpec {
  if (revision === undefined) return withCallees(fleet, contracts);
  const [contract] = contracts;
  const revisions = contract!.revisions.filter(({ name }) => name === revision);
  return withCallees(fleet, [{ ...contract!, revisions }]);
}

/** A gate that looks at nothing must not be open: revisions that no case was for. */
function unverified(
  contracts: readonly ContractSpec[],
  suites: readonly GoldenSuite[],
  { results, options, all }: { results: readonly GoldenResult[]; options: VerifyCommandOptions; all: boolean },
): Unverified[] {
  const sent = results.filter(({ outcome }) => outcome !== "skipped");
  return contracts.flatMap((contract, index) => {
    const hasCases = suites[index]!.cases.length > 0;
    const fails = hasCases || !all || sent.length === 0;
    if (!hasCases) return [{ contract: contract.name, revision: undefined, folder: suites[index]!.folder, fails }];
    return revisionsOf(contract, options)
      .filter(
        (revision) => !sent.some((one) => one.contract === contract.name && (!revision || one.revision === revision)),
      )
      .map((revision) => ({ contract: contract.name, revision, folder: suites[index]!.folder, fails }));
  });
}
