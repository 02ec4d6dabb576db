import type { HttpRoute } from "../../mesh/http-route.js";
import { COHORT_HEADER, PIN_HEADER, RELEASE_HEADER } from "../telemetry/trace.js";
import type { KubeObject } from "./kube-object.js";

/** A VirtualService, as far as it says where calls go. */
export interface VirtualService extends KubeObject {
  readonly spec?: { readonly gateways?: readonly string[]; readonly http?: readonly HttpRoute[] };
}

/** One condition on a header. */
export type HeaderMatch = { readonly exact?: string; readonly regex?: string };

/** The conditions on headers of all of a route's matches, by header. */
export function headersOf({ match = [] }: HttpRoute): [string, HeaderMatch][] {
  return match.flatMap(({ headers = {} }) => Object.entries(headers) as [string, HeaderMatch][]);
}

/** Whether a route is for calls without any header: it splits them by weights. */
export function isWeighted(route: HttpRoute): boolean {
  return headersOf(route).length === 0;
}

/** Whether a route is for calls that are pinned. */
export function isPinned(route: HttpRoute): boolean {
  return headersOf(route).some(([name]) => name === PIN_HEADER);
}

/** The cohort whose calls a route is for; undefined where it is for others. */
export function cohortOf(route: HttpRoute): string | undefined {
  return headersOf(route).find(([name, { exact }]) => name === COHORT_HEADER && exact !== undefined)?.[1].exact;
}

/** The releases that a route is for; none where it is for others. */
export function releasesOf(route: HttpRoute): string[] {
  const named = headersOf(route).flatMap(([name, { exact }]) =>
    name === RELEASE_HEADER && exact !== undefined ? [exact] : [],
  );
  return [...new Set(named)];
}
