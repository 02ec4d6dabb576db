import { ComposedModel } from "../composition/composed-model.js";
import type { CompositionSettings } from "../serving/composition-settings.js";
import type { Compose } from "../serving/served-repository.js";
import { HopMetrics } from "../telemetry/hop-metrics.js";
import { HopWarnings } from "../telemetry/hop-warnings.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";

/** What a server's compositions need of it. */
export interface ComposeOptions {
  readonly metrics: Metrics;
  readonly log: Log;
  /** `host:port` of the server itself, for contracts that it serves too; undefined for those that it doesn't. */
  readonly ownAddress: (contract: string) => string | undefined;
}

/** How a server starts its compositions: their hops are measured with its own metrics, and warned of in its log. */
export function createCompose({ metrics, log, ownAddress }: ComposeOptions): Compose {
  const budgets = new Map<string, number>();
  const hops = new HopMetrics(metrics.registry, {
    budgetMs: (to) => budgets.get(to),
    onOver: new HopWarnings(log).onOver,
  });
  return (settings, observer) => {
    for (const { contract, overheadMs } of settings.callees) budgets.set(contract, overheadMs);
    const host = { observer, onHop: hops.onHop, onChain: hops.onChain.bind(hops) };
    return new ComposedModel(withAddresses(settings, ownAddress), host);
  };
}

/** An address that somebody named goes before the server's own. */
function withAddresses(settings: CompositionSettings, ownAddress: ComposeOptions["ownAddress"]): CompositionSettings {
  const callees = settings.callees.map((callee) => {
    return { ...callee, address: callee.address ?? ownAddress(callee.contract) };
  });
  return { ...settings, callees };
}
