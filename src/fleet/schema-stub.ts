import { z } from "zod";
import { CODE_NAMES } from "../contract/grpc-codes.js";
import { parseLatency } from "./latency-profile.js";
import { percent } from "./schema-values.js";

/** Codes that a call can fail with. */
const CODES = CODE_NAMES.filter((name) => name !== "OK");

const LATENCY_ERROR = "expected how long answers take; write it as 20ms, 20ms..80ms or p50=20ms,p99=200ms";
const ERRORS_ERROR = "expected per cent by gRPC code; write { UNAVAILABLE: 2 }";

/** Pods that answer as the contract allows, with no model. */
export const StubSchema = z
  .strictObject({
    latency: z
      .string(LATENCY_ERROR)
      .refine(isLatency, LATENCY_ERROR)
      .optional()
      .meta({
        description:
          "How long answers take: 20ms, 20ms..80ms or p50=20ms,p99=200ms. By default no longer than they do.",
        examples: ["p50=20ms,p99=200ms"],
      }),
    errors: z
      .partialRecord(z.enum(CODES, ERRORS_ERROR), percent("above zero"), ERRORS_ERROR)
      .refine((errors) => sumOf(errors) <= 100, "expected errors that add up to 100 at most")
      .optional()
      .meta({
        description: "Per cent of the calls that fail, by gRPC code. By default none.",
        examples: [{ UNAVAILABLE: 2 }],
      }),
    golden: z.boolean("expected true or false").optional().meta({
      description:
        "Requests of golden cases get the answers that these say. `flotilla package` puts them into the images.",
      default: false,
    }),
  })
  .meta({
    description: "The contract's pods in a cluster are stubs: they answer as the contract allows, with no model.",
  });

function isLatency(text: string): boolean {
  try {
    parseLatency(text);
    return true;
  } catch {
    return false;
  }
}

function sumOf(errors: Readonly<Record<string, number | undefined>>): number {
  return Object.values(errors).reduce<number>((sum, share) => sum + (share ?? 0), 0);
}
