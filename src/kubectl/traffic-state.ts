import { z } from "zod";
import { type HistoryEntry, parseHistory } from "./history.js";
import type { KubeObject } from "./kube-object.js";
import { parseRollout, type RolloutState } from "./rollout-state.js";
import type { Traffic } from "./traffic.js";

/** What the plugin keeps of a contract, in annotations of its VirtualService. */
export interface TrafficState {
  readonly stable: Stable;
  readonly rollout: RolloutState | undefined;
  readonly history: readonly HistoryEntry[];
  /** What golden cases came to, by revision. */
  readonly golden: GoldenResults;
}

/** What golden cases came to, by revision. */
export type GoldenResults = Readonly<Record<string, GoldenResult>>;

/** What the golden cases of a revision came to, on one of its pods. */
export interface GoldenResult {
  /** ISO 8601. */
  readonly at: string;
  readonly passed: number;
  readonly failed: number;
}

/** Which revision is trusted with the calls. */
export interface Stable {
  readonly current: string;
  /** The one before; undefined where it is not known, or was rolled back from. */
  readonly previous: string | undefined;
}

/** Keys of the annotations. */
export const ANNOTATION = {
  stable: "flotilla.dev/stable",
  rollout: "flotilla.dev/rollout",
  history: "flotilla.dev/history",
  golden: "flotilla.dev/golden",
} as const;

const GoldenSchema = z.record(z.string(), z.object({ at: z.string(), passed: z.number(), failed: z.number() }));
const StableSchema = z.object({ current: z.string(), previous: z.string().optional() });

/**
 * Reads the annotations. A contract that the plugin has not touched trusts the revision with the largest weight.
 * @throws Error where an annotation can't be read, with what to do
 */
export function readState(service: KubeObject, traffic: Traffic): TrafficState {
  const { name, namespace, annotations = {} } = service.metadata;
  try {
    return {
      stable: parseStable(annotations[ANNOTATION.stable]) ?? { current: heaviest(traffic), previous: undefined },
      rollout: parseRollout(annotations[ANNOTATION.rollout]),
      history: parseHistory(annotations[ANNOTATION.history]),
      golden: GoldenSchema.parse(JSON.parse(annotations[ANNOTATION.golden] ?? "{}")),
    };
  } catch (error) {
    const remove = `kubectl annotate virtualservice ${name} -n ${namespace} ${Object.values(ANNOTATION)
      .map((key) => `${key}-`)
      .join(" ")}`;
    throw new Error(
      `VirtualService ${namespace}/${name}: ${(error as Error).message}; to begin without it: \`${remove}\``,
    );
  }
}

/** The annotations that keep a state. */
export function toAnnotations({ stable, rollout, history, golden }: TrafficState): Record<string, string> {
  return {
    [ANNOTATION.stable]: JSON.stringify(stable),
    ...(rollout !== undefined && { [ANNOTATION.rollout]: JSON.stringify(rollout) }),
    [ANNOTATION.history]: JSON.stringify(history),
    ...(Object.keys(golden).length > 0 && { [ANNOTATION.golden]: JSON.stringify(golden) }),
  };
}

function parseStable(text: string | undefined): Stable | undefined {
  if (text === undefined) return undefined;
  const { current, previous } = StableSchema.parse(JSON.parse(text));
  return { current, previous };
}

function heaviest({ weights }: Traffic): string {
  return weights.reduce((one, other) => (other.percent > one.percent ? other : one)).revision;
}
