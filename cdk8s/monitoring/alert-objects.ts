import type { IPrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import type { IConfigMap } from "kubernetes-models/v1/ConfigMap";
import { contractMetadata } from "../../mesh/metadata.js";
import type { Member } from "../../src/fleet/members.js";
import { serviceName } from "../../src/fleet/names.js";
import { toYaml } from "../../src/fleet/yaml-writer.js";
import { contractAlerts } from "./alert-rules.js";

/** By this label a sidecar of Prometheus finds files of rules, as Grafana's finds dashboards by its own. */
const RULES_LABEL = { prometheus_rule: "1" };

/** A contract's alerts for the Prometheus operator, which hands them to its Prometheus. */
export function alertRuleObject(member: Member): IPrometheusRule {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: contractMetadata(member),
    spec: { groups: [contractAlerts(member)] },
  };
}

/**
 * A contract's alerts as a file of rules, for a Prometheus without an operator. One for each contract: what a ConfigMap
 * may hold would not do for a large fleet. The file's name is no other's, as all of them come to lie in one folder.
 */
export function alertFileObject(member: Member): IConfigMap {
  const service = serviceName(member.contract.name);
  const metadata = contractMetadata(member, `${service}-alerts`);
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...metadata, labels: { ...metadata.labels, ...RULES_LABEL } },
    data: { [`${metadata.namespace}-${service}.rules.yaml`]: toYaml({ groups: [contractAlerts(member)] }) },
  };
}
