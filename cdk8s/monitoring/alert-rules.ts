import type { Member } from "../../src/fleet/members.js";
import type { AlertRule } from "./alert-rule.js";
import { loadAlerts } from "./load-alerts.js";
import { modelAlerts } from "./model-alerts.js";
import { objectiveAlerts } from "./objective-alerts.js";

/** Alerts that Prometheus evaluates together. */
export interface AlertGroup {
  name: string;
  rules: AlertRule[];
}

/** All alerts of a contract. docs/alerts.md says of each what it means and what to do. */
export function contractAlerts(member: Member): AlertGroup {
  const { fleet, contract } = member;
  return {
    name: `flotilla/${fleet.namespace}/${contract.name}`,
    rules: [...objectiveAlerts(member), ...loadAlerts(member), ...modelAlerts(member)],
  };
}
