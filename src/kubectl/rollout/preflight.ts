import type { Channel } from "../../client/call.js";
import { CallError } from "../../client/call-error.js";
import { openChannel } from "../../client/connect.js";
import { Reflection } from "../../client/reflect.js";
import { PORT } from "../../fleet/names.js";
import { compareRevisions } from "../../testing/compare-revisions.js";
import { exceededLimits } from "../../testing/comparison-limits.js";
import type { GoldenSuite } from "../../testing/golden-suite.js";
import { type GoldenResult as CaseResult, verifyGolden } from "../../testing/golden-verify.js";
import { summarizeComparison } from "../../testing/revision-comparison.js";
import type { CallToSend } from "../../testing/send-call.js";
import type { Tolerances } from "../../testing/tolerance.js";
import type { Target } from "../apply-traffic.js";
import type { ContractKey } from "../observe.js";
import { forwardPod } from "../pod-forward.js";
import { listPods } from "../revision-pods.js";
import { PlanError } from "../traffic-plan.js";
import type { GoldenResult } from "../traffic-state.js";
import { lossesOf } from "./contract-fit.js";

/** What is found out before a revision gets calls. */
export interface PreflightOptions {
  readonly target: Target;
  readonly key: ContractKey;
  readonly revision: string;
  readonly stable: string;
  /** Undefined: nobody said where golden cases are. */
  readonly suite: GoldenSuite | undefined;
  /** Undefined: the revisions' answers are not compared. */
  readonly comparison: ComparisonOrder | undefined;
}

/** Requests that both revisions answer, and how differently they may. */
export interface ComparisonOrder {
  readonly calls: AsyncIterable<CallToSend>;
  readonly tolerances: Tolerances;
  /** Per cent of the requests whose answers may disagree. */
  readonly maxPercent: number;
}

/** What was found out. */
export interface Preflight {
  readonly findings: readonly Finding[];
  /** Undefined where there were no golden cases. */
  readonly golden: GoldenResult | undefined;
}

/** One thing that was found out. */
export interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

const DEADLINE_MS = 15_000;

/**
 * Asks pods of both revisions themselves, past the mesh: whether they serve the same contract, whether the new one passes its
 * golden cases, and how often their answers disagree. Nothing is changed.
 */
export async function preflight(options: PreflightOptions): Promise<Preflight> {
  const { target, key, revision, stable } = options;
  const [own, other] = [await openPod(target, key, revision), await openPod(target, key, stable)];
  try {
    const results = await golden(options, own.channel);
    const findings = [await fits(options, own.channel, other.channel), ...goldenFindings(options, results)];
    const { comparison } = options;
    if (comparison !== undefined) findings.push(await agrees(options, comparison, [other.channel, own.channel]));
    return { findings, golden: summaryOf(results) };
  } finally {
    await Promise.all([own.close(), other.close()]);
  }
}

interface OpenPod {
  readonly channel: Channel;
  close(): Promise<void>;
}

async function openPod({ cluster, resources }: Target, key: ContractKey, revision: string): Promise<OpenPod> {
  const pod = (await listPods(cluster, resources, key)).find((one) => one.revision === revision && one.ready);
  if (pod === undefined) throw new PlanError(`${revision} of ${key.contract} has no pod that is ready`);
  const forward = await forwardPod(cluster, { namespace: pod.namespace, pod: pod.name, port: PORT.grpc });
  const channel = openChannel(forward.target, { from: "kubectl-flotilla" });
  return {
    channel,
    close: async () => {
      channel.client.close();
      await forward.close();
    },
  };
}

async function fits({ key, revision, stable }: PreflightOptions, own: Channel, other: Channel): Promise<Finding> {
  try {
    const service = await serviceName(other, key.contract);
    const [has, got] = await Promise.all([other, own].map((channel) => reflection(channel).describe(service)));
    const losses = lossesOf(service, has!, got!);
    if (losses.length === 0) return { ok: true, text: `${revision} serves ${key.contract} as ${stable} does` };
    return { ok: false, text: `${revision} does not serve ${key.contract} as ${stable} does: ${losses.join(", ")}` };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { ok: false, text: `a pod does not say what it serves: ${error.message}` };
  }
}

async function serviceName(channel: Channel, contract: string): Promise<string> {
  const services = await reflection(channel).services();
  const found = services.find((name) => name.slice(0, name.lastIndexOf(".")) === contract);
  if (found !== undefined) return found;
  throw new PlanError(`the pods of ${contract} do not serve it, but ${services.join(", ")}`);
}

function reflection(channel: Channel): Reflection {
  return new Reflection(channel, { deadlineMs: DEADLINE_MS });
}

async function golden({ suite, revision }: PreflightOptions, own: Channel): Promise<CaseResult[]> {
  return suite === undefined ? [] : verifyGolden(own, suite.cases, { revision });
}

function goldenFindings({ suite, revision }: PreflightOptions, results: readonly CaseResult[]): Finding[] {
  const sent = results.filter(({ outcome }) => outcome !== "skipped");
  const failed = sent.filter(({ outcome }) => outcome === "failed");
  if (results.length === 0) return [];
  if (sent.length === 0)
    return [{ ok: false, text: `none of the golden cases in ${suite?.folder} is for ${revision}` }];
  if (failed.length === 0) return [{ ok: true, text: `${revision} passes its golden cases (${sent.length})` }];
  return failed.map((result) => ({ ok: false, text: `golden case ${result.name}: ${failureText(result)}` }));
}

function summaryOf(results: readonly CaseResult[]): GoldenResult | undefined {
  const count = (wanted: CaseResult["outcome"]) => results.filter(({ outcome }) => outcome === wanted).length;
  const [passed, failed] = [count("passed"), count("failed")];
  return passed + failed === 0 ? undefined : { at: new Date().toISOString(), passed, failed };
}

function failureText({ problem, disagreements, compared }: CaseResult): string {
  if (problem !== undefined) return problem;
  const [{ path, expected, got }] = disagreements as [CaseResult["disagreements"][number]];
  const first = `${path} expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`;
  return `${disagreements.length} of ${compared} values disagree; ${first}`;
}

async function agrees(
  { key, revision, stable }: PreflightOptions,
  { calls, tolerances, maxPercent }: ComparisonOrder,
  [other, own]: readonly [Channel, Channel],
): Promise<Finding> {
  const revisions = [stable, revision] as const;
  const channelOf = (asked: string) => (asked === stable ? other : own);
  const pairs = await compareRevisions(channelOf, calls, { revisions, tolerances });
  if (pairs.length === 0) return { ok: false, text: "there are no requests to compare the revisions by" };
  const summary = { contract: key.contract, revisions, worst: 0, isLocal: false };
  const comparison = summarizeComparison(pairs, summary);
  const exceeded = exceededLimits(comparison, { disagreementPercent: maxPercent });
  const said = `${revision} and ${stable} disagree on ${comparison.disagreeing} of ${comparison.requests} requests`;
  return exceeded.length === 0 ? { ok: true, text: said } : { ok: false, text: `${said}: ${exceeded.join(", ")}` };
}
