import type { Member } from "../../src/fleet/members.js";
import { is, isNot, type Matcher } from "./promql.js";

/** critical: callers are without an answer, now. warning: it can wait for the working day. */
export type Severity = "critical" | "warning";

/** An alert as Prometheus reads it. */
export interface AlertRule {
  alert: string;
  expr: string;
  /** How long `expr` has to hold before the alert fires. */
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** What one kind of alert says of itself. */
export interface AlertText {
  /** `FlotillaErrors`: also the heading in docs/alerts.md. */
  readonly name: string;
  readonly severity: Severity;
  readonly expr: string;
  readonly for: string;
  /** After the contract's name, or the bridge's, and a colon. */
  readonly summary: string;
  /** A sentence with the number. `{{ $value }}` and `{{ $labels.x }}` stand for what Prometheus found. */
  readonly description: string;
  /** The revision that the alert is about, where `expr` loses that label. */
  readonly revision?: string;
  /** The bridge that the alert is about, if it is about one. */
  readonly bridge?: string;
}

/** An alert of a contract, with the labels by which it finds its people. */
export function alertRule({ fleet, contract }: Pick<Member, "fleet" | "contract">, text: AlertText): AlertRule {
  return {
    alert: text.name,
    expr: text.expr,
    for: text.for,
    labels: {
      severity: text.severity,
      fleet: fleet.name,
      namespace: fleet.namespace,
      contract: contract.name,
      ...(text.revision !== undefined && { revision: text.revision }),
      ...(text.bridge !== undefined && { bridge: text.bridge }),
      ...(contract.owner !== undefined && { owner: literal(contract.owner) }),
    },
    annotations: {
      summary: `${text.bridge ?? contract.name}: ${text.summary}`,
      description: text.description,
      runbook: `docs/alerts.md#${text.name.toLowerCase()}`,
    },
  };
}

/** Chooses the series of a contract. The pod's namespace is put there by whatever finds the pods. */
export function contractMatchers({ fleet, contract }: Member): Matcher[] {
  return [is("namespace", fleet.namespace), is("contract", contract.name)];
}

/** The same, without the shadow: nobody sees its answers, so that it breaks no promise. */
export function answeringMatchers(member: Member): Matcher[] {
  const { shadow } = member.contract;
  const answers = shadow === undefined || steeredTo(member).includes(shadow.revision);
  return answers ? contractMatchers(member) : [...contractMatchers(member), isNot("revision", shadow.revision)];
}

/** Revisions whose calls come by a header, with or without a share of the others: of cohorts and of releases. */
export function steeredTo({ contract: { cohorts, releases } }: Member): string[] {
  return [...[...cohorts.values()].flat().map(({ revision }) => revision), ...releases.values()];
}

/** Prometheus expands labels as templates. */
function literal(text: string): string {
  return text.replaceAll("{{", '{{"{{"}}');
}
