import type { MeshObject } from "../../mesh/mesh-object.js";
import type { Member } from "../../src/fleet/members.js";
import { analysisTemplate, rollout } from "./argo.js";
import { canary, metricTemplates } from "./flagger.js";

/** What the engine that delivers a contract has to know; nothing where none does. */
export function contractDelivery(member: Member): MeshObject[] {
  const { delivery } = member.contract;
  switch (delivery?.engine) {
    case "argo":
      return [analysisTemplate(member, delivery), rollout(member, delivery)];
    case "flagger":
      return [...metricTemplates(member), canary(member, delivery)];
    case undefined:
      return [];
  }
}
