import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command, Option } from "commander";
import { loadFleet } from "../fleet/load.js";
import { buildCommand, ENGINES, type Engine, findEngine, pushCommand, runEngine } from "../images/engine.js";
import { writeTree } from "../images/file-tree.js";
import { type FleetImage, fleetImages } from "../images/fleet-images.js";
import { ownPlatform, PLATFORM_NAMES, platformOf } from "../images/platform.js";
import { formatBytes } from "../packaging/byte-size.js";

interface PackageCommandOptions {
  readonly fleet: string;
  readonly base: string;
  readonly platform: string;
  readonly engine: Engine | undefined;
  readonly push: boolean;
  readonly context: string | undefined;
  readonly dryRun: boolean;
  readonly output: "text" | "json";
}

/** What `--output json` prints of each image. */
interface PackagedImage {
  readonly name: string;
  readonly image: string;
  /** Of the build context: what the image has on top of the one below. */
  readonly bytes: number;
  /** The folder, where it was asked for. */
  readonly context?: string;
}

/** `flotilla package`: the container images of a fleet. */
export function createPackageCommand(): Command {
  return new Command("package")
    .description("Build the container images of a fleet: one that all share, and one on top of it for each revision.")
    .argument("[names...]", "contracts or contract/revision; by default all of the fleet")
    .option("--fleet <file>", "fleet file", "fleet.yaml")
    .option("--base <image>", "image with Node and glibc to build on", "node:24-bookworm-slim")
    .addOption(
      new Option("--platform <platform>", "what the images run on").choices(PLATFORM_NAMES).default(ownPlatform()),
    )
    .addOption(new Option("--engine <program>", "what builds (default: the first on PATH)").choices(ENGINES))
    .option("--push", "send each image to its registry", false)
    .option("--context <folder>", "write the build contexts there, and build nothing")
    .option("--dry-run", "print the commands, and run none", false)
    .addOption(new Option("--output <format>", "how to print what was made").choices(["text", "json"]).default("text"))
    .addHelpText(
      "after",
      "\nWhat stands after -- goes to the engine's build command.\n\nExamples:\n  flotilla package\n  flotilla package acme.tumor.v1/r2 --push\n  flotilla package --base gcr.io/distroless/nodejs24-debian12 --engine buildah\n  flotilla package -- --network host",
    )
    .action(async (all: string[], options: PackageCommandOptions, command: Command) => {
      await packageFleet(namesOf(all, command), engineArguments(command), options);
    });
}

/** commander puts what follows `--` behind the other arguments. */
function engineArguments(command: Command): string[] {
  const { rawArgs } = command.parent as Command & { rawArgs: string[] };
  const at = rawArgs.indexOf("--");
  return at < 0 ? [] : rawArgs.slice(at + 1);
}

function namesOf(all: readonly string[], command: Command): readonly string[] {
  return all.slice(0, all.length - engineArguments(command).length);
}

async function packageFleet(
  names: readonly string[],
  engineArgs: readonly string[],
  options: PackageCommandOptions,
): Promise<void> {
  const fleet = loadFleet(options.fleet);
  const images = fleetImages({ fleet, names, platform: platformOf(options.platform), base: options.base });
  const engine = options.context === undefined ? (options.engine ?? findEngine()) : undefined;
  const folder = options.context ?? mkdtempSync(path.join(tmpdir(), "flotilla-package-"));
  const packaged: PackagedImage[] = [];
  try {
    for (const image of images) packaged.push(await packageImage(image, { folder, engine, engineArgs, options }));
  } finally {
    if (options.context === undefined) rmSync(folder, { recursive: true, force: true });
  }
  if (options.output === "json") process.stdout.write(`${JSON.stringify(packaged, null, 2)}\n`);
}

interface Packaging {
  readonly folder: string;
  /** Undefined: contexts alone. */
  readonly engine: Engine | undefined;
  readonly engineArgs: readonly string[];
  readonly options: PackageCommandOptions;
}

async function packageImage(image: FleetImage, packaging: Packaging): Promise<PackagedImage> {
  const { engine, engineArgs, options } = packaging;
  const { name, reference, args, labels } = image;
  const context = path.join(packaging.folder, name);
  const bytes = options.dryRun ? 0 : writeTree(context, await image.context());
  const said = options.output === "text" ? process.stdout : process.stderr;
  said.write(`${reference}${options.dryRun ? "" : `  ${formatBytes(bytes)}`}\n`);
  if (engine === undefined) return { name, image: reference, bytes, context };
  const build = buildCommand(engine, { reference, context, platform: options.platform, args, labels }, engineArgs);
  for (const command of [build, ...(options.push ? [pushCommand(engine, reference)] : [])]) {
    if (options.dryRun) said.write(`  ${command.join(" ")}\n`);
    else await runEngine(command);
  }
  return { name, image: reference, bytes };
}
