import { once } from "node:events";
import { Command, InvalidArgumentError, Option } from "commander";
import { startDashboard } from "../../kubectl/dashboard/dashboard-server.js";
import { fleetData } from "../../kubectl/dashboard/fleet-data.js";
import { parseDuration } from "../target.js";
import { type MetricsOptions, metricsSource, withMetricsOptions } from "./metrics-options.js";
import { type TargetOptions, withTarget, withTargetOptions } from "./target-options.js";

interface DashboardOptions extends TargetOptions, MetricsOptions {
  readonly allNamespaces?: boolean;
  readonly port: number;
  /** Milliseconds. */
  readonly window: number;
}

const DEFAULT_WINDOW = "3s";

const NOTES = `
The page is served on this machine's loopback alone, and needs the token of the address that is printed. It needs nothing
from elsewhere. Its buttons do what \`promote\` and \`rollback\` do, with your rights, and show what would change first.

Examples:
  kubectl flotilla dashboard -n models
  kubectl flotilla dashboard acme.tumor.v1 --port 8080`;

/** `kubectl flotilla dashboard`. */
export function createDashboardCommand(): Command {
  const command = new Command("dashboard")
    .description("Serve a page that shows the fleet's traffic as it is, until Ctrl-C.")
    .argument("[contract]", "acme.fraud.v1; by default all of the namespace");
  return withMetricsOptions(withTargetOptions(command))
    .option("-A, --all-namespaces", "look into all namespaces")
    .option("--port <number>", "by default any free one", parsePort, 0)
    .addOption(
      new Option("--window <duration>", "how long calls are counted for one look")
        .argParser(parseDuration)
        .default(parseDuration(DEFAULT_WINDOW), DEFAULT_WINDOW),
    )
    .addHelpText("after", NOTES)
    .action(dashboard);
}

function dashboard(contract: string | undefined, options: DashboardOptions): Promise<void> {
  return withTarget(options, async (target, own) => {
    const namespace = options.allNamespaces ? undefined : own;
    const source = await metricsSource(target, options);
    const data = fleetData({ target, namespace, contract, source, windowMs: options.window });
    const served = await startDashboard(data, options.port);
    process.stdout.write(`${served.url}\nCtrl-C ends it.\n`);
    await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
    await served.close();
  });
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("write it as 8080");
}
