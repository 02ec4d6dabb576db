import type { IPrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import type { IConfigMap } from "kubernetes-models/v1/ConfigMap";
import type { Metadata } from "../../mesh/metadata.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { toYaml } from "../../src/fleet/yaml-writer.js";
import type { AlertGroup } from "./alert-rules.js";

/** By this label a sidecar of Prometheus finds files of rules, as Grafana's finds dashboards by its own. */
const RULES_LABEL = { prometheus_rule: "1" };

/**
 * Alerts as whoever reads the metrics takes them; nothing where nobody does.
 * @param metadata of the object, or of what it is about
 */
export function alertObjects({ telemetry }: FleetSpec, metadata: Metadata, group: AlertGroup) {
  if (telemetry.scraper === undefined) return [];
  return [telemetry.discovery === "operator" ? ruleObject(metadata, group) : fileObject(metadata, group)];
}

/** For the Prometheus operator, which hands them to its Prometheus. */
function ruleObject(metadata: Metadata, group: AlertGroup): IPrometheusRule {
  return { apiVersion: "monitoring.coreos.com/v1", kind: "PrometheusRule", metadata, spec: { groups: [group] } };
}

/**
 * A file of rules, for a Prometheus without an operator. One for each contract and bridge: what a ConfigMap may hold would
 * not do for a large fleet. The file's name is no other's, as all of them come to lie in one folder.
 */
function fileObject(metadata: Metadata, group: AlertGroup): IConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      ...metadata,
      name: `${metadata.name}-alerts`,
      labels: { ...metadata.labels, ...RULES_LABEL },
    },
    data: { [`${metadata.namespace}-${metadata.name}.rules.yaml`]: toYaml({ groups: [group] }) },
  };
}
