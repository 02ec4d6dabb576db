import { Command } from "commander";
import { onStderr } from "./colors.js";
import { VERSION } from "./package-info.js";

/** Commands by name, each made when it is asked for. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>;

/** Commands that go on without anybody who reads their output. */
const SERVERS = new Set(["serve", "record", "stub", "bridge"]);

/** A program of several commands. */
export interface Program {
  /** As its help says it: `flotilla`. */
  readonly name: string;
  readonly description: string;
  readonly commands: CommandTable;
  /** Below the list of commands. */
  readonly notes?: string;
}

/** What `flotilla` is. */
export const FLOTILLA: Omit<Program, "commands"> = {
  name: "flotilla",
  description: "ONNX models as typed, versioned gRPC services that a service mesh manages.",
};

/** Runs a program's command line. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. */
export async function runCommands(made: Program, argv: readonly string[]): Promise<void> {
  const table = made.commands;
  const program = new Command(made.name)
    .description(made.description)
    .version(VERSION)
    .addHelpText("after", made.notes ?? "")
    // A command that has commands of its own would take their options for its own.
    .enablePositionalOptions()
    .showHelpAfterError("(--help tells all)");
  const verb = argv[2] ?? "";
  endWithReader(verb);
  const verbs = Object.hasOwn(table, verb) ? [verb] : Object.keys(table);
  const commands = await Promise.all(verbs.map((name) => table[name]!()));
  for (const command of commands) program.addCommand(command);
  usageErrorsExitWith2(program);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${onStderr.red("error:")} ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

/**
 * Whoever reads our output may stop: `flotilla call … | head`. A server goes on without its reader, and with a log that
 * takes nothing, as on a full disk.
 */
function endWithReader(verb: string): void {
  if (SERVERS.has(verb)) {
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
    return;
  }
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
}

/** commander ends with 1 on wrong usage; scripts tell that from a refusal. */
function usageErrorsExitWith2(command: Command): void {
  command.exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });
  command.commands.forEach(usageErrorsExitWith2);
}
