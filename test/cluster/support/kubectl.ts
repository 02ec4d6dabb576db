import { spawn } from "node:child_process";

/** What a command printed, and how it ended. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Runs kubectl against the cluster of KUBECONFIG, and of KUBE_CONTEXT where that is set. */
export async function tryKubectl(args: readonly string[], stdin = ""): Promise<Outcome> {
  const context = process.env.KUBE_CONTEXT ? ["--context", process.env.KUBE_CONTEXT] : [];
  const child = spawn("kubectl", [...context, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
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
  const { stdout, stderr, exitCode } = await tryKubectl(args, stdin);
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim() || stdout.trim()}`);
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
