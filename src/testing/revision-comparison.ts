import type { Disagreement } from "./compare-messages.js";
import type { AnsweredPair } from "./compare-revisions.js";
import { categoricalDrift, type Drift, numericDrift, quantile, sorted } from "./drift.js";
import { leafValues } from "./leaf-values.js";
import type { Answered } from "./send-call.js";

/** One field of the answers, looked at over all requests. */
export interface FieldComparison {
  readonly field: string;
  /** Values of it that were compared, and those of them that disagree. */
  readonly compared: number;
  readonly disagreeing: number;
  /** Of numbers. */
  readonly largestDifference: number | undefined;
  readonly meanDifference: number | undefined;
  /** Undefined where the field has no values, or too many different texts to call them categories. */
  readonly drift: Drift | undefined;
  /** The values, for charts: of the baseline, and of the candidate. */
  readonly values: readonly [baseline: readonly (number | string)[], candidate: readonly (number | string)[]];
}

/** One revision's calls. Times are in milliseconds; NaN where nothing was measured. */
export interface RevisionFigures {
  readonly revision: string;
  readonly calls: number;
  readonly failed: number;
  /** As the caller sees them. */
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  /** The model's own run, by the server's account, middle of all calls. */
  readonly inferMs: number;
  /** Processor time of a call, caller and server together, mean of all calls; NaN for servers elsewhere. */
  readonly cpuMs: number;
  /** Elapsed times in the order of the requests, for charts. */
  readonly elapsedMs: readonly number[];
}

/** What two revisions make of the same requests. */
export interface RevisionComparison {
  readonly contract: string;
  readonly requests: number;
  /** Requests whose answers disagree anywhere. */
  readonly disagreeing: number;
  /** Requests that the baseline answers and the candidate does not. */
  readonly newFailures: number;
  /** Those that disagree most first. */
  readonly fields: readonly FieldComparison[];
  readonly figures: readonly [baseline: RevisionFigures, candidate: RevisionFigures];
  /** Pairs that disagree, the worst first. */
  readonly worst: readonly AnsweredPair[];
}

/** What is to be made of pairs. */
export interface SummaryOptions {
  readonly contract: string;
  readonly revisions: readonly [baseline: string, candidate: string];
  /** Pairs that are kept as the worst. */
  readonly worst: number;
  /** Whether the server is this process, and its processor time so known. */
  readonly isLocal: boolean;
}

/** Texts beyond this many different ones are no categories. */
const MAX_CATEGORIES = 50;

/** What pairs of answers say of two revisions. */
export function summarizeComparison(pairs: readonly AnsweredPair[], options: SummaryOptions): RevisionComparison {
  const disagreeing = pairs.filter(({ disagreements }) => disagreements.length > 0);
  const fields = compareFields(pairs);
  const byBadness = disagreeing.toSorted((one, other) => badness(other, fields) - badness(one, fields));
  return {
    contract: options.contract,
    requests: pairs.length,
    disagreeing: disagreeing.length,
    newFailures: pairs.filter(({ answers: [one, other] }) => !one.error && other.error).length,
    fields,
    figures: [figures(pairs, 0, options), figures(pairs, 1, options)],
    worst: byBadness.slice(0, options.worst),
  };
}

function compareFields(pairs: readonly AnsweredPair[]): FieldComparison[] {
  const disagreements = new Map<string, Disagreement[]>();
  const compared = new Map<string, number>();
  const values = new Map<string, [(number | string)[], (number | string)[]]>();
  for (const pair of pairs) {
    for (const one of pair.disagreements) append(disagreements, one.field, one);
    for (const [field, count] of pair.compared) compared.set(field, (compared.get(field) ?? 0) + count);
    for (const side of [0, 1] as const) addValues(values, pair, side);
  }
  const names = [...new Set([...compared.keys(), ...disagreements.keys()])].filter((name) => name !== "");
  return names
    .map((field) =>
      fieldComparison(field, {
        compared: compared.get(field) ?? 0,
        found: disagreements.get(field) ?? [],
        values: values.get(field) ?? [[], []],
      }),
    )
    .sort((one, other) => share(other) - share(one) || (other.drift?.psi ?? 0) - (one.drift?.psi ?? 0));
}

function addValues(
  values: Map<string, [(number | string)[], (number | string)[]]>,
  { call, answers }: AnsweredPair,
  side: 0 | 1,
): void {
  // Where one refused, the other's values would shift the distribution, and nothing drifted.
  if (answers.some(({ error }) => error)) return;
  for (const message of answers[side].messages) {
    for (const leaf of leafValues(call.found.method.output, message).values()) {
      const known = values.get(leaf.field) ?? [[], []];
      known[side].push(...leaf.values);
      values.set(leaf.field, known);
    }
  }
}

function fieldComparison(
  field: string,
  { compared, found, values }: { compared: number; found: readonly Disagreement[]; values: FieldComparison["values"] },
): FieldComparison {
  const differences = found
    .map(({ difference }) => difference)
    .filter((one) => one !== undefined && !Number.isNaN(one));
  const sum = differences.reduce<number>((total, difference) => total + difference!, 0);
  return {
    field,
    compared,
    disagreeing: found.length,
    largestDifference: differences.length === 0 ? undefined : Math.max(...(differences as number[])),
    meanDifference: differences.length === 0 ? undefined : sum / differences.length,
    drift: driftOf(values),
    values,
  };
}

function driftOf([first, second]: FieldComparison["values"]): Drift | undefined {
  if (first.length === 0 || second.length === 0) return undefined;
  if (typeof first[0] === "number") return numericDrift(first as number[], second as number[]);
  if (new Set([...first, ...second]).size > MAX_CATEGORIES) return undefined;
  return categoricalDrift(first as string[], second as string[]);
}

function share({ compared, disagreeing }: FieldComparison): number {
  return disagreeing / Math.max(1, compared);
}

function figures(pairs: readonly AnsweredPair[], side: 0 | 1, { revisions, isLocal }: SummaryOptions): RevisionFigures {
  const answers = pairs.map((pair) => pair.answers[side]);
  const elapsed = sorted(answers.map(({ elapsedMs }) => elapsedMs));
  const infer = sorted(answers.flatMap(({ server }: Answered) => server?.inferMs ?? []));
  const cpu = pairs.reduce((sum, pair) => sum + pair.cpuMs[side], 0);
  return {
    revision: revisions[side],
    calls: pairs.length,
    failed: answers.filter(({ error }) => error).length,
    p50Ms: quantile(elapsed, 0.5),
    p90Ms: quantile(elapsed, 0.9),
    p99Ms: quantile(elapsed, 0.99),
    inferMs: quantile(infer, 0.5),
    cpuMs: isLocal ? cpu / Math.max(1, pairs.length) : Number.NaN,
    elapsedMs: answers.map(({ elapsedMs }) => elapsedMs),
  };
}

/** How bad a pair is: a refusal above all, then by how far its values are apart, of the most that any pair's are. */
function badness({ disagreements }: AnsweredPair, fields: readonly FieldComparison[]): number {
  const largest = new Map(fields.map(({ field, largestDifference }) => [field, largestDifference]));
  return disagreements.reduce((sum, { field, difference }) => {
    if (field === "") return sum + 1e9;
    const most = largest.get(field);
    return sum + (difference === undefined || Number.isNaN(difference) || !most ? 1 : difference / most);
  }, 0);
}

function append<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
