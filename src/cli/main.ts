import { Command } from "commander";
import { onStderr } from "./colors.js";
import { VERSION } from "./package-info.js";

/** Each command's module is loaded only when it is asked for: `serve` should not wait for what `add` needs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./serve.js")).createServeCommand(),
  call: async () => (await import("./call.js")).createCallCommand(),
  add: async () => (await import("./add.js")).createAddCommand(),
  check: async () => (await import("./check.js")).createCheckCommand(),
};

/** Runs the command line. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("flotilla")
    .description("ONNX models as typed, versioned gRPC services that a service mesh manages.")
    .version(VERSION)
    .showHelpAfterError("(--help tells all)");
  const verb = argv[2] ?? "";
  endWithReader(verb);
  const verbs = Object.hasOwn(COMMANDS, verb) ? [verb] : Object.keys(COMMANDS);
  const commands = await Promise.all(verbs.map((name) => COMMANDS[name]!()));
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands]) usageErrorsExitWith2(command);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${onStderr.red("error:")} ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

/** Whoever reads our output may stop: `flotilla call … | head`. A server goes on without its reader. */
function endWithReader(verb: string): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (verb !== "serve") process.exit();
  });
}

/** commander ends with 1 on wrong usage; scripts tell that from a refusal. */
function usageErrorsExitWith2(command: Command): void {
  command.exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });
}
