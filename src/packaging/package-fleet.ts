import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { moduleDigest } from "../fleet/module-digest.js";
import { packageVersion } from "../fleet/package-root.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";
import { type ImageContext, writeContext } from "./context-folder.js";
import { type ContractLayers, contractLayers } from "./contract-layer.js";
import { buildCommand, type EngineName, pushCommand, runEngine } from "./engine.js";
import { moduleLayer } from "./module-layer.js";
import type { ContractImages, PackagePlan, RevisionImage } from "./package-plan.js";
import type { Platform } from "./platform.js";
import { compositionImage, revisionImage } from "./revision-image.js";
import { runtimeImage } from "./runtime-image.js";

/** How a fleet is packaged. */
export interface PackageOptions {
  readonly engine: EngineName;
  readonly platform: Platform;
  /** Image with Node.js that the runtime is built on; undefined: the Dockerfile's. */
  readonly base: string | undefined;
  /** Further arguments for each build. */
  readonly engineArgs: readonly string[];
  readonly push: boolean;
  /** Time of every file, in seconds since 1970. */
  readonly epochSeconds: number;
  /** Where contexts are written and left, and nothing is built; undefined: they are built and gone. */
  readonly contextFolder: string | undefined;
  readonly onProgress: (what: string) => void;
}

/** An image that was built, or whose context was written. */
export interface PackagedImage {
  readonly image: string;
  /** Undefined: the runtime. */
  readonly contract: string | undefined;
  readonly revision: string | undefined;
  /** Bytes that each layer adds, before the registry compresses it. */
  readonly layerBytes: Readonly<Record<string, number>>;
}

/**
 * Builds the images of a plan, the runtime first, one after the other.
 * @throws Error that says what can't be packaged, or what the engine said
 */
export async function packageFleet(
  fleet: FleetSpec,
  plan: PackagePlan,
  options: PackageOptions,
): Promise<PackagedImage[]> {
  const folder = options.contextFolder ?? mkdtempSync(join(tmpdir(), "flotilla-package-"));
  try {
    const packager = new Packager(fleet, { plan, options, folder });
    const images = [await packager.runtime()];
    for (const contract of plan.contracts) images.push(...(await packager.contract(contract)));
    return images;
  } finally {
    if (options.contextFolder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** The commands that build and push the images of a plan from contexts in a folder. */
export function packageCommands(plan: PackagePlan, options: PackageOptions, folder: string): string[][] {
  const builds = [
    runtimeBuild(plan, options, folder),
    ...plan.contracts.flatMap(({ revisions }) =>
      revisions.map((revision) => revisionBuild(revision, { plan, options, folder })),
    ),
  ];
  return builds.flatMap((build) => commandsOf(build, options));
}

interface Packaging {
  readonly plan: PackagePlan;
  readonly options: PackageOptions;
  /** Where contexts are written. */
  readonly folder: string;
}

class Packager {
  readonly #fleet: FleetSpec;
  readonly #packaging: Packaging;

  constructor(fleet: FleetSpec, packaging: Packaging) {
    this.#fleet = fleet;
    this.#packaging = packaging;
  }

  async runtime(): Promise<PackagedImage> {
    const { plan, options, folder } = this.#packaging;
    const build = runtimeBuild(plan, options, folder);
    const layerBytes = await this.#make(build, await runtimeImage(options.platform));
    return { image: plan.runtime, contract: undefined, revision: undefined, layerBytes };
  }

  async contract({ contract, revisions }: ContractImages): Promise<PackagedImage[]> {
    const layers = await contractLayers(this.#fleet, contract, this.#packaging.options.platform);
    try {
      const images: PackagedImage[] = [];
      for (const one of revisions) {
        const build = revisionBuild(one, this.#packaging);
        const layerBytes = await this.#revision({ contract, revision: one.revision, layers }, build);
        images.push({ image: one.image, contract: contract.name, revision: one.revision.name, layerBytes });
      }
      return images;
    } finally {
      layers.close();
    }
  }

  async #revision(
    { contract, revision, layers }: { contract: ContractSpec; revision: RevisionSpec; layers: ContractLayers },
    build: Build,
  ): Promise<Record<string, number>> {
    const of = { fleet: this.#fleet, contract, revision };
    if (revision.module === undefined) return this.#make(build, await revisionImage(of, layers));
    const { path } = revision.module;
    if ((await moduleDigest(path)) !== revision.sha256) {
      throw new Error(
        `${contract.name}/${revision.name}: its sources have another digest; \`flotilla check\` says which`,
      );
    }
    const module = await moduleLayer(this.#fleet, path, this.#packaging.options.platform);
    try {
      return await this.#make(build, compositionImage(of, layers, module));
    } finally {
      module.close();
    }
  }

  async #make(build: Build, image: ImageContext): Promise<Record<string, number>> {
    const { options } = this.#packaging;
    const isBuilt = options.contextFolder === undefined;
    options.onProgress(`${isBuilt ? "building" : "writing the context of"} ${build.image}`);
    const layerBytes = await writeContext(build.context, image, options.epochSeconds);
    if (!isBuilt) return layerBytes;
    for (const command of commandsOf(build, options)) await runEngine(command, options.epochSeconds);
    // A fleet's models together may be more than the disk has.
    rmSync(build.context, { recursive: true });
    return layerBytes;
  }
}

interface Build {
  readonly image: string;
  readonly context: string;
  readonly args: Readonly<Record<string, string>>;
}

function runtimeBuild({ runtime }: PackagePlan, { base }: PackageOptions, folder: string): Build {
  const args = { VERSION: packageVersion(), ...(base === undefined ? {} : { BASE: base }) };
  return { image: runtime, context: join(folder, "runtime"), args };
}

function revisionBuild({ image, contract, revision }: RevisionImage, { plan, folder }: Packaging): Build {
  const args = { RUNTIME: plan.runtime, CONTRACT: contract, REVISION: revision.name, DIGEST: revision.sha256 };
  return { image, context: join(folder, contract, revision.name), args };
}

function commandsOf(build: Build, { engine, platform, engineArgs, push, epochSeconds }: PackageOptions): string[][] {
  const command = buildCommand(engine, { ...build, platform: platform.name, more: engineArgs, epochSeconds });
  return push ? [command, pushCommand(engine, build.image)] : [command];
}
