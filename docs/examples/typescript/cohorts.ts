import { createHash } from "node:crypto";
import { type Client, InMemoryProvider } from "@openfeature/server-sdk";

/** The flag that says which cohort of a contract a user is in; "" is none. */
export const COHORT_FLAG = "tumor-cohort";

/**
 * Flags for the example: a share of the users is in a cohort, and stays in it. Your own provider (flagd, LaunchDarkly,
 * Unleash, …) takes its place, and nothing else changes.
 * @param percent of the users, by cohort: `{ beta: 20 }`
 */
export function cohortFlags(percent: Readonly<Record<string, number>>): InMemoryProvider {
  const variants = { none: "", ...Object.fromEntries(Object.keys(percent).map((cohort) => [cohort, cohort])) };
  return new InMemoryProvider({
    [COHORT_FLAG]: {
      variants,
      defaultVariant: "none",
      disabled: false,
      contextEvaluator: ({ targetingKey = "" }) => {
        let rest = bucketOf(targetingKey);
        for (const [cohort, share] of Object.entries(percent)) {
          if (rest < share) return cohort as keyof typeof variants;
          rest -= share;
        }
        return "none";
      },
    },
  });
}

/** The cohort that a user is in, for `connect` and its calls; undefined: none, and the traffic table decides. */
export async function cohortOf(flags: Client, user: string): Promise<string | undefined> {
  const cohort = await flags.getStringValue(COHORT_FLAG, "", { targetingKey: user });
  return cohort === "" ? undefined : cohort;
}

/** From 0 to 100, the same for the same user, and evenly spread. */
function bucketOf(user: string): number {
  const digest = createHash("sha256").update(`${COHORT_FLAG}:${user}`).digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100;
}
