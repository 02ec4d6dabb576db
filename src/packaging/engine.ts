import { spawn, spawnSync } from "node:child_process";

/** Programs that build images, in the order in which they are looked for. */
export const ENGINES = ["docker", "podman", "buildah"] as const;
export type EngineName = (typeof ENGINES)[number];

/** One image to build. */
export interface ImageBuild {
  /** Folder with its Dockerfile and layers. */
  readonly context: string;
  readonly image: string;
  /** As engines name it, `linux/amd64`. */
  readonly platform: string;
  /** Values of the Dockerfile's ARGs. */
  readonly args: Readonly<Record<string, string>>;
  /** Further arguments of the engine's own. */
  readonly more: readonly string[];
  /** The time that the image shall say, so that the same files make the same image. */
  readonly epochSeconds: number;
}

/** How long an engine may take to say that it is there. */
const PROBE_MS = 20_000;
/** Last lines of a failed engine's output that are shown. */
const SHOWN_LINES = 30;

/**
 * The engine that is asked for, or the first of those that work here.
 * @throws Error that names what was looked for
 */
export function findEngine(wanted: EngineName | undefined): EngineName {
  const tried: string[] = [];
  for (const engine of wanted === undefined ? ENGINES : [wanted]) {
    const { status, stderr, error } = spawnSync(engine, ["version"], { encoding: "utf8", timeout: PROBE_MS });
    if (status === 0) return engine;
    const why = error === undefined ? (stderr.trim().split("\n")[0] ?? "") : "not found";
    tried.push(`${engine}: ${why}`);
  }
  throw new Error(
    `no program that builds images works here (${tried.join("; ")}); ` +
      "install one of them, or write the contexts with --context and build them where there is one",
  );
}

/** The command that builds an image. */
export function buildCommand(engine: EngineName, build: ImageBuild): string[] {
  const { context, image, platform, args, more, epochSeconds } = build;
  const values = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  // Docker takes the time from SOURCE_DATE_EPOCH in its environment.
  const time = engine === "docker" ? [] : ["--timestamp", String(epochSeconds)];
  return [engine, "build", "--platform", platform, "--tag", image, ...values, ...time, ...more, context];
}

/** The command that brings an image to its registry. */
export function pushCommand(engine: EngineName, image: string): string[] {
  return [engine, "push", image];
}

/**
 * Runs an engine's command.
 * @throws Error with the end of what it printed
 */
export async function runEngine(command: readonly string[], epochSeconds: number): Promise<void> {
  const [program, ...args] = command;
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epochSeconds), DOCKER_BUILDKIT: "1" };
  const child = spawn(program!, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => output.push(text));
  const code = await new Promise<number | null>((settle, fail) => child.once("close", settle).once("error", fail));
  if (code === 0) return;
  const lines = output.join("").trimEnd().split("\n").slice(-SHOWN_LINES);
  throw new Error(`${formatCommand(command)}\nended with ${code ?? "a signal"}:\n${lines.join("\n")}`);
}

/** A command for a shell to read. */
export function formatCommand(command: readonly string[]): string {
  return command.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
