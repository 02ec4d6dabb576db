import { setTimeout as sleep } from "node:timers/promises";
import { applyState, applyTraffic, type Target } from "../apply-traffic.js";
import { ClusterError } from "../cluster-error.js";
import type { ContractFigures } from "../metrics/figures.js";
import type { MetricsSource, MetricsWindow } from "../metrics/source.js";
import { type ContractKey, type Observed, observe } from "../observe.js";
import { trafficWords } from "../plan-text.js";
import { listPods } from "../revision-pods.js";
import { type Holder, isUnderWay, type RolloutState, stepPercent } from "../rollout-state.js";
import { weightOf } from "../traffic.js";
import { PlanError, type TrafficPlan } from "../traffic-plan.js";
import { type Decision, decide } from "./decide.js";
import { refuseHeld, SIGN_EVERY_MS } from "./holder.js";
import { patiently } from "./patiently.js";
import { planAdvance, planBack, planSucceed, underWay } from "./rollout-plan.js";

/** What is told of a roll-out as it goes. */
export type RolloutEvent =
  /** A step has the calls that it is to be judged by. */
  | { readonly kind: "step"; readonly rollout: RolloutState }
  /** What the step's calls say so far. */
  | { readonly kind: "wait"; readonly rollout: RolloutState; readonly elapsedMs: number; readonly why: string }
  /** The step was good. */
  | { readonly kind: "advance"; readonly rollout: RolloutState; readonly why: string }
  /** It is over. `tookMs`: from when the step's figures were in to when the cluster had the new weights. */
  | { readonly kind: "end"; readonly rollout: RolloutState; readonly why: string; readonly tookMs: number };

/** What a roll-out is run with. */
export interface RunOptions {
  readonly target: Target;
  readonly key: ContractKey;
  readonly source: MetricsSource;
  readonly holder: Pick<Holder, "id" | "name">;
  /** As the cluster knows us. */
  readonly who: string;
  /** Takes it from whoever has it. */
  readonly takeOver: boolean;
  readonly onEvent: (event: RolloutEvent) => void;
  /** Ends the run, and leaves the roll-out as it is. */
  readonly signal: AbortSignal;
}

/** A step is looked at so many times, but neither more nor less often than these. */
const LOOKS_PER_STEP = 30;
const MOST_OFTEN_MS = 1000;
const LEAST_OFTEN_MS = 5000;
const NO_FIGURES: ContractFigures = { seconds: 0, revisions: new Map() };

/**
 * Judges a roll-out that is under way, step by step, to its end.
 * @returns the roll-out as it ended, whoever ended it; undefined where the signal ended the run
 * @throws PlanError where somebody else has it, or changed the traffic
 * @throws ClusterError
 */
export async function runRollout(options: RunOptions): Promise<RolloutState | undefined> {
  let observed = await take(options);
  try {
    for (;;) {
      const rollout = underWay(observed.situation);
      options.onEvent({ kind: "step", rollout });
      const decided = await judgeStep(options);
      if ("ended" in decided) return decided.ended;
      observed = await carryOut(options, decided);
      const after = observed.situation.state.rollout!;
      if (!isUnderWay(after)) return after;
    }
  } catch (error) {
    if (!options.signal.aborted) throw error;
    await letGo(options);
    return undefined;
  }
}

/** Makes the roll-out ours, for all to see. */
async function take(options: RunOptions): Promise<Observed> {
  const observed = await observe(options.target, options.key);
  const rollout = underWay(observed.situation);
  if (!options.takeOver) refuseHeld(rollout, options.holder, Date.now());
  return withHolder(options, observed, new Date());
}

/** Whoever goes on need not wait until we are taken to be gone. */
async function letGo({ target, key, holder }: RunOptions): Promise<void> {
  const { rollout } = (await observe(target, key)).situation.state;
  if (rollout?.holder.id === holder.id) await release(target, key);
}

/** Takes a roll-out that is under way out of everybody's hands: whoever takes it up has it. */
export async function release(target: Target, key: ContractKey): Promise<void> {
  const observed = await observe(target, key);
  await withHolder({ target, holder: underWay(observed.situation).holder }, observed, new Date(0));
}

type Holding = Pick<RunOptions, "target" | "holder">;

async function withHolder({ target, holder }: Holding, observed: Observed, seen: Date): Promise<Observed> {
  const { state } = observed.situation;
  const { id, name } = holder;
  const rollout = { ...underWay(observed.situation), holder: { id, name, seen: seen.toISOString() } };
  const objects = await applyState(target, observed.objects, { ...state, rollout });
  return { objects, situation: { ...observed.situation, state: { ...state, rollout } } };
}

/** A decision, and what it was made from. */
interface Decided {
  readonly observed: Observed;
  readonly decision: Decision;
  /** When the figures were in. */
  readonly atMs: number;
}

/** Looks at a step until it is decided. */
async function judgeStep(options: RunOptions): Promise<Decided | { readonly ended: RolloutState }> {
  const { key, source, signal, target } = options;
  const step = new StepWatch(await source.open({ namespace: key.namespace, contracts: [key.contract] }));
  for (;;) {
    const observed = await patiently(options, () => observe(target, key));
    const { rollout } = observed.situation.state;
    if (rollout === undefined || !isUnderWay(rollout)) return { ended: rollout! };
    refuseChanged(options, observed, rollout);
    const decided = await patiently(options, async () => step.look(options, await giveSign(options, observed)));
    if (decided.decision.action !== "wait") return decided;
    options.onEvent({ kind: "wait", rollout, elapsedMs: step.elapsedMs, why: decided.decision.why });
    const everyMs = Math.min(LEAST_OFTEN_MS, Math.max(MOST_OFTEN_MS, rollout.intervalMs / LOOKS_PER_STEP));
    await sleep(everyMs, undefined, { signal });
  }
}

/** One step, since it began or was taken up again. */
class StepWatch {
  readonly #beganMs = performance.now();
  #restarts: ReadonlyMap<string, number> | undefined;

  constructor(readonly window: MetricsWindow) {}

  get elapsedMs(): number {
    return performance.now() - this.#beganMs;
  }

  async look({ target, key }: RunOptions, observed: Observed): Promise<Decided> {
    const rollout = underWay(observed.situation);
    const pods = observed.situation.revisions.find(({ revision }) => revision === rollout.revision)!;
    const [restarts, read] = await Promise.all([this.#newRestarts(target, key, rollout), this.#figures(key.contract)]);
    const look = { rollout, pods, restarts, figures: read.figures, elapsedMs: this.elapsedMs };
    const decision = decide(look);
    const why = read.problem !== undefined && decision.action === "wait" ? read.problem : decision.why;
    return { observed, decision: { ...decision, why }, atMs: performance.now() };
  }

  /** Figures that can't be had are no figures: the step waits for them as it waits for calls. */
  async #figures(contract: string): Promise<{ figures: ContractFigures; problem?: string }> {
    try {
      return { figures: await this.window.read(contract) };
    } catch (error) {
      if (error instanceof ClusterError) return { figures: NO_FIGURES, problem: error.message };
      throw error;
    }
  }

  /** Pods that came later may have been started again before they were ready, and still are new. */
  async #newRestarts({ cluster, resources }: Target, key: ContractKey, { revision }: RolloutState): Promise<number> {
    const pods = (await listPods(cluster, resources, key)).filter((pod) => pod.revision === revision);
    this.#restarts ??= new Map(pods.map(({ uid, restarts }) => [uid, restarts]));
    const known = this.#restarts;
    return pods.reduce((sum, { uid, restarts }) => sum + (known.has(uid) ? restarts - known.get(uid)! : 0), 0);
  }
}

/** @throws PlanError where the roll-out is not ours any more, or its weights are not those of its step */
function refuseChanged({ holder, key }: RunOptions, { situation }: Observed, rollout: RolloutState): void {
  if (rollout.holder.id !== holder.id)
    throw new PlanError(`${rollout.holder.name} has taken the roll-out over; this one ends`);
  const wanted = stepPercent(rollout);
  if (weightOf(situation.traffic, rollout.revision) === wanted) return;
  throw new PlanError(
    `somebody else changed the traffic of ${key.contract}: ${trafficWords(situation.traffic)}, and this step gives ` +
      `${rollout.revision} ${wanted}%. Was a manifest applied? Go back with \`kubectl flotilla rollout abort ${key.contract}\`, ` +
      `or on with \`kubectl flotilla rollout resume ${key.contract}\``,
  );
}

async function giveSign(options: RunOptions, observed: Observed): Promise<Observed> {
  const { seen } = underWay(observed.situation).holder;
  if (Date.now() - Date.parse(seen) < SIGN_EVERY_MS) return observed;
  try {
    return await withHolder(options, observed, new Date());
  } catch (error) {
    // The next look has another chance, and sees what came between.
    if (error instanceof ClusterError && error.passing) return observed;
    throw error;
  }
}

async function carryOut(options: RunOptions, { observed, decision, atMs }: Decided): Promise<Observed> {
  const { target, key, who, onEvent } = options;
  const { why } = decision;
  let now = observed;
  const plan = await patiently(options, async (problem) => {
    // Somebody may have changed the object since, if only a label of it.
    if (problem !== undefined) now = await observe(target, key);
    const rollout = underWay(now.situation);
    refuseChanged(options, now, rollout);
    const at = new Date().toISOString();
    const made = planOf(decision, now, rollout, at);
    await applyTraffic(target, { objects: now.objects, plan: made, author: { who, at, why }, dryRun: false });
    return made;
  });
  const after = plan.rollout!;
  if (isUnderWay(after)) onEvent({ kind: "advance", rollout: underWay(now.situation), why });
  else onEvent({ kind: "end", rollout: after, why, tookMs: performance.now() - atMs });
  return patiently(options, () => observe(target, key));
}

function planOf({ action, why }: Decision, { situation }: Observed, rollout: RolloutState, at: string): TrafficPlan {
  if (action === "back") return planBack(situation, rollout, { why, phase: "failed" });
  return action === "succeed" ? planSucceed(situation, rollout, why) : planAdvance(situation, rollout, { why, at });
}
