import { isAbsolute } from "node:path";
import { z } from "zod";
import { show } from "./findings.js";
import { resolvePadding } from "./resolve.js";
import { RevisionSchema } from "./schema.js";
import type { PaddingSpec, RevisionSpec } from "./spec.js";
import { formatMs } from "./units.js";

/** Environment variables by their names, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Value of FLOTILLA_THREADS for a revision that does not say: as many as the process may use processors. */
const AUTOMATIC = "auto";

/** Value of FLOTILLA_BATCHING_PADDING for a revision without. */
const NO_PADDING = "none";

const { batching, queue, workers, threads } = RevisionSchema.shape;
const PADDING_ERROR = `expected ${NO_PADDING}, or axis and values as JSON`;
const THREADS_ERROR = `${threads.safeParse("").error!.issues[0]!.message}, or ${AUTOMATIC}`;
const MODEL_ERROR = "expected the absolute path of a model";

/** The variables, with the limits that the fleet file has for the same fields. */
const EnvironmentSchema = z.object({
  FLOTILLA_BATCHING_MAX_SIZE: digits(batching.unwrap().shape.maxSize),
  FLOTILLA_BATCHING_MAX_DELAY: batching.unwrap().shape.maxDelay,
  FLOTILLA_BATCHING_PADDING: z
    .string()
    .transform(parsePadding)
    .pipe(z.union([z.literal(NO_PADDING), batching.unwrap().shape.padding.unwrap()], PADDING_ERROR))
    .optional(),
  FLOTILLA_QUEUE_SIZE: digits(queue.unwrap().shape.size),
  FLOTILLA_WORKERS: digits(workers),
  FLOTILLA_THREADS: z
    .string()
    .refine((text) => text === AUTOMATIC || digits(threads).safeParse(text).success, THREADS_ERROR)
    .transform((text) => (text === AUTOMATIC ? AUTOMATIC : Number(text)))
    .optional(),
  FLOTILLA_MODEL: z.string().refine(isAbsolute, MODEL_ERROR).optional(),
});

/** Names of the variables, `FLOTILLA_WORKERS`. */
export type Variable = keyof typeof EnvironmentSchema.shape;

/**
 * What a server is told of its revision: whatever may change without another image. All of it is said, the defaults too,
 * as the fleet file in the image may say otherwise.
 * @param model path at which the server finds the model; undefined: its image holds it
 */
export function toEnvironment(revision: RevisionSpec, model: string | undefined): Partial<Record<Variable, string>> {
  return {
    FLOTILLA_BATCHING_MAX_SIZE: String(revision.batching.maxRows),
    FLOTILLA_BATCHING_MAX_DELAY: formatMs(revision.batching.maxDelayMs),
    FLOTILLA_BATCHING_PADDING: revision.batching.padding ? JSON.stringify(revision.batching.padding) : NO_PADDING,
    FLOTILLA_QUEUE_SIZE: String(revision.queueSize),
    FLOTILLA_WORKERS: String(revision.workers),
    FLOTILLA_THREADS: String(revision.threads ?? AUTOMATIC),
    ...(model === undefined ? {} : { FLOTILLA_MODEL: model }),
  };
}

/**
 * A revision as the environment has it: what a variable says goes before the fleet file.
 * @throws Error that names every variable whose value can't be used
 */
export function withEnvironment(revision: RevisionSpec, environment: Environment): RevisionSpec {
  const read = EnvironmentSchema.safeParse(environment);
  if (!read.success) {
    const problems = read.error.issues.map(({ path, message }) => {
      return `${String(path[0])} is ${show(environment[String(path[0])])}: ${message}`;
    });
    throw new Error(problems.join("\n"));
  }
  const said = read.data;
  const { FLOTILLA_THREADS: saidThreads, FLOTILLA_BATCHING_PADDING: saidPadding } = said;
  return {
    ...revision,
    model: said.FLOTILLA_MODEL ?? revision.model,
    batching: {
      maxRows: said.FLOTILLA_BATCHING_MAX_SIZE ?? revision.batching.maxRows,
      maxDelayMs: said.FLOTILLA_BATCHING_MAX_DELAY ?? revision.batching.maxDelayMs,
      padding: saidPadding === undefined ? revision.batching.padding : toPadding(saidPadding),
    },
    queueSize: said.FLOTILLA_QUEUE_SIZE ?? revision.queueSize,
    workers: said.FLOTILLA_WORKERS ?? revision.workers,
    threads: saidThreads === AUTOMATIC ? undefined : (saidThreads ?? revision.threads),
  };
}

type SaidPadding = NonNullable<z.infer<typeof EnvironmentSchema>["FLOTILLA_BATCHING_PADDING"]>;

function toPadding(said: SaidPadding): PaddingSpec | undefined {
  return said === NO_PADDING ? undefined : resolvePadding(said);
}

/** What is no JSON is left for the field's own check to refuse. */
function parsePadding(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A number that is written in digits; anything else is left for the field's own check to refuse. */
function digits<Field extends z.ZodType>(field: Field) {
  return z.preprocess((text) => (typeof text === "string" && /^\d{1,9}$/.test(text) ? Number(text) : text), field);
}
