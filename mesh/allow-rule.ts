import type { IAuthorizationPolicy } from "@kubernetes-models/istio/security.istio.io/v1/AuthorizationPolicy";

/** A rule of an AuthorizationPolicy. */
export type AllowRule = NonNullable<NonNullable<IAuthorizationPolicy["spec"]>["rules"]>[number];

/**
 * Rules that let some identities reach some paths of a port: one, or none where there is nobody to let in. A rule with an
 * empty list of either would let everybody in, or everywhere.
 * @param principals identities as the mesh knows them
 * @param to without `paths` everything on the port
 */
export function allow(principals: readonly string[], to: { port: number; paths?: readonly string[] }): AllowRule[] {
  if (principals.length === 0 || to.paths?.length === 0) return [];
  return [
    {
      from: [{ source: { principals: [...principals] } }],
      to: [{ operation: { ports: [String(to.port)], ...(to.paths && { paths: [...to.paths] }) } }],
    },
  ];
}
