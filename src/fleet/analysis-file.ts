import { z } from "zod";
import { FleetError, formatPath, type PathStep } from "./findings.js";
import { readFleetText } from "./read.js";
import { count, duration, percent } from "./schema-values.js";
import { YamlTree } from "./yaml-tree.js";

const STEPS_ERROR = "expected rising whole per cent, the last one 100";

/** The steps of a roll-out, in per cent. */
export const StepsSchema = z
  .array(count(1, 100), STEPS_ERROR)
  .min(1, STEPS_ERROR)
  .refine((steps) => steps.every((step, index) => index === 0 || step > steps[index - 1]!), STEPS_ERROR)
  .refine((steps) => steps.at(-1) === 100, STEPS_ERROR);

const AnalysisSchema = z.strictObject({
  steps: StepsSchema.optional(),
  interval: duration("above zero").optional(),
  /** Calls of the revision that a judgement takes. */
  minCalls: count(1, 1_000_000).optional(),
  /** How long a step waits for them beyond its interval. */
  patience: duration("above zero").optional(),
  limits: z
    .strictObject({
      errorRate: percent("above zero").optional(),
      p99: duration("above zero").optional(),
      disagreement: percent("zero or more").optional(),
    })
    .optional(),
  /** Beyond what the stable revision has in the same window. */
  overStable: z
    .strictObject({
      /** In points. */
      errorRate: percent("above zero").optional(),
      /** So many times as long. */
      p99: z.number("expected a number from 1").min(1, "expected a number from 1").optional(),
    })
    .optional(),
});

/** How a roll-out is judged, as a file says it; durations in milliseconds. All of it may be left out. */
export type Analysis = z.infer<typeof AnalysisSchema>;

/**
 * Reads the file of `--analysis`.
 * @throws FleetError with every finding
 */
export function readAnalysis(file: string): Analysis {
  const tree = new YamlTree(readFleetText(file));
  const found = tree.findings.map((finding) => ({ file, ...tree.position(finding.offset), ...finding }));
  if (found.length > 0 || tree.data === undefined) throw new FleetError(found);
  const checked = AnalysisSchema.safeParse(tree.data);
  if (checked.success) return checked.data;
  throw new FleetError(
    checked.error.issues.map(({ path, message }) => {
      const [what, fix = ""] = message.split("; ");
      const steps = path as PathStep[];
      return { file, ...tree.position(tree.offsetOf(steps)), path: formatPath(steps), message: what!, fix };
    }),
  );
}
