import { z } from "zod";
import { CPU_PATTERN, DURATION_PATTERN, SIZE_PATTERN, toBytes, toCpu, toMs } from "./units.js";

/**
 * The kinds of values in a fleet file. Each error text says what was expected and, after a semicolon, what to write;
 * schema-findings.ts adds what came instead.
 */

const MAX_DURATION_MS = 24 * 60 * 60_000;

/** A duration, in milliseconds once read. */
export function duration(least: "above zero" | "zero or more") {
  const error = `expected a duration ${least}, at most 1440m; write it as 200ms, 2s or 1m`;
  return z
    .string(error)
    .regex(DURATION_PATTERN, error)
    .refine((text) => {
      // Zod runs this on texts that failed the pattern, too.
      if (!DURATION_PATTERN.test(text)) return true;
      return toMs(text) <= MAX_DURATION_MS && (toMs(text) > 0 || least === "zero or more");
    }, error)
    .transform(toMs);
}

/** A whole number. */
export function count(least: number, most: number) {
  const error = `expected a whole number from ${least} to ${most}`;
  return z.int(error).min(least, error).max(most, error);
}

/** A share of a hundred, fractions allowed. */
export function percent(least: "above zero" | "zero or more") {
  const error = `expected a number ${least === "above zero" ? "above 0" : "from 0"}, at most 100`;
  const number = z.number(error).max(100, error);
  return least === "above zero" ? number.gt(0, error) : number.min(0, error);
}

const SIZE_ERROR = "expected a size with its unit; write it as 512Mi or 2Gi";
/** A size, in bytes once read. */
export const size = z
  .string(SIZE_ERROR)
  .regex(SIZE_PATTERN, SIZE_ERROR)
  .refine((text) => !SIZE_PATTERN.test(text) || (toBytes(text) > 0 && toBytes(text) <= 2 ** 50), SIZE_ERROR)
  .transform(toBytes);

const CPU_ERROR = "expected processors, from 1m to 1024; write them as 1, 0.5 or 500m";
/** Processors. */
export const cpu = z
  .union([z.number(CPU_ERROR), z.string(CPU_ERROR).regex(CPU_PATTERN, CPU_ERROR)], CPU_ERROR)
  .refine((value) => {
    if (typeof value === "string" && !CPU_PATTERN.test(value)) return true;
    return toCpu(value) >= 0.001 && toCpu(value) <= 1024;
  }, CPU_ERROR)
  .transform(toCpu);

/** A text of one form. */
export function word(pattern: RegExp, longest: number, error: string) {
  return z.string(error).regex(pattern, error).max(longest, error);
}

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const LABEL_VALUE = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
/** `namespace/serviceaccount`. */
export const CALLER = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** A DNS label. */
export const label = (what: string) =>
  word(DNS_LABEL, 63, `expected ${what} of small letters, digits and hyphens, at most 63`);

/** A revision's name; it becomes a label's value on its pods. */
export const RevisionName = word(
  LABEL_VALUE,
  63,
  "expected a revision's name of letters, digits, points, hyphens and underscores, at most 63; write it as r1",
).meta({ description: "Name of a revision. Text: put it in quotes where YAML would read a number." });

/** A cohort's name. */
export const CohortName = word(
  LABEL_VALUE,
  63,
  "expected a cohort's name of letters, digits, points, hyphens and underscores, at most 63; write it as beta",
).meta({ description: "Value of the header x-flotilla-cohort." });

/** A release's name. */
export const ReleaseName = word(
  LABEL_VALUE,
  63,
  "expected a release's name of letters, digits, points, hyphens and underscores, at most 63; write it as 2026-11",
).meta({
  description: "Value of the header x-flotilla-release. Text: put it in quotes where YAML would read a number.",
});

/** A path with one of some endings. */
export function path(what: string, endings: readonly string[]) {
  const error = `expected the path of ${what}, relative to the fleet file, ending in ${endings.join(" or ")}`;
  const pattern = new RegExp(`(${endings.map((ending) => ending.replace(".", "\\.")).join("|")})$`);
  return word(pattern, 1024, error);
}

/** What one pod asks for and may use. */
export function resources(defaults: { readonly cpu: number; readonly memory: string }) {
  return z
    .strictObject({
      cpu: cpu.optional().meta({
        description: "Processors of one pod: 1, 0.5 or 500m. The most it may use, and what it asks for.",
        default: defaults.cpu,
      }),
      cpuRequest: cpu.optional().meta({
        description:
          "Processors that one pod asks for, where that is less than it may use: more pods fit on a node, and share it when all are busy.",
      }),
      memory: size.optional().meta({
        description: "Memory of one pod: 512Mi, 2Gi. Asked for, and the most it may use.",
        default: defaults.memory,
      }),
    })
    .meta({ description: "What one pod asks for and may use." });
}
