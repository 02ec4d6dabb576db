import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs that build images, in the order in which they are looked for. */
export const ENGINES = ["docker", "podman", "buildah"] as const;
export type Engine = (typeof ENGINES)[number];

/** One image to build. */
export interface ImageBuild {
  /** `registry.example.com/models/acme-fraud-v1:r1-f3c4b4210a60-0.1.0`. */
  readonly reference: string;
  /** Folder with the Dockerfile. */
  readonly context: string;
  /** `linux/amd64`. */
  readonly platform: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The first of the engines that is on PATH.
 * @throws Error that says which were looked for
 */
export function findEngine(path = process.env.PATH ?? ""): Engine {
  const found = ENGINES.find((name) => path.split(delimiter).some((folder) => isProgram(join(folder, name))));
  if (found !== undefined) return found;
  throw new Error(
    `none of ${ENGINES.join(", ")} is on PATH: install one, or write the build contexts alone with --context DIR`,
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The command that builds an image. The same context gives the same image: files have no time of their own, nor has the
 * image with podman and buildah; docker takes it from SOURCE_DATE_EPOCH.
 * @param more further arguments for the engine
 */
export function buildCommand(engine: Engine, image: ImageBuild, more: readonly string[]): string[] {
  return [
    engine,
    "build",
    ...["--tag", image.reference, "--platform", image.platform],
    ...Object.entries(image.args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    ...Object.entries(image.labels).flatMap(([name, value]) => ["--label", `${name}=${value}`]),
    // Layers are kept apart, so that images share what they have in common.
    ...(engine === "docker" ? [] : ["--layers", "--timestamp", "0"]),
    ...more,
    image.context,
  ];
}

/** The command that sends an image to its registry. */
export function pushCommand(engine: Engine, reference: string): string[] {
  return [engine, "push", reference];
}

/**
 * Runs a command; what it prints goes to stderr.
 * @throws Error where it fails
 */
export async function runEngine([program, ...args]: readonly string[]): Promise<void> {
  const env = { ...process.env, SOURCE_DATE_EPOCH: "0" };
  const child = spawn(program!, args, { stdio: ["ignore", 2, 2], env });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`${program} ${args[0]} failed with ${code}; what it said is above`);
}
