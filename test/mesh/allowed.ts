import type { MeshObject } from "../../mesh/mesh-object.js";

/** A call as a pod's sidecar sees it. */
export interface IncomingCall {
  /** Undefined: a caller without a certificate. */
  readonly principal: string | undefined;
  readonly port: number;
  readonly path: string;
}

interface Policy extends MeshObject {
  readonly spec?: {
    readonly action?: string;
    readonly selector?: { readonly matchLabels?: Record<string, string> };
    readonly targetRefs?: readonly unknown[];
    readonly rules?: readonly Rule[];
  };
}

interface Rule {
  readonly from?: readonly { readonly source: { readonly principals?: readonly string[] } }[];
  readonly to?: readonly {
    readonly operation: { readonly ports?: readonly string[]; readonly paths?: readonly string[] };
  }[];
}

/**
 * Whether a pod with some labels lets a call in, by Istio's rules: no policy that holds for the pod lets everybody in, and
 * once there is one, a rule of one of them has to fit. A part of a rule that is missing fits everything.
 * @see https://istio.io/latest/docs/concepts/security/#implicit-enablement
 */
export function lets(objects: readonly MeshObject[], pod: Record<string, string>, call: IncomingCall): boolean {
  const policies = objects.filter((object) => object.kind === "AuthorizationPolicy") as Policy[];
  const holding = policies.filter(({ spec }) => spec?.targetRefs === undefined && selects(spec?.selector, pod));
  if (holding.some(({ spec }) => spec?.action !== "ALLOW")) throw new Error("only ALLOW policies are understood here");
  return holding.length === 0 || holding.some(({ spec }) => (spec?.rules ?? []).some((rule) => fits(rule, call)));
}

function selects(selector: { matchLabels?: Record<string, string> } | undefined, pod: Record<string, string>): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => pod[key] === value);
}

function fits({ from, to }: Rule, { principal, port, path }: IncomingCall): boolean {
  const isFrom = from?.some(({ source: { principals } }) => within(principals, (one) => one === principal)) ?? true;
  const isTo = to?.some(({ operation: { ports, paths } }) => {
    return within(ports, (one) => one === String(port)) && within(paths, (one) => fitsPath(one, path));
  });
  return isFrom && (isTo ?? true);
}

/** An empty list is one that is missing, for Istio as well. */
function within(listed: readonly string[] | undefined, fitsOne: (one: string) => boolean): boolean {
  return listed === undefined || listed.length === 0 || listed.some(fitsOne);
}

function fitsPath(pattern: string, path: string): boolean {
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}
