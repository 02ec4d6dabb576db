import { parser } from "@prometheus-io/lezer-promql";
import type { IConfigMap } from "kubernetes-models/v1/ConfigMap";
import { contractMonitoring } from "../../cdk8s/monitoring/contract-monitoring.js";
import { dashboard } from "../../cdk8s/monitoring/dashboard.js";
import type { Member } from "../../src/fleet/members.js";
import type { FleetSpec } from "../../src/fleet/spec.js";

/** Panels about the calls that a contract makes: there is nothing in them for one that is a model. */
export const PANELS_OF_COMPOSITIONS: readonly string[] = [
  "panel Overhead of hops made, p99",
  "panel Hops over budget",
  "panel Overhead of the chain",
];

/** The files of a contract's ConfigMap of rules: text by name. */
export function ruleFiles(member: Member): Record<string, string> {
  const [object] = contractMonitoring(member);
  return (object as IConfigMap).data ?? {};
}

/** A query and where it stands. */
export interface Placed {
  readonly place: string;
  readonly expr: string;
}

interface DashboardJson {
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

/** A fleet's dashboard as Grafana reads it. */
export function dashboardJson(fleet: FleetSpec): DashboardJson {
  return JSON.parse(JSON.stringify(dashboard(fleet)));
}

/** The queries of a fleet's dashboard with a contract chosen, as Grafana would send them. */
export function dashboardQueries(fleet: FleetSpec, contract: string): Placed[] {
  const { panels, templating } = dashboardJson(fleet);
  const chosen = (query: string) =>
    query.replaceAll("$__rate_interval", "1m").replaceAll("$contract", contract).replaceAll("$revision", ".*");
  const variables = templating.list.flatMap(({ name, definition }) => {
    const values = /^label_values\((.*), \w+\)$/.exec(definition ?? "");
    return values === null ? [] : [{ place: `variable ${name}`, expr: chosen(values[1]!) }];
  });
  const targets = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ place: `panel ${title}`, expr: chosen(expr) })),
  );
  return [...variables, ...targets];
}

/** The names of the metrics that a query asks for. @throws Error where it is no PromQL */
export function metricsOf(expr: string): string[] {
  const names: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expr.slice(0, from)}▶${expr.slice(from)}`);
      if (type.name === "Identifier") names.push(expr.slice(from, to));
    },
  });
  return names;
}
