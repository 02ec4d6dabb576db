import { Command, InvalidArgumentError, Option } from "commander";
import { loadFleet } from "../fleet/load.js";
import type { FleetSpec } from "../fleet/spec.js";
import { ENGINES, type EngineName, findEngine, formatCommand } from "../packaging/engine.js";
import { type PackageOptions, packageCommands, packageFleet } from "../packaging/package-fleet.js";
import { type PackagePlan, planPackage } from "../packaging/package-plan.js";
import { ownPlatform, type Platform, parsePlatform } from "../packaging/platform.js";
import { fleetFile } from "./fleet-file.js";
import { packageReport, packageText } from "./package-report.js";

interface PackageCommandOptions {
  readonly fleet: string;
  readonly base?: string;
  readonly platform: Platform;
  readonly engine?: EngineName;
  readonly engineArg: readonly string[];
  readonly push: boolean;
  readonly context?: string;
  readonly dryRun: boolean;
  readonly output: "table" | "json";
}

const DEFAULT_BASE = "node:24-bookworm-slim";
/** What commands name where no folder is. */
const SOME_FOLDER = "context";

const HELP = `
The first image is the runtime: Node.js, and what of Flotilla a server needs. Each revision's image adds its transform and
its model to that. Nothing is run inside of the images while they are built, so that neither a network nor a processor of
the platform's kind is needed.

Examples:
  flotilla package                                        the whole fleet
  flotilla package acme.fraud.v1/r2 --push                one revision, into its registry
  flotilla package --base gcr.io/distroless/nodejs24-debian12
  flotilla package --context build/                       only the contexts, and the commands for them`;

/** `flotilla package`: container images of a fleet's revisions. */
export function createPackageCommand(): Command {
  return new Command("package")
    .description("Build the container images of a fleet's revisions.")
    .argument("[names...]", "contract, or contract/revision; by default the whole fleet")
    .option("--fleet <file>", "fleet file, or its folder", "fleet.yaml")
    .option("--base <image>", `image with Node.js and the GNU C library to build on (default: ${DEFAULT_BASE})`)
    .addOption(
      new Option("--platform <platform>", "what to build for: linux/amd64 or linux/arm64")
        .argParser(toPlatform)
        .default(ownPlatform(), `Linux on this machine's processor: ${ownPlatform().name}`),
    )
    .addOption(
      new Option("--engine <program>", "what builds images (default: the first of these that works)").choices(ENGINES),
    )
    .option("--engine-arg <argument>", "a further argument of each build; may be given again", collect, [])
    .option("--push", "push each image once it is built", false)
    .option("--context <folder>", "write the build contexts there, print the commands, and build nothing")
    .option("--dry-run", "print the commands, and do nothing", false)
    .addOption(new Option("--output <format>", "how to print the images").choices(["table", "json"]).default("table"))
    .addHelpText("after", HELP)
    .action(packageImages);
}

async function packageImages(names: readonly string[], options: PackageCommandOptions): Promise<void> {
  const fleet = loadFleet(fleetFile(options.fleet));
  const plan = planPackage(fleet, names);
  const isBuilt = options.context === undefined && !options.dryRun;
  const settings = toSettings(options, isBuilt ? findEngine(options.engine) : anyEngine(options.engine));
  checkRegistry(fleet, options);
  if (!options.dryRun) await makeImages(fleet, { plan, settings, format: options.output });
  if (isBuilt) return;
  const commands = packageCommands(plan, settings, options.context ?? SOME_FOLDER).map(formatCommand);
  // With --output json stdout is the report's.
  const stream = options.output === "json" && !options.dryRun ? process.stderr : process.stdout;
  stream.write(`${commands.join("\n")}\n`);
}

async function makeImages(
  fleet: FleetSpec,
  { plan, settings, format }: { plan: PackagePlan; settings: PackageOptions; format: "table" | "json" },
): Promise<void> {
  const images = await packageFleet(fleet, plan, settings);
  const report = packageReport(images, plan);
  process.stdout.write(format === "json" ? `${JSON.stringify(report, null, 2)}\n` : packageText(report));
}

function toSettings(options: PackageCommandOptions, engine: EngineName): PackageOptions {
  return {
    engine,
    platform: options.platform,
    base: options.base,
    engineArgs: options.engineArg,
    push: options.push,
    epochSeconds: epochOf(process.env.SOURCE_DATE_EPOCH),
    contextFolder: options.context,
    onProgress: (what) => process.stderr.write(`${what}\n`),
  };
}

/** For commands that are only printed, any will do. */
function anyEngine(wanted: EngineName | undefined): EngineName {
  if (wanted !== undefined) return wanted;
  try {
    return findEngine(undefined);
  } catch {
    return ENGINES[0];
  }
}

function checkRegistry({ images }: FleetSpec, { push }: PackageCommandOptions): void {
  if (!push || !/^localhost\//.test(images.repository)) return;
  throw new Error(
    `--push: ${images.repository} is in no registry; write spec.images.repository: registry.example.com/models`,
  );
}

/** @see https://reproducible-builds.org/specs/source-date-epoch/ */
function epochOf(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new Error(`SOURCE_DATE_EPOCH is ${JSON.stringify(text)}: expected seconds since 1970`);
}

function toPlatform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function collect(argument: string, before: readonly string[]): string[] {
  return [...before, argument];
}
