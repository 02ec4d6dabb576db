import { TIER } from "../fleet/names.js";
import { type ContractFigures, callsOf, faultPercent, figuresOf, latencyMs } from "./metrics/figures.js";
import type { Observed } from "./observe.js";
import type { ContractPod } from "./revision-pods.js";
import { type RolloutState, stepPercent } from "./rollout-state.js";
import { type Shadow, type Traffic, type Weight, weightOf } from "./traffic.js";
import type { RevisionPods } from "./traffic-plan.js";

/** A contract as an operator looks at it. */
export interface ContractStatus {
  readonly contract: string;
  readonly namespace: string;
  /** The revision that is trusted with the calls. */
  readonly stable: string;
  readonly shadow: Shadow | undefined;
  /** Who answers each cohort's calls. */
  readonly cohorts: Readonly<Record<string, readonly Weight[]>>;
  /** Revision by release. */
  readonly releases: Readonly<Record<string, string>>;
  readonly fallback: Fallback | undefined;
  readonly rollout: RolloutView | undefined;
  readonly revisions: readonly RevisionStatus[];
  /** Why there are no figures of calls, where there are none. */
  readonly problem: string | undefined;
}

export interface RevisionStatus {
  readonly revision: string;
  readonly role: "stable" | "canary" | "shadow" | "cohort" | "fallback" | "release" | "idle";
  readonly ready: number;
  readonly wanted: number;
  readonly restarts: number;
  /** Of its pods' models, shortened. */
  readonly digest: string | undefined;
  /** What the routes say, in per cent. */
  readonly weight: number;
  /** What it answered of the calls in truth, in per cent; undefined where there were none, or it answers copies alone. */
  readonly seen: number | undefined;
  /** Calls per second, copies among them. */
  readonly rate: number | undefined;
  /** Per cent that failed by the server's fault. */
  readonly errors: number | undefined;
  /** Milliseconds inside the server. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

export interface Fallback {
  readonly revision: string;
  /** Whether it answers for others. */
  readonly active: boolean;
}

/** A roll-out as a reader looks at it. */
export interface RolloutView extends Pick<RolloutState, "revision" | "stable" | "phase" | "why" | "started" | "steps"> {
  /** Of the step under way, or the last one, from 1. */
  readonly step: number;
  readonly percent: number;
  readonly by: string;
}

/** What a status is made from. */
export interface StatusInput {
  readonly observed: Observed;
  readonly pods: readonly ContractPod[];
  /** Undefined where they can't be had. */
  readonly figures: ContractFigures | undefined;
  readonly problem?: string | undefined;
}

/** Characters of a digest that tell models apart. */
const DIGEST_LENGTH = 12;

/** Puts together what is known of a contract. */
export function contractStatus({ observed, pods, figures, problem }: StatusInput): ContractStatus {
  const { objects, situation } = observed;
  const { traffic, state } = situation;
  const own = pods.filter((pod) => pod.contract === objects.contract && pod.namespace === objects.namespace);
  const fallback = own.find((pod) => pod.tier === TIER.fallback)?.revision;
  const roles = { traffic, stable: state.stable.current, fallback };
  const answered = answeredCalls(situation.revisions, roles, figures);
  return {
    contract: objects.contract,
    namespace: objects.namespace,
    stable: state.stable.current,
    shadow: traffic.shadow,
    cohorts: Object.fromEntries(traffic.cohorts),
    releases: Object.fromEntries(traffic.releases),
    fallback: fallback === undefined ? undefined : { revision: fallback, active: isActive(fallback, traffic, figures) },
    rollout: state.rollout && rolloutView(state.rollout),
    problem,
    revisions: situation.revisions.map((revision) => {
      return revisionStatus(revision, { roles, pods: own, figures, answered });
    }),
  };
}

interface Roles {
  readonly traffic: Traffic;
  readonly stable: string;
  readonly fallback: string | undefined;
}

interface RevisionInput {
  readonly roles: Roles;
  readonly pods: readonly ContractPod[];
  readonly figures: ContractFigures | undefined;
  /** Calls of all revisions, copies left out. */
  readonly answered: number;
}

function revisionStatus({ revision, ready, wanted }: RevisionPods, input: RevisionInput): RevisionStatus {
  const { roles, figures, answered } = input;
  const pods = input.pods.filter((pod) => pod.revision === revision);
  const own = figures && figuresOf(figures, revision);
  const role = roleOf(revision, roles);
  const calls = own && callsOf(own);
  return {
    revision,
    role,
    ready,
    wanted,
    restarts: pods.reduce((sum, pod) => sum + pod.restarts, 0),
    digest: pods.find((pod) => pod.digest !== undefined)?.digest?.slice(0, DIGEST_LENGTH),
    weight: weightOf(roles.traffic, revision),
    seen: calls === undefined || answered === 0 || role === "shadow" ? undefined : (100 * calls) / answered,
    rate: calls === undefined || figures!.seconds === 0 ? undefined : calls / figures!.seconds,
    errors: own && faultPercent(own),
    p50: own && latencyMs(0.5, own),
    p99: own && latencyMs(0.99, own),
  };
}

function roleOf(revision: string, { traffic, stable, fallback }: Roles): RevisionStatus["role"] {
  if (revision === stable && weightOf(traffic, revision) > 0) return "stable";
  if (weightOf(traffic, revision) > 0) return "canary";
  if (traffic.shadow?.revision === revision) return "shadow";
  if (revision === fallback) return "fallback";
  if (cohortRevisions(traffic).includes(revision)) return "cohort";
  return [...traffic.releases.values()].includes(revision) ? "release" : "idle";
}

function answeredCalls(revisions: readonly RevisionPods[], roles: Roles, figures: ContractFigures | undefined): number {
  if (figures === undefined) return 0;
  const answering = revisions.filter(({ revision }) => roleOf(revision, roles) !== "shadow");
  return answering.reduce((sum, { revision }) => sum + callsOf(figuresOf(figures, revision)), 0);
}

/** It has no calls of its own, and yet it has some. */
function isActive(fallback: string, traffic: Traffic, figures: ContractFigures | undefined): boolean {
  const steered = [...cohortRevisions(traffic), ...traffic.releases.values(), traffic.shadow?.revision];
  const own = weightOf(traffic, fallback) > 0 || steered.includes(fallback);
  return !own && figures !== undefined && callsOf(figuresOf(figures, fallback)) > 0;
}

function cohortRevisions({ cohorts }: Traffic): string[] {
  return [...cohorts.values()].flat().map(({ revision }) => revision);
}

function rolloutView(rollout: RolloutState): RolloutView {
  const { revision, stable, phase, why, started, steps, step, holder } = rollout;
  const percent = stepPercent(rollout);
  return { revision, stable, phase, why, started, steps, step: step + 1, percent, by: holder.name };
}
