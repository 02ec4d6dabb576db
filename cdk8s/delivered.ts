import type { ContractSpec, DeliverySpec, RevisionSpec } from "../src/fleet/spec.js";

/** The engine that rolls out changes of a revision: the contract's, for the one revision that has its traffic. */
export function deliveredBy(
  { delivery, traffic }: ContractSpec,
  revision: RevisionSpec,
): DeliverySpec["engine"] | undefined {
  return traffic[0]?.revision === revision.name ? delivery?.engine : undefined;
}
