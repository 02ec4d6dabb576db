import { type Command, InvalidArgumentError, Option } from "commander";
import { formatMs } from "../../fleet/units.js";
import { ApiResources } from "../../kubectl/api-resources.js";
import type { Target } from "../../kubectl/apply-traffic.js";
import { Cluster } from "../../kubectl/cluster.js";
import { parseDuration } from "../target.js";

/** Which cluster and namespace; by default what kubectl itself would take. */
export interface TargetOptions {
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
  /** Milliseconds. */
  readonly requestTimeout: number;
}

const DEFAULT_TIMEOUT_MS = 15_000;

/** Gives a command the options that say which cluster. They are named as kubectl's are. */
export function withTargetOptions(command: Command): Command {
  return command
    .option("-n, --namespace <name>", "the fleet's namespace; by default that of the context")
    .option("--context <name>", "context of the kubeconfig; by default its current one")
    .option("--kubeconfig <file>", "by default the variable KUBECONFIG, then ~/.kube/config")
    .addOption(
      new Option("--request-timeout <duration>", "how long one answer of the cluster may take")
        .argParser(parseDuration)
        .default(DEFAULT_TIMEOUT_MS, formatMs(DEFAULT_TIMEOUT_MS)),
    );
}

/** Does work with a cluster, and lets its connections go afterwards. */
export async function withTarget<Result>(
  { context, kubeconfig, namespace, requestTimeout }: TargetOptions,
  work: (target: Target, namespace: string) => Promise<Result>,
): Promise<Result> {
  const cluster = new Cluster({ context, kubeconfig, timeoutMs: requestTimeout });
  const resources = new ApiResources(cluster);
  // All are asked for sooner or later, and one after the other takes long where the cluster is far.
  resources.expect(["v1", "apps/v1", "networking.istio.io/v1"]);
  try {
    return await work({ cluster, resources }, namespace ?? cluster.namespace);
  } finally {
    cluster.close();
  }
}

/** `5`, `0.5` or `5%`, from above 0 to 100. */
export function parsePercent(text: string): number {
  const percent = Number(text.replace(/%$/, ""));
  if (text.trim() !== "" && percent > 0 && percent <= 100) return percent;
  throw new InvalidArgumentError("write it as 5 or 5%, from above 0 to 100");
}

/** Istio's weights are whole numbers. */
export function parseWeight(text: string): number {
  const percent = parsePercent(text);
  if (Number.isInteger(percent)) return percent;
  throw new InvalidArgumentError("weights are whole per cent, from 1 to 100");
}
