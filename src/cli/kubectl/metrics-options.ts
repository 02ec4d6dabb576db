import { type Command, InvalidArgumentError, Option } from "commander";
import type { Target } from "../../kubectl/apply-traffic.js";
import { podMetrics } from "../../kubectl/metrics/pod-metrics.js";
import type { MetricsSource } from "../../kubectl/metrics/source.js";

/** Where the figures of calls come from. */
export interface MetricsOptions {
  readonly prometheus?: string;
  readonly countedBy: "servers" | "mesh";
}

/** Gives a command the options that say where figures come from. */
export function withMetricsOptions(command: Command): Command {
  return command
    .option(
      "--prometheus <address>",
      "ask a Prometheus: a URL, or namespace/service:port through the API server (default: the pods themselves)",
      parseAddress,
    )
    .addOption(
      new Option("--counted-by <whom>", "with --prometheus: whose metrics, Flotilla's servers' or Istio's proxies'")
        .choices(["servers", "mesh"])
        .default("servers"),
    );
}

/** The source that the options name. @throws Error where they contradict each other */
export async function metricsSource(
  { cluster, resources }: Target,
  { prometheus: address, countedBy }: MetricsOptions,
): Promise<MetricsSource> {
  if (address !== undefined) {
    const { prometheusMetrics } = await import("../../kubectl/metrics/prometheus.js");
    return prometheusMetrics({ cluster, address, countedBy });
  }
  if (countedBy === "mesh")
    throw new Error("--counted-by mesh: the proxies' metrics are asked of a Prometheus: add --prometheus");
  return podMetrics({ cluster, resources });
}

function parseAddress(text: string): string {
  if (URL.canParse(text) && /^https?:\/\//.test(text)) return text;
  if (/^[a-z0-9-]+\/[a-z0-9-]+:[a-z0-9-]+$/.test(text)) return text;
  throw new InvalidArgumentError("write it as https://prometheus.example.com, or monitoring/prometheus:9090");
}
