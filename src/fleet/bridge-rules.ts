import { loopFindings } from "./bridge-loops.js";
import { type PathStep, show } from "./findings.js";
import { nearest } from "./nearest.js";
import { resolveReplicas, resolveRetries } from "./resolve-events.js";
import { type ContractUnderRules, parsed, part, type RuleReport } from "./rule-report.js";
import { BridgeSchema, EVENT_DEFAULTS } from "./schema-events.js";
import type { BrokerKind } from "./spec.js";
import { formatMs } from "./units.js";

/** One bridge as the rules see it: data that may be of any form, and where it stands. */
interface BridgeUnderRules {
  readonly bridge: unknown;
  readonly path: readonly PathStep[];
  readonly report: RuleReport;
}

const BROKER_FIX =
  "write spec.broker: { nats: { servers: [nats://nats.messaging:4222] } } or { kafka: { brokers: [kafka.messaging:9092] } }";

/** A broker is of one kind, and who it is told has somewhere to say who. */
export function checkBroker(spec: unknown, report: RuleReport): void {
  const broker = part(spec, "broker");
  if (typeof broker !== "object" || broker === null) return;
  const kinds = ["nats", "kafka"].filter((kind) => part(broker, kind) !== undefined);
  if (kinds.length === 0) report.add(["spec", "broker"], "no kind of broker is named", BROKER_FIX);
  if (kinds.length === 2) report.add(["spec", "broker"], "a fleet has one broker", "leave out nats or kafka");
  const kafka = part(broker, "kafka");
  if (part(kafka, "sasl") !== undefined && part(kafka, "secret") === undefined) {
    const fix = "write secret: kafka-credentials, with username and password in it";
    report.add(["spec", "broker", "kafka", "sasl"], "nobody says which user it is", fix);
  }
}

/** Kind of a broker; undefined where there is none, or the file says it in no way that can be read. */
function kindOf(broker: unknown): BrokerKind | undefined {
  if (part(broker, "kafka") !== undefined) return "kafka";
  return part(broker, "nats") === undefined ? undefined : "nats";
}

/** What has to hold between a bridge's fields, and between bridges, contracts and the broker. */
export function checkBridges(spec: unknown, contracts: readonly ContractUnderRules[], report: RuleReport): void {
  const bridges = part(spec, "bridges");
  if (!Array.isArray(bridges)) return;
  const broker = part(spec, "broker");
  if (broker === undefined && bridges.length > 0) {
    report.add(["spec", "bridges"], "the fleet has no broker", BROKER_FIX);
  }
  const kind = kindOf(broker);
  const all = bridges.map((bridge: unknown, index): BridgeUnderRules => {
    return { bridge, path: ["spec", "bridges", index], report };
  });
  checkUnique(all);
  for (const under of all) {
    checkContract(under, contracts);
    checkTimes(under);
    checkReplicas(under, kind);
    if (kind !== undefined) checkPlaces(under, kind);
    if (kind === "nats") checkLag(under, part(part(broker, "nats"), "monitoring"));
  }
  for (const { path, message, fix } of loopFindings(bridges)) report.add(path, message, fix);
}

/** Places are named as the kind of broker has them. */
const PLACES: Readonly<Record<BrokerKind, Readonly<Record<"from" | "to" | "deadLetter", readonly string[]>>>> = {
  nats: { from: ["stream", "subject"], to: ["subject"], deadLetter: ["subject"] },
  kafka: { from: ["topic"], to: ["topic"], deadLetter: ["topic"] },
};
const KIND_NAME: Readonly<Record<BrokerKind, string>> = { nats: "NATS", kafka: "Kafka" };

function checkPlaces({ bridge, path, report }: BridgeUnderRules, kind: BrokerKind): void {
  for (const [place, expected] of Object.entries(PLACES[kind])) {
    const said = part(bridge, place);
    if (typeof said !== "object" || said === null) continue;
    const wrong = expected.some((key) => part(said, key) === undefined) || Object.keys(said).length > expected.length;
    if (!wrong) continue;
    const message = `the broker is ${KIND_NAME[kind]}: expected ${expected.join(" and ")}, got ${Object.keys(said).join(" and ") || "nothing"}`;
    const examples: Readonly<Record<string, string>> = { stream: "PAYMENTS", subject: "payments", topic: "payments" };
    report.add([...path, place], message, `write ${expected.map((key) => `${key}: ${examples[key]}`).join(", ")}`);
  }
}

/** KEDA asks NATS' monitoring for the lag. */
function checkLag({ bridge, path, report }: BridgeUnderRules, monitoring: unknown): void {
  if (part(bridge, "scaleOnLag") === undefined || monitoring !== undefined) return;
  const fix = "write spec.broker.nats.monitoring: nats.messaging:8222";
  report.add([...path, "scaleOnLag"], "KEDA does not know where to ask how many events wait", fix);
}

/** No two bridges share a name, which is their consumer's: each would get a part of the events. */
function checkUnique(all: readonly BridgeUnderRules[]): void {
  const names = new Map<string, PathStep>();
  for (const { bridge, path, report } of all) {
    const name = part(bridge, "name");
    if (typeof name !== "string") continue;
    const first = names.get(name);
    if (first === undefined) names.set(name, path.at(-1)!);
    else report.add([...path, "name"], `spec.bridges[${first}] has the same name`, "give one of the two another name");
  }
}

function checkContract({ bridge, path, report }: BridgeUnderRules, contracts: readonly ContractUnderRules[]): void {
  const name = parsed(BridgeSchema.shape.contract, part(bridge, "contract"));
  const known = contracts.map(({ contract }) => part(contract, "name")).filter((one) => typeof one === "string");
  if (name === undefined || known.includes(name)) return;
  const meant = nearest(name, known);
  const fix = meant === undefined ? `the fleet has ${known.join(", ")}` : `did you mean ${meant}?`;
  report.add([...path, "contract"], `no contract is called ${show(name)}`, fix);
}

/** Waits grow up to the longest, and a window can be filled. */
function checkTimes({ bridge, path, report }: BridgeUnderRules): void {
  const said = parsed(BridgeSchema.shape.retries, part(bridge, "retries"));
  const { backoffMs, maxBackoffMs } = resolveRetries({ retries: said });
  if (backoffMs > maxBackoffMs) {
    const message = `backoff is ${formatMs(backoffMs)}, above the longest wait of ${formatMs(maxBackoffMs)}`;
    report.add([...path, "retries"], message, `write maxBackoff: ${formatMs(backoffMs)} or more`);
  }
  const window = parsed(BridgeSchema.shape.window, part(bridge, "window"));
  const maxInFlight = parsed(BridgeSchema.shape.maxInFlight, part(bridge, "maxInFlight")) ?? EVENT_DEFAULTS.maxInFlight;
  if (window !== undefined && window.maxSize > maxInFlight) {
    const message = `never fills: no more than ${maxInFlight} events are taken at a time`;
    report.add([...path, "window", "maxSize"], message, `write maxInFlight: ${window.maxSize} or more`);
  }
}

/** A number of pods that something sets, and that keeps the order that is asked for. */
function checkReplicas({ bridge, path, report }: BridgeUnderRules, kind: BrokerKind | undefined): void {
  const replicas = parsed(BridgeSchema.shape.replicas, part(bridge, "replicas"));
  const scaleOnLag = parsed(BridgeSchema.shape.scaleOnLag, part(bridge, "scaleOnLag"));
  const { min, max } = resolveReplicas({ replicas, scaleOnLag });
  const at = [...path, part(bridge, "replicas") === undefined ? "scaleOnLag" : "replicas"];
  if (min > max) report.add(at, `min is ${min}, above max, which is ${max}`, `write max: ${min} or more`);
  if (scaleOnLag === undefined && part(bridge, "scaleOnLag") === undefined) {
    if (min === 0) report.add(at, "nothing would ever start a pod", "write scaleOnLag: 1000, or min: 1");
    else if (max > min) report.add(at, `nothing adds pods above min, which is ${min}`, "write scaleOnLag: 1000");
  }
  // Kafka gives all of a key to one pod, as they are in one partition.
  if (part(bridge, "orderBy") !== undefined && max > 1 && kind !== "kafka") {
    const message = `several pods would take events of one key side by side, and orderBy is ${show(part(bridge, "orderBy"))}`;
    const fix = "write replicas: { min: 1, max: 1 }, or give each part of the subjects a bridge of its own";
    report.add(at, message, fix);
  }
}
