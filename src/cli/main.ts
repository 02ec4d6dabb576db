import { Command } from "commander";
import pc from "picocolors";
import { createAddCommand } from "./add.js";
import { createCallCommand } from "./call.js";
import { createCheckCommand } from "./check.js";
import { VERSION } from "./package-info.js";
import { createServeCommand } from "./serve.js";

/** Runs the command line. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("flotilla")
    .description("ONNX models as typed, versioned gRPC services that a service mesh manages.")
    .version(VERSION)
    .showHelpAfterError("(--help tells all)");
  const commands = [createServeCommand(), createCallCommand(), createAddCommand(), createCheckCommand()];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands]) usageErrorsExitWith2(command);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${pc.red("error:")} ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

/** commander ends with 1 on wrong usage; scripts tell that from a refusal. */
function usageErrorsExitWith2(command: Command): void {
  command.exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });
}
