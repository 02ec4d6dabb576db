import { applyTraffic, type Target } from "../apply-traffic.js";
import { listContracts } from "../contract-objects.js";
import { callersOf } from "../hops/caller-pods.js";
import type { MetricsSource } from "../metrics/source.js";
import { observe } from "../observe.js";
import { changesBetween } from "../plan-text.js";
import { PlanError, planPromote, planRollback, type Situation, type TrafficPlan } from "../traffic-plan.js";
import { lookAtFleet } from "../watch-fleet.js";
import { whoAmI } from "../whoami.js";
import type { ActRequest, DashboardData } from "./dashboard-server.js";

/** What the dashboard of a cluster is made from. */
export interface FleetDataOptions {
  readonly target: Target;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly contract: string | undefined;
  readonly source: MetricsSource;
  /** How long calls are counted for one look. */
  readonly windowMs: number;
}

/** The data of a cluster's fleets, and what the buttons do to them: the same plans as the commands'. */
export function fleetData(options: FleetDataOptions): DashboardData {
  let looking: Promise<unknown> | undefined;
  return {
    // Several pages look at one picture.
    look: () => {
      looking ??= look(options).finally(() => {
        looking = undefined;
      });
      return looking;
    },
    act: (request) => act(options.target, request),
  };
}

async function look({ target, namespace, contract, source, windowMs }: FleetDataOptions): Promise<unknown> {
  const scope = { namespace, contract };
  const [contracts, callers] = await Promise.all([
    lookAtFleet({ target, scope, source, windowMs }),
    callersByContract(target, scope),
  ]);
  return {
    context: target.cluster.context,
    contracts: contracts.map((one) => ({ ...one, callers: callers.get(`${one.namespace}/${one.contract}`) ?? [] })),
  };
}

async function callersByContract(
  target: Target,
  scope: { namespace: string | undefined; contract: string | undefined },
) {
  const contracts = await listContracts(target.cluster, target.resources, scope);
  const pairs = contracts.map(async (one): Promise<[string, string[]]> => {
    return [`${one.namespace}/${one.contract}`, await callersOf(target, one)];
  });
  return new Map(await Promise.all(pairs));
}

/** @throws PlanError where something else would change than what was shown */
async function act(target: Target, request: ActRequest): Promise<unknown> {
  const { contract, namespace, dryRun, why = "", expected } = request;
  const observed = await observe(target, { contract, namespace });
  const plan = planOf(request, observed.situation);
  const changes = changesBetween(observed.situation.traffic, plan.traffic);
  if (!dryRun && JSON.stringify(changes) !== expected) {
    throw new PlanError("the traffic has changed since this was shown; look at it again");
  }
  const author = { who: await whoAmI(target.cluster), at: new Date().toISOString(), why };
  if (changes.length > 0) await applyTraffic(target, { objects: observed.objects, plan, author, dryRun });
  return { changes, notes: plan.notes };
}

function planOf({ verb, revision }: ActRequest, situation: Situation): TrafficPlan {
  if (verb === "rollback") return planRollback(situation);
  if (verb === "promote" && revision !== undefined) return planPromote(situation, revision);
  throw new PlanError("expected a promote of a revision, or a rollback");
}
