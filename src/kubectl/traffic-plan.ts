import { isUnderWay, PHASES, type RolloutState, stepPercent } from "./rollout-state.js";
import { formatCohort, formatWeights, type Traffic, type Weight, weightOf } from "./traffic.js";
import type { GoldenResults, Stable, TrafficState } from "./traffic-state.js";

/** What a plan is made from. */
export interface Situation {
  readonly contract: string;
  /** In the fleet file's order. */
  readonly revisions: readonly RevisionPods[];
  readonly traffic: Traffic;
  readonly state: TrafficState;
}

/** The pods of one revision. */
export interface RevisionPods {
  readonly revision: string;
  readonly ready: number;
  readonly wanted: number;
}

/** A change of a contract's traffic. Who makes it, and when, is not the plan's to say. */
export interface TrafficPlan {
  /** `promote`. */
  readonly verb: string;
  readonly traffic: Traffic;
  readonly stable: Stable;
  readonly rollout: RolloutState | undefined;
  /** What was found out of revisions before. */
  readonly golden?: GoldenResults;
  /** What a person should know beside the change. */
  readonly notes: readonly string[];
}

/** A change that makes no sense, or would do harm: what was asked, what there is, and what to do. */
export class PlanError extends Error {
  override readonly name = "PlanError";
}

/**
 * Gives a revision a share of the calls; the stable revision has the rest.
 * @throws PlanError
 */
export function planCanary(situation: Situation, revision: string, percent: number): TrafficPlan {
  refuseUnderWay(situation);
  refuseUnready(situation, revision);
  const { stable } = situation.state;
  if (revision === stable.current) {
    throw new PlanError(`${revision} is the stable revision of ${situation.contract}: a canary is another one`);
  }
  const weights = split(situation, { revision, percent, stable: stable.current });
  return { ...change(situation, "canary", { weights, shadow: shadowBeside(situation, revision) }), stable };
}

/**
 * Gives a revision all calls, and trusts it from now on.
 * @throws PlanError
 */
export function planPromote(situation: Situation, revision: string): TrafficPlan {
  refuseUnderWay(situation);
  refuseUnready(situation, revision);
  const weights = [{ revision, percent: 100 }];
  const plan = change(situation, "promote", { weights, shadow: shadowBeside(situation, revision) });
  const notes = [...plan.notes, ...capacityNotes(situation, revision)];
  return { ...plan, stable: promoted(situation.state.stable, revision), notes };
}

/**
 * Gives all calls back: to the stable revision, or where it has them, to the one before. Ends a roll-out that is under way.
 * @throws PlanError where there is nothing to go back to
 */
export function planRollback(situation: Situation): TrafficPlan {
  const { stable, rollout } = situation.state;
  const target = rollbackTarget(situation);
  refuseUnready(situation, target);
  const weights = [{ revision: target, percent: 100 }];
  const plan = change(situation, "rollback", { weights });
  const left = [...situation.traffic.cohorts].filter(([, weights]) => {
    return weights.some(({ revision }) => revision !== target);
  });
  const notes = left.map(([cohort, weights]) => {
    return `cohort ${cohort} still gets ${formatCohort(weights)}: \`kubectl flotilla cohort ${situation.contract} ${cohort} off\``;
  });
  const after =
    rollout !== undefined && isUnderWay(rollout)
      ? { ...rollout, phase: PHASES.aborted, why: "rolled back by hand" }
      : rollout;
  return {
    ...plan,
    rollout: after,
    stable: { current: target, previous: target === stable.current ? stable.previous : undefined },
    notes: [...plan.notes, ...notes],
  };
}

/**
 * Gives a revision copies of the calls; nobody sees its answers.
 * @param percent of the calls; undefined: no copies any more
 * @throws PlanError
 */
export function planShadow(situation: Situation, revision: string, percent: number | undefined): TrafficPlan {
  refuseUnderWay(situation);
  if (percent === undefined) {
    if (situation.traffic.shadow === undefined) throw new PlanError(`${situation.contract} has no shadow`);
    return { ...change(situation, "shadow", { shadow: undefined }), stable: situation.state.stable };
  }
  refuseUnready(situation, revision);
  const weight = weightOf(situation.traffic, revision);
  if (weight > 0) {
    throw new PlanError(`${revision} has ${weight}% of the calls of ${situation.contract}: a shadow has none`);
  }
  return { ...change(situation, "shadow", { shadow: { revision, percent } }), stable: situation.state.stable };
}

/**
 * Gives the callers of a cohort a revision of their own, or shares of several.
 * @param weights adding up to 100, without zeros; undefined: they get what all others get
 * @throws PlanError
 */
export function planCohort(situation: Situation, cohort: string, weights: readonly Weight[] | undefined): TrafficPlan {
  refuseUnderWay(situation);
  const cohorts = new Map(situation.traffic.cohorts);
  if (weights !== undefined) {
    for (const { revision } of weights) refuseUnready(situation, revision);
    cohorts.set(cohort, weights);
  } else if (!cohorts.delete(cohort)) {
    const known = [...cohorts.keys()].join(", ") || "none";
    throw new PlanError(`${situation.contract} has no cohort ${cohort}; it has ${known}`);
  }
  return { ...change(situation, "cohort", { cohorts }), stable: situation.state.stable };
}

/** The weights of a canary and the stable revision, in the order in which the fleet file would have them. */
export function split(
  { revisions, traffic }: Pick<Situation, "revisions" | "traffic">,
  { revision, percent, stable }: { revision: string; percent: number; stable: string },
): Weight[] {
  const shares = new Map([
    [stable, 100 - percent],
    [revision, percent],
  ]);
  // Routes as they are come first: a fleet file that lists the same weights then gives the same routes.
  const order = [...traffic.weights.map((weight) => weight.revision), ...revisions.map((known) => known.revision)];
  const inOrder = [...new Set(order)].filter((known) => (shares.get(known) ?? 0) > 0);
  return inOrder.map((known) => ({ revision: known, percent: shares.get(known)! }));
}

/** What is trusted after a revision got all calls. */
export function promoted(stable: Stable, revision: string): Stable {
  return revision === stable.current ? stable : { current: revision, previous: stable.current };
}

/** @throws PlanError where the contract has no such revision, or none of its pods is ready */
export function refuseUnready({ contract, revisions }: Situation, revision: string): void {
  const pods = revisions.find((known) => known.revision === revision);
  if (pods === undefined) {
    const known = revisions.map((one) => one.revision).join(", ");
    throw new PlanError(`${contract} has no revision ${revision}; it has ${known}`);
  }
  if (pods.ready > 0) return;
  throw new PlanError(
    `${revision} of ${contract} has no pod that is ready (0 of ${pods.wanted}): its calls would fail; ` +
      `see \`kubectl get pods -l flotilla.dev/contract=${contract},flotilla.dev/revision=${revision}\``,
  );
}

/** @throws PlanError where a roll-out is under way: two who steer would go against each other */
export function refuseUnderWay({ contract, state: { rollout } }: Situation): void {
  if (rollout === undefined || !isUnderWay(rollout)) return;
  throw new PlanError(
    `a roll-out of ${rollout.revision} to ${contract} is under way (${stepPercent(rollout)}%, by ${rollout.holder.name}); ` +
      `end it with \`kubectl flotilla rollout abort ${contract}\`, or wait`,
  );
}

function change({ traffic, state }: Situation, verb: string, to: Partial<Traffic>): Omit<TrafficPlan, "stable"> {
  return { verb, traffic: { ...traffic, ...to }, rollout: state.rollout, notes: [] };
}

/** A revision that gets calls needs no copies of them. */
function shadowBeside({ traffic: { shadow } }: Situation, revision: string) {
  return shadow?.revision === revision ? undefined : shadow;
}

function rollbackTarget({ contract, traffic, state: { stable } }: Situation): string {
  if (weightOf(traffic, stable.current) < 100) return stable.current;
  if (stable.previous !== undefined) return stable.previous;
  throw new PlanError(
    `${contract}: ${formatWeights(traffic.weights)} already, and no revision before it is known; ` +
      `give another one all calls with \`kubectl flotilla promote ${contract} REVISION\``,
  );
}

/** All calls at once on fewer pods than served them before may be more than they can take. */
function capacityNotes({ revisions, traffic }: Situation, revision: string): string[] {
  const podsOf = (name: string) => revisions.find((known) => known.revision === name)?.ready ?? 0;
  const serving = traffic.weights.filter((weight) => weight.revision !== revision).map((weight) => weight.revision);
  const most = Math.max(0, ...serving.map(podsOf));
  const own = podsOf(revision);
  if (own >= most) return [];
  return [`${revision} has ${own} pods ready, and ${most} serve now: its autoscaler adds pods as the calls come`];
}
