import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

/** Of a command, in an error: a caller's orders hold a whole request. */
const SHOWN_LENGTH = 200;

/** What a command printed, and how it ended. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** A kubectl that runs. */
export interface Running {
  readonly outcome: Promise<string>;
  /** Ends its stdin. */
  endInput(): void;
}

function start(args: readonly string[]): ChildProcessWithoutNullStreams {
  const context = process.env.CONTEXT ? ["--context", process.env.CONTEXT] : [];
  const child = spawn("kubectl", [...context, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined);
  return child;
}

/** Runs kubectl against the cluster of KUBECONFIG, and of CONTEXT where that is set. */
export async function tryKubectl(args: readonly string[], stdin = ""): Promise<Outcome> {
  const child = start(args);
  child.stdin.end(stdin);
  return outcomeOf(child);
}

/** Runs a kubectl whose stdin stays open; its outcome is what `kubectl()` gives. */
export function openKubectl(args: readonly string[]): Running {
  const child = start(args);
  return { outcome: outcomeOf(child).then((outcome) => printed(args, outcome)), endInput: () => child.stdin.end() };
}

async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const [stdout, stderr, exitCode] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? 1));
    }),
  ]);
  return { stdout, stderr, exitCode };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) text += chunk;
  return text;
}

/**
 * As `tryKubectl`, for commands that have to work.
 * @returns what the command printed
 * @throws Error with what kubectl says
 */
export async function kubectl(args: readonly string[], stdin = ""): Promise<string> {
  return printed(args, await tryKubectl(args, stdin));
}

function printed(args: readonly string[], { stdout, stderr, exitCode }: Outcome): string {
  const command = args.join(" ").slice(0, SHOWN_LENGTH);
  if (exitCode !== 0) throw new Error(`kubectl ${command}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

/** What `kubectl get` finds. */
export async function get<Found>(args: readonly string[]): Promise<Found> {
  return JSON.parse(await kubectl(["get", ...args, "-o", "json"])) as Found;
}

/** Applies objects, in their order. */
export async function apply(objects: readonly object[]): Promise<void> {
  await kubectl(
    ["apply", "--server-side", "--force-conflicts", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  );
}
