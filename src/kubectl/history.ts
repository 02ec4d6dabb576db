import { z } from "zod";

/** One change of a contract's traffic. */
export interface HistoryEntry {
  /** ISO 8601. */
  readonly at: string;
  /** As the cluster knows them. */
  readonly who: string;
  /** `promote`. */
  readonly verb: string;
  /** As a person says it: `r1 90, r2 10`. */
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

/** Annotations are kept small: they go with the VirtualService to whoever watches it. */
const MOST_ENTRIES = 30;
const LONGEST_TEXT = 300;

const HistorySchema = z.array(
  z.object({
    at: z.string(),
    who: z.string(),
    verb: z.string(),
    from: z.string(),
    to: z.string(),
    why: z.string(),
  }),
);

/** Reads the annotation; what can't be read is no history. */
export function parseHistory(text: string | undefined): HistoryEntry[] {
  if (text === undefined) return [];
  try {
    return HistorySchema.parse(JSON.parse(text));
  } catch {
    return [];
  }
}

/** With one more entry, the oldest ones left out. */
export function withEntry(history: readonly HistoryEntry[], entry: HistoryEntry): HistoryEntry[] {
  const short = { ...entry, why: entry.why.slice(0, LONGEST_TEXT) };
  return [...history, short].slice(-MOST_ENTRIES);
}
