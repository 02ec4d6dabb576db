import { InvalidArgumentError } from "commander";
import type { Tolerance } from "../testing/tolerance.js";

/** Tolerances as the command line gives them, by field. */
export type WrittenTolerances = Readonly<Record<string, Tolerance>>;

/**
 * Reads `FIELD=ABSOLUTE[,RELATIVE]` and `FIELD=ignore`, and adds it to those before it.
 * @throws InvalidArgumentError
 */
export function addTolerance(text: string, known: WrittenTolerances = {}): WrittenTolerances {
  const [, field, value] = /^([\w.]+)=(.+)$/.exec(text) ?? [];
  if (field === undefined) throw new InvalidArgumentError("expected FIELD=ABSOLUTE[,RELATIVE] or FIELD=ignore");
  if (value === "ignore") return { ...known, [field]: { ignore: true } };
  const numbers = value!.split(",").map(Number);
  if (numbers.length > 2 || !numbers.every((number) => number >= 0)) {
    throw new InvalidArgumentError(`expected "${value}" to be one or two numbers, or ignore`);
  }
  const [absolute, relative] = numbers;
  return { ...known, [field]: relative === undefined ? { absolute } : { absolute, relative } };
}
