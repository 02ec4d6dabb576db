import { createData } from "../contract/datatype.js";
import { formatSpec, type Signature, type TensorSpec } from "../contract/signature.js";
import type { Tensor } from "../contract/tensor.js";
import { joinCalls, type Padding, type PaddingSettings, splitCalls } from "./padding.js";
import { isClose, probe } from "./row-check.js";
import type { RunModel } from "./transform-runner.js";
import { FREE_DIMENSIONS } from "./warm-up.js";

/** Lengths of two rows that are tried beside each other: models of text take any, models of sound want some length. */
const LENGTHS = [
  [3, 7],
  [16, 32],
  [320, 640],
] as const;

/** Whether calls of other lengths can share a run, and why not. */
export type PaddingCheck =
  | { readonly padding: Padding; readonly problem?: undefined }
  | { readonly padding?: undefined; readonly problem: string };

/** What is wrong with the settings for a model of such inputs; undefined: nothing. */
export function paddingProblem({ inputs }: Signature, { axis, values }: PaddingSettings): string | undefined {
  for (const [name, value] of Object.entries(values)) {
    const spec = inputs.find((input) => input.name === name);
    if (spec === undefined)
      return `the model has no input "${name}"; it has ${inputs.map((input) => `"${input.name}"`).join(", ")}`;
    if (spec.shape[axis] !== -1) return `input "${name}" is ${formatSpec(spec)}: its dimension ${axis} is not free`;
    const fit = valueProblem(spec, value);
    if (fit !== undefined) return `input "${name}" is ${formatSpec(spec)}: ${fit}`;
  }
  return undefined;
}

function valueProblem({ datatype }: TensorSpec, value: number): string | undefined {
  if (datatype === "BYTES") return "texts can't be filled up";
  if (datatype === "FP16")
    return value === 0 ? undefined : `expected 0, the only value that FP16 is filled up with, got ${value}`;
  const data = createData(datatype, 1);
  const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  if (data instanceof Float32Array || data instanceof Float64Array) return undefined;
  if (isWide) return Number.isSafeInteger(value) ? undefined : `expected a whole number, got ${value}`;
  (data as Int32Array)[0] = value;
  return data[0] === value ? undefined : `expected a value that ${datatype} holds, got ${value}`;
}

/**
 * Tries a model with a short row beside a long one: each has to get the answer that it gets alone. What its outputs do
 * tells which of them have the dimension, too.
 */
export async function checkPadding(
  signature: Signature,
  settings: PaddingSettings,
  run: RunModel,
): Promise<PaddingCheck> {
  const problem = paddingProblem(signature, settings);
  if (problem !== undefined) return { problem };
  for (const free of FREE_DIMENSIONS) {
    for (const lengths of LENGTHS) {
      const calls = lengths.map((length, index) => probe(ofLength(signature, settings, length), free, index + 1));
      try {
        return await compare(calls, { lengths, settings, run });
      } catch {
        // Not a size that the model takes: try the next.
      }
    }
  }
  return { problem: "the model refuses every input that was tried, so that it can't be seen whether it takes it" };
}

async function compare(
  calls: readonly Tensor[][],
  { lengths, settings, run }: { lengths: readonly number[]; settings: PaddingSettings; run: RunModel },
): Promise<PaddingCheck> {
  const alone: Tensor[][] = [];
  for (const call of calls) alone.push(await run(call));
  const grows = (index: number) => lengths.every((length, at) => alone[at]![index]!.shape[settings.axis] === length);
  const cut = alone[0]!.flatMap(({ name }, index) => (grows(index) ? [name] : []));
  const padding = { ...settings, cut };
  const beside = splitCalls(await run(joinCalls(calls, padding)), calls, padding);
  for (const [at, outputs] of alone.entries()) {
    const differs = outputs.find((output, index) => !isSame(output, beside?.[at]?.[index]));
    if (differs) return { problem: `"${differs.name}" of a short row is another one beside a longer row` };
  }
  return { padding };
}

/** By the largest value: what a model gives may be small throughout. */
function isSame(alone: Tensor, beside: Tensor | undefined): boolean {
  if (beside === undefined || beside.shape.join() !== alone.shape.join()) return false;
  let largest = 0;
  for (const value of alone.data) if (typeof value !== "string") largest = Math.max(largest, Math.abs(Number(value)));
  return isClose(beside.data, alone.data, largest);
}

function ofLength({ inputs, outputs }: Signature, { axis, values }: PaddingSettings, length: number): Signature {
  const fixed = inputs.map((spec) => {
    if (!Object.hasOwn(values, spec.name)) return spec;
    return { ...spec, shape: spec.shape.map((dimension, at) => (at === axis ? length : dimension)) };
  });
  return { inputs: fixed, outputs };
}
