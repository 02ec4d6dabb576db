import { isUnderWay, type Limits, PHASES, type RolloutState, stepPercent } from "../rollout-state.js";
import { weightOf } from "../traffic.js";
import { PlanError, promoted, refuseUnready, type Situation, split, type TrafficPlan } from "../traffic-plan.js";

/** What is asked of a roll-out. */
export interface RolloutOrder {
  readonly revision: string;
  /** Per cent, rising. */
  readonly steps: readonly number[];
  readonly intervalMs: number;
  readonly limits: Limits;
}

/** Who judges it, and when. */
export interface Moment {
  readonly holder: { readonly id: string; readonly name: string };
  /** ISO 8601. */
  readonly at: string;
}

/**
 * The first step.
 * @throws PlanError
 */
export function planStart(situation: Situation, order: RolloutOrder, moment: Moment): TrafficPlan {
  const { contract, state, traffic } = situation;
  const { revision } = order;
  const { current: stable } = state.stable;
  refuseUnready(situation, revision);
  refuseUnready(situation, stable);
  if (revision === stable) throw new PlanError(`${revision} is the stable revision of ${contract} already`);
  const strangers = traffic.weights.filter((weight) => weight.revision !== revision && weight.revision !== stable);
  if (strangers.length > 0) {
    const names = strangers.map((weight) => weight.revision).join(", ");
    throw new PlanError(`${names} of ${contract} has calls too: a roll-out is between two; promote ${stable} first`);
  }
  const steps = order.steps.filter((percent) => percent >= weightOf(traffic, revision));
  if (steps.length === 0)
    throw new PlanError(`${revision} has ${weightOf(traffic, revision)}% already, more than the last step`);
  const rollout: RolloutState = {
    ...order,
    steps,
    stable,
    step: 0,
    phase: PHASES.progressing,
    started: moment.at,
    stepped: moment.at,
    why: "",
    holder: { ...moment.holder, seen: moment.at },
  };
  return stepPlan(situation, rollout);
}

/** The next step. */
export function planAdvance(situation: Situation, rollout: RolloutState, of: { why: string; at: string }): TrafficPlan {
  const { why, at } = of;
  const holder = { ...rollout.holder, seen: at };
  return stepPlan(situation, { ...rollout, step: rollout.step + 1, stepped: at, why, holder });
}

/** The step under way once more, whatever became of its weights meanwhile. */
export function planResume(situation: Situation, moment: Moment): TrafficPlan {
  const rollout = underWay(situation);
  refuseUnready(situation, rollout.revision);
  return stepPlan(situation, { ...rollout, stepped: moment.at, holder: { ...moment.holder, seen: moment.at } });
}

/** The revision has all calls, and is trusted with them. */
export function planSucceed(situation: Situation, rollout: RolloutState, why: string): TrafficPlan {
  return {
    verb: "rollout",
    traffic: { ...situation.traffic, weights: [{ revision: rollout.revision, percent: 100 }] },
    stable: promoted(situation.state.stable, rollout.revision),
    rollout: { ...rollout, phase: PHASES.succeeded, why },
    notes: [],
  };
}

/** All calls back to the stable revision. */
export function planBack(
  situation: Situation,
  rollout: RolloutState,
  { why, phase }: { why: string; phase: "failed" | "aborted" },
): TrafficPlan {
  return {
    verb: phase === "failed" ? "rollout" : "abort",
    traffic: { ...situation.traffic, weights: [{ revision: rollout.stable, percent: 100 }] },
    stable: situation.state.stable,
    rollout: { ...rollout, phase: PHASES[phase], why },
    notes: [],
  };
}

/**
 * The roll-out that is under way.
 * @throws PlanError where none is
 */
export function underWay({ contract, state: { rollout } }: Situation): RolloutState {
  if (rollout === undefined) throw new PlanError(`there is no roll-out of ${contract}`);
  if (isUnderWay(rollout)) return rollout;
  const last = `the last one, of ${rollout.revision}, has ${rollout.phase.toLowerCase()}`;
  throw new PlanError(`no roll-out of ${contract} is under way; ${last}`);
}

function stepPlan(situation: Situation, rollout: RolloutState): TrafficPlan {
  const { traffic, state } = situation;
  const { revision, stable } = rollout;
  const weights = split(situation, { revision, percent: stepPercent(rollout), stable });
  // It gets calls of its own now; copies would only make it busier.
  const shadow = traffic.shadow?.revision === revision ? undefined : traffic.shadow;
  return { verb: "rollout", traffic: { ...traffic, weights, shadow }, stable: state.stable, rollout, notes: [] };
}
