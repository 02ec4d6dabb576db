import { Command } from "commander";
import { onStderr } from "./colors.js";
import { VERSION } from "./package-info.js";

/** Commands by name, each made when it is asked for. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>;

/** Runs the command line that a table makes. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. */
export async function runCommands(table: CommandTable, argv: readonly string[]): Promise<void> {
  const program = new Command("flotilla")
    .description("ONNX models as typed, versioned gRPC services that a service mesh manages.")
    .version(VERSION)
    .showHelpAfterError("(--help tells all)");
  const verb = argv[2] ?? "";
  endWithReader(verb);
  const verbs = Object.hasOwn(table, verb) ? [verb] : Object.keys(table);
  const commands = await Promise.all(verbs.map((name) => table[name]!()));
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
