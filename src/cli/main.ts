import { type CommandTable, FLOTILLA, runCommands } from "./run-commands.js";

/** Each command's module is loaded only when it is asked for: `serve` should not wait for what `add` needs. */
const COMMANDS: CommandTable = {
  serve: async () => (await import("./serve.js")).createServeCommand(),
  call: async () => (await import("./call.js")).createCallCommand(),
  tune: async () => (await import("./tune.js")).createTuneCommand(),
  bench: async () => (await import("./bench.js")).createBenchCommand(),
  add: async () => (await import("./add.js")).createAddCommand(),
  check: async () => (await import("./check.js")).createCheckCommand(),
  graph: async () => (await import("./graph.js")).createGraphCommand(),
  manifests: async () => (await import("./manifests.js")).createManifestsCommand(),
  diff: async () => (await import("./diff.js")).createDiffCommand(),
  package: async () => (await import("./package.js")).createPackageCommand(),
  fetch: async () => (await import("./fetch.js")).createFetchCommand(),
  golden: async () => (await import("./golden.js")).createGoldenCommand(),
  compare: async () => (await import("./compare.js")).createCompareCommand(),
  record: async () => (await import("./record.js")).createRecordCommand(),
  replay: async () => (await import("./replay.js")).createReplayCommand(),
  bridge: async () => (await import("./bridge.js")).createBridgeCommand(),
  "replay-events": async () => (await import("./replay-events.js")).createReplayEventsCommand(),
  stub: async () => (await import("./stub.js")).createStubCommand(),
};

/** Runs the command line. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. */
export function main(argv: readonly string[]): Promise<void> {
  return runCommands({ ...FLOTILLA, commands: COMMANDS }, argv);
}
