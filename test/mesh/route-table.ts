import type { HttpRoute } from "../../mesh/http-route.js";
import type { MeshObject } from "../../mesh/mesh-object.js";

/** The routes of a VirtualService. */
export function routesOf(object: MeshObject): HttpRoute[] {
  return (object as { spec?: { http?: HttpRoute[] } }).spec!.http!;
}

/** The route that a call takes, as Envoy looks for it: the first one of which a match fits. */
export function routeOf(
  routes: readonly HttpRoute[],
  path: string,
  headers: Record<string, string> = {},
): HttpRoute | undefined {
  return routes.find(({ match }) =>
    match!.some((one) => fitsPath(one.uri!, path) && fitsHeaders(one.headers, headers)),
  );
}

/** Subsets that a route leads to, with their weights. */
export function sharesOf(route: HttpRoute | undefined): Record<string, number> {
  return Object.fromEntries(route!.route!.map(({ destination, weight }) => [destination.subset!, weight!]));
}

interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

function fitsPath(uri: StringMatch, path: string): boolean {
  return uri.exact === undefined ? path.startsWith(uri.prefix!) : path === uri.exact;
}

function fitsHeaders(wanted: Record<string, StringMatch> | undefined, headers: Record<string, string>): boolean {
  return Object.entries(wanted ?? {}).every(([name, { exact, regex }]) => {
    const value = headers[name];
    if (value === undefined) return false;
    return exact === undefined ? fullMatch(regex!, value) : value === exact;
  });
}

/** Envoy matches the whole of a header. What the patterns are made of means the same in RE2 and in JavaScript. */
export function fullMatch(pattern: string, text: string): boolean {
  return new RegExp(`^(?:${pattern})$`).test(text);
}
