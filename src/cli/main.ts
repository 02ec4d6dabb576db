import { type CommandTable, runCommands } from "./run-commands.js";

/** Each command's module is loaded only when it is asked for: `serve` should not wait for what `add` needs. */
const COMMANDS: CommandTable = {
  serve: async () => (await import("./serve.js")).createServeCommand(),
  call: async () => (await import("./call.js")).createCallCommand(),
  add: async () => (await import("./add.js")).createAddCommand(),
  check: async () => (await import("./check.js")).createCheckCommand(),
  manifests: async () => (await import("./manifests.js")).createManifestsCommand(),
  diff: async () => (await import("./diff.js")).createDiffCommand(),
  package: async () => (await import("./package.js")).createPackageCommand(),
  fetch: async () => (await import("./fetch.js")).createFetchCommand(),
};

/** Runs the command line. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. */
export function main(argv: readonly string[]): Promise<void> {
  return runCommands(COMMANDS, argv);
}
