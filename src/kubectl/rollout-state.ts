import { z } from "zod";

/** Where a roll-out is. */
export const PHASES = {
  /** A step's calls are being judged. */
  progressing: "Progressing",
  /** The revision has all calls. */
  succeeded: "Succeeded",
  /** A step was bad, or could not be judged: the calls went back to the stable revision. */
  failed: "Failed",
  /** Somebody ended it: the calls went back to the stable revision. */
  aborted: "Aborted",
} as const;

const percent = z.number().min(0).max(100);

/** What a step has to keep within. */
const LimitsSchema = z.object({
  errorPercent: percent,
  /** Inside the server; undefined: not looked at. */
  p99Ms: z.number().positive().optional(),
  /** Of the revision's own calls that a judgement takes. */
  minCalls: z.number().int().positive(),
  /** Beyond the stable revision's in the same window, in points. */
  errorPercentOverStable: percent,
  /** Of the stable revision's p99 in the same window. */
  p99OverStable: z.number().min(1),
  /** How long a step waits for calls. */
  patienceMs: z.number().positive(),
});

/** What a step has to keep within. */
export type Limits = z.infer<typeof LimitsSchema>;

/** The process that judges a roll-out. */
const HolderSchema = z.object({
  /** `host/pid/…`: unlike any other's. */
  id: z.string(),
  /** For a person: `anna on laptop`. */
  name: z.string(),
  /** The last sign of it; long ago where it let go. */
  seen: z.iso.datetime(),
});

/** The process that judges a roll-out. */
export type Holder = z.infer<typeof HolderSchema>;

const RolloutSchema = z.object({
  /** The revision that is rolled out. */
  revision: z.string(),
  /** Where the calls go back to. */
  stable: z.string(),
  /** Per cent, rising. */
  steps: z.array(percent.gt(0)).min(1),
  /** Index of the step under way. */
  step: z.number().int().min(0),
  phase: z.enum(PHASES),
  /** When it began, ISO 8601. */
  started: z.iso.datetime(),
  /** When the step began. */
  stepped: z.iso.datetime(),
  intervalMs: z.number().positive(),
  limits: LimitsSchema,
  /** What the last step came to. */
  why: z.string(),
  holder: HolderSchema,
});

/** A roll-out, as the VirtualService's annotation keeps it. */
export type RolloutState = z.infer<typeof RolloutSchema>;

/**
 * Reads the annotation.
 * @returns undefined where there is none
 * @throws Error where somebody else wrote it
 */
export function parseRollout(text: string | undefined): RolloutState | undefined {
  if (text === undefined) return undefined;
  try {
    return RolloutSchema.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).split("\n")[0] : (error as Error).message;
    throw new Error(`the annotation is no roll-out that this version knows: ${reason}`);
  }
}

/** The per cent that a roll-out's step under way gives its revision. */
export function stepPercent({ steps, step }: Pick<RolloutState, "steps" | "step">): number {
  return steps[step]!;
}

/** Whether a roll-out is under way: others keep their hands off the traffic. */
export function isUnderWay({ phase }: Pick<RolloutState, "phase">): boolean {
  return phase === PHASES.progressing;
}
