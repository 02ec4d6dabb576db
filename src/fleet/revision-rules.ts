import type { PathStep } from "./findings.js";
import { checkPath } from "./paths.js";
import { mergeTuning } from "./resolve.js";
import { type ContractUnderRules, parsed, part } from "./rule-report.js";
import { ContractSchema, DEFAULTS, FallbackSchema, RetriesSchema, RevisionSchema } from "./schema.js";
import { formatMs, toMs } from "./units.js";

/** Two tries of those with traffic, and one of the fallback. */
const FALLBACK_TRIES = 3;

/** Tries, and the wait for a slow revision, fit into the contract's deadline. */
export function checkTimes(under: ContractUnderRules): void {
  const { contract, path, report } = under;
  const deadlineMs = deadlineOf(under);
  const retries = parsed(RetriesSchema, part(contract, "retries"));
  if (retries !== undefined) {
    const tries = retries.attempts + 1;
    const totalMs = tries * retries.perTry;
    if (totalMs > deadlineMs) {
      const sum = `${tries} tries of ${formatMs(retries.perTry)} take ${formatMs(totalMs)}`;
      const fix = `give perTry at most ${formatMs(Math.floor(deadlineMs / tries))}, or a longer deadline`;
      report.add([...path, "retries"], `${sum}, longer than the deadline of ${formatMs(deadlineMs)}`, fix);
    }
  }
  const latencyOver = parsed(FallbackSchema, part(contract, "fallback"))?.when?.latencyOver;
  if (latencyOver !== undefined && latencyOver >= deadlineMs) {
    const message = `${formatMs(latencyOver)} is not shorter than the deadline of ${formatMs(deadlineMs)}`;
    report.add([...path, "fallback", "when", "latencyOver"], message, "shorten it, or give a longer deadline");
  } else if (latencyOver !== undefined && retries === undefined && FALLBACK_TRIES * latencyOver > deadlineMs) {
    // Istio sends the second retry to the fallback, not the first.
    const message = `the fallback is the third try, after ${formatMs(2 * latencyOver)} of ${formatMs(deadlineMs)}`;
    const fix = `give at most ${formatMs(Math.floor(deadlineMs / FALLBACK_TRIES))}, or a longer deadline`;
    report.add([...path, "fallback", "when", "latencyOver"], message, fix);
  }
}

/** How long a call of a contract may take, in milliseconds. */
export function deadlineOf({ contract, defaults }: ContractUnderRules): number {
  return (
    parsed(ContractSchema.shape.deadline, part(contract, "deadline")) ?? defaults.deadline ?? toMs(DEFAULTS.deadline)
  );
}

/** Paths stay in the fleet's folder, and what a revision says fits what the defaults say. */
export function checkRevisions(under: ContractUnderRules): void {
  const { contract, path, revisions } = under;
  checkFile(part(contract, "transform"), [...path, "transform"], under);
  checkFile(part(contract, "example"), [...path, "example"], under);
  for (const name of revisions) {
    const revisionPath = [...path, "revisions", name];
    const revision = part(part(contract, "revisions"), name);
    checkFile(part(revision, "model"), [...revisionPath, "model"], under);
    checkFile(part(revision, "module"), [...revisionPath, "module"], under);
    checkKind(revision, revisionPath, under);
    checkBatching(revision, revisionPath, under);
    checkReplicas(revision, revisionPath, under);
    checkResources(revision, revisionPath, under);
  }
}

/** What says how a model is run, and where a pod gets it from. */
const OF_MODELS = ["source", "batching", "workers", "threads"] as const;

/** A revision is a model or a composition, and has the settings of what it is. */
function checkKind(revision: unknown, path: readonly PathStep[], { report }: ContractUnderRules): void {
  if (typeof revision !== "object" || revision === null || Array.isArray(revision)) return;
  const [isModel, isComposition] = ["model", "module"].map((key) => part(revision, key) !== undefined);
  if (isModel && isComposition) {
    const message = "a revision is a model or a composition of other contracts, this one names both";
    report.add([...path, "module"], message, "leave model or module out, or make two revisions");
  }
  if (!isModel && !isComposition) {
    const fix = "write model: with its .onnx file, or module: with a composition's";
    report.add(path, "names neither a model nor a module", fix);
  }
  const useless = isComposition ? OF_MODELS : (["bundled"] as const);
  for (const key of useless) {
    if (part(revision, key) === undefined) continue;
    report.add([...path, key], `does nothing for a ${isComposition ? "composition" : "model"}`, "leave it out");
  }
}

function checkFile(file: unknown, path: readonly PathStep[], { report, root }: ContractUnderRules): void {
  if (typeof file !== "string") return;
  const problem = checkPath(root, file);
  if (problem !== undefined) report.add(path, problem.message, problem.fix);
}

function checkBatching(revision: unknown, path: readonly PathStep[], under: ContractUnderRules): void {
  const own = parsed(RevisionSchema.shape.batching, part(revision, "batching"));
  const { maxSize, maxDelay } = mergeTuning(under.defaults, { batching: own }).batching;
  const ownPath = [...path, "batching", "maxDelay"];
  if (own?.maxDelay !== undefined && maxSize === 1 && maxDelay > 0) {
    under.report.add(ownPath, "does nothing, as maxSize is 1", "give a maxSize above 1, such as 16");
  }
  if (own?.padding !== undefined && maxSize === 1)
    under.report.add(
      [...path, "batching", "padding"],
      "does nothing, as maxSize is 1",
      "give a maxSize above 1, such as 16",
    );
  const deadlineMs = deadlineOf(under);
  if (maxSize > 1 && maxDelay >= deadlineMs) {
    const message = `calls would wait ${formatMs(maxDelay)}, not shorter than the deadline of ${formatMs(deadlineMs)}`;
    under.report.add(ownPath, message, "shorten maxDelay; a few milliseconds are usual");
  }
}

function checkReplicas(revision: unknown, path: readonly PathStep[], under: ContractUnderRules): void {
  const own = parsed(RevisionSchema.shape.replicas, part(revision, "replicas"));
  const { min, max } = mergeTuning(under.defaults, { replicas: own }).replicas;
  if (min > max)
    under.report.add([...path, "replicas"], `min ${min} is more than max ${max}`, "raise max or lower min");
}

function checkResources(revision: unknown, path: readonly PathStep[], under: ContractUnderRules): void {
  const own = parsed(RevisionSchema.shape.resources, part(revision, "resources"));
  const { cpu, cpuRequest } = mergeTuning(under.defaults, { resources: own }).resources;
  if (cpuRequest <= cpu) return;
  const message = `asks for ${cpuRequest} processors and may use ${cpu}`;
  under.report.add([...path, "resources"], message, "lower cpuRequest or raise cpu");
}
