import { ApiResources } from "../../kubectl/api-resources.js";
import { Cluster } from "../../kubectl/cluster.js";
import { thisHolder } from "../../kubectl/rollout/holder.js";
import { runRollout } from "../../kubectl/rollout/run.js";
import { whoAmI } from "../../kubectl/whoami.js";
import { type MetricsOptions, metricsSource } from "./metrics-options.js";
import { jsonReport } from "./rollout-report.js";

/** What the Job of a roll-out is told. */
export interface JobArgument {
  readonly contract: string;
  readonly namespace: string;
  readonly metrics: MetricsOptions;
}

const TIMEOUT_MS = 15_000;

/**
 * What the Job of a roll-out does: judges it to its end, and tells of it as JSON. A roll-out that goes back is a Job that is
 * done; an error ends the process, and Kubernetes starts it again.
 */
export async function jobMain(text: string): Promise<void> {
  const { contract, namespace, metrics } = JSON.parse(text) as JobArgument;
  const cluster = new Cluster({ timeoutMs: TIMEOUT_MS });
  const target = { cluster, resources: new ApiResources(cluster) };
  const over = new AbortController();
  process.once("SIGTERM", () => over.abort());
  const report = jsonReport();
  try {
    const who = await whoAmI(cluster);
    await runRollout({
      target,
      key: { contract, namespace },
      source: await metricsSource(target, metrics),
      holder: thisHolder(who),
      who,
      takeOver: false,
      onEvent: (event) => report.tell(event),
      signal: over.signal,
    });
  } finally {
    cluster.close();
  }
}
