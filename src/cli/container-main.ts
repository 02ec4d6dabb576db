import { type CommandTable, FLOTILLA, runCommands } from "./run-commands.js";

/** What a container does. Its image holds what these commands import, and nothing else of Flotilla. */
const COMMANDS: CommandTable = {
  serve: async () => (await import("./serve.js")).createServeCommand(),
  bridge: async () => (await import("./bridge.js")).createBridgeCommand(),
  call: async () => (await import("./call.js")).createCallCommand(),
  fetch: async () => (await import("./fetch.js")).createFetchCommand(),
  stub: async () => (await import("./stub.js")).createStubCommand(),
};

/** Runs the command line of a container. */
export function containerMain(argv: readonly string[]): Promise<void> {
  return runCommands({ ...FLOTILLA, commands: COMMANDS }, argv);
}
