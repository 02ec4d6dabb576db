import type { PathStep } from "./findings.js";
import { show } from "./findings.js";
import { DELIVERED, workloadName } from "./names.js";
import { nearest } from "./nearest.js";
import { deadlineOf } from "./revision-rules.js";
import { type ContractUnderRules, parsed, part, type RuleReport } from "./rule-report.js";
import { ContractSchema, DEFAULTS, TrafficSchema } from "./schema.js";
import { clusterFields } from "./schema-cluster.js";
import { formatMs, toMs } from "./units.js";

/** Contracts call contracts of the same fleet, and no chain of calls comes back to where it began. */
export function checkCalls(all: readonly ContractUnderRules[], report: RuleReport): void {
  const graph = new Map<string, readonly string[]>();
  for (const { contract } of all) {
    const name = part(contract, "name");
    if (typeof name === "string") graph.set(name, callsOf(contract));
  }
  for (const { contract, path } of all) {
    for (const [index, callee] of callsOf(contract).entries()) {
      const at = [...path, "calls", index];
      if (!graph.has(callee)) {
        const meant = nearest(callee, graph.keys());
        const fix = meant === undefined ? `the fleet has ${[...graph.keys()].join(", ")}` : `did you mean ${meant}?`;
        report.add(at, `no contract is called ${show(callee)}`, fix);
      } else if (reaches(graph, callee, part(contract, "name"))) {
        const message = `${callee} leads back to ${show(part(contract, "name"))}: a call could go round for ever`;
        report.add(at, message, "take one of the calls out");
      }
    }
  }
}

/** Whom a composition calls has to be done while there is time left to answer. */
export function checkBudgets(all: readonly ContractUnderRules[], report: RuleReport): void {
  const deadlines = new Map(all.map((under) => [part(under.contract, "name"), deadlineOf(under)]));
  for (const under of all) {
    const { contract, path } = under;
    if (!isComposed(contract)) continue;
    const reserveMs = parsed(ContractSchema.shape.reserve, part(contract, "reserve")) ?? toMs(DEFAULTS.reserve);
    const leftMs = deadlineOf(under) - reserveMs;
    for (const [index, callee] of callsOf(contract).entries()) {
      const calleeMs = deadlines.get(callee);
      if (calleeMs === undefined || calleeMs <= leftMs) continue;
      const message = `${callee} may take ${formatMs(calleeMs)}, and of the deadline of ${formatMs(deadlineOf(under))} it has ${formatMs(Math.max(0, leftMs))}`;
      const fix = `give this contract a deadline of ${formatMs(calleeMs + reserveMs)} or more, or ${callee} a shorter one`;
      report.add([...path, "calls", index], message, fix);
    }
  }
}

function isComposed(contract: unknown): boolean {
  const revisions = part(contract, "revisions");
  if (typeof revisions !== "object" || revisions === null) return false;
  return Object.values(revisions).some((revision) => part(revision, "module") !== undefined);
}

/** Whom a contract's code calls, as far as that is in the right form. */
export function callsOf(contract: unknown): readonly string[] {
  return parsed(ContractSchema.shape.calls, part(contract, "calls")) ?? [];
}

function reaches(graph: ReadonlyMap<string, readonly string[]>, from: string, to: unknown): boolean {
  const seen = new Set<string>();
  const waiting = [from];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (name === to) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    waiting.push(...(graph.get(name) ?? []));
  }
  return false;
}

/** A contract that the ingress shall lead to needs an ingress, and the two kinds have settings of their own. */
export function checkIngress(spec: unknown, all: readonly ContractUnderRules[], report: RuleReport): void {
  const raw = part(spec, "ingress");
  for (const { contract, path } of all) {
    if (part(contract, "ingress") !== true || raw !== undefined) continue;
    const fix = "write spec.ingress: { via: istio, host: …, tls: { secret: … } }";
    report.add([...path, "ingress"], "the fleet has no ingress", fix);
  }
  const ingress = parsed(clusterFields.ingress, raw);
  if (ingress?.via === "gateway-api" && ingress.tls.mutual) {
    report.add(["spec", "ingress", "tls", "mutual"], "only works with via: istio", "leave it out, or write via: istio");
  }
  const others = ingress?.via === "istio" ? ["class"] : ["label", "serviceAccount"];
  for (const key of others) {
    if (part(ingress?.gateway, key) === undefined) continue;
    report.add(["spec", "ingress", "gateway", key], `does nothing with via: ${ingress!.via}`, "leave it out");
  }
}

/** A revision's subset must not have the name of one that the mesh needs beside it. */
export function checkSubsets({ contract, path, revisions, report }: ContractUnderRules): void {
  const fallback = part(part(contract, "fallback"), "revision");
  const engine = part(part(contract, "delivery"), "engine");
  for (const name of revisions) {
    const guarded = typeof fallback === "string" && revisions.some((other) => name === `${other}-or-${fallback}`);
    if (!guarded && !(engine === "argo" && ["stable", "canary"].includes(name))) continue;
    report.addAtKey(
      [...path, "revisions", name],
      "the mesh has a subset of this name",
      "give the revision another name",
    );
  }
}

/**
 * Longest names of what each engine rolls out. Engines tell new pods from old ones by name, and Kubernetes cuts a pod's name
 * after 58 characters and adds 5 of its own. Before that come `-` and up to 10 digits, and with Flagger `-primary`.
 */
const LONGEST_DELIVERED = { argo: 46, flagger: 38 } as const;

/** An engine rolls out changes of one revision that has all the traffic, and judges them by Prometheus. */
export function checkDelivery(spec: unknown, under: ContractUnderRules): void {
  const { contract, path, revisions, report } = under;
  if (part(contract, "delivery") === undefined) return;
  const at: readonly PathStep[] = [...path, "delivery"];
  const traffic = parsed(TrafficSchema, part(contract, "traffic"));
  const shares = traffic === undefined ? revisions : Object.entries(traffic).filter(([, share]) => share > 0);
  if (shares.length !== 1) {
    const message = `${shares.length} revisions have traffic, and an engine shifts it between states of one`;
    report.add(at, message, "give one revision 100, or leave delivery out");
  }
  if (part(contract, "fallback") !== undefined) {
    report.add(at, "an engine's subsets have no fallback", "leave one of the two out");
  }
  checkDeliveredName(at, under);
  if (part(part(contract, "delivery"), "engine") === "flagger") checkFlagger(at, under);
  checkJudgement(spec, at, under);
}

/** The engine asks Prometheus how the new state does, and Prometheus the pods. */
function checkJudgement(spec: unknown, at: readonly PathStep[], { report }: ContractUnderRules): void {
  const prometheus = part(part(spec, "telemetry"), "prometheus");
  if (part(prometheus, "address") === undefined) {
    const fix = "write spec.telemetry.prometheus.address: http://prometheus.monitoring:9090";
    report.add(at, "the engine does not know where to ask how the new state does", fix);
  }
  if (part(prometheus, "scraper") === undefined) {
    const fix = "write spec.telemetry.prometheus.scraper: monitoring/prometheus";
    report.add(at, "nobody may read the metrics that the new state is judged by", fix);
  }
}

function checkDeliveredName(at: readonly PathStep[], { contract, path, revisions, report }: ContractUnderRules): void {
  if (revisions.includes(DELIVERED)) {
    const message = `what an engine rolls out is called ${DELIVERED} in the cluster`;
    report.addAtKey([...path, "revisions", DELIVERED], message, "give the revision another name");
  }
  const [name, engine] = [part(contract, "name"), part(part(contract, "delivery"), "engine")];
  if (typeof name !== "string" || (engine !== "argo" && engine !== "flagger")) return;
  const delivered = workloadName(name, DELIVERED);
  if (delivered.length <= LONGEST_DELIVERED[engine]) return;
  const message = `${delivered} has ${delivered.length} characters, and the names of its pods would be cut`;
  report.add(at, message, `give the contract a name that makes it ${LONGEST_DELIVERED[engine]} at most`);
}

/** Flagger writes the routes itself, with one for all calls, and tells pods apart by the contract's name alone. */
function checkFlagger(at: readonly PathStep[], { contract, revisions, report }: ContractUnderRules): void {
  if (revisions.length > 1) {
    const message = `Flagger would take the pods of all ${revisions.length} revisions for those of one`;
    report.add(at, message, "leave one revision, or write engine: argo");
  }
  const cohorts = part(contract, "cohorts");
  if (typeof cohorts === "object" && cohorts !== null && Object.keys(cohorts).length > 0) {
    report.add(at, "Flagger's routes know no cohorts", "leave cohorts out, or write engine: argo");
  }
  if (part(contract, "ingress") === true) {
    report.add(at, "Flagger's routes are not the ingress'", "leave ingress out, or write engine: argo");
  }
}
