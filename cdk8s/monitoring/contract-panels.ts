import type { FleetSpec } from "../../src/fleet/spec.js";
import { SERVER_FAULT_CODES } from "../../src/telemetry/fault-codes.js";
import { METRIC, PROCESS_METRIC } from "../../src/telemetry/metric-names.js";
import { WINDOW } from "./fleet-panels.js";
import type { PanelRow } from "./layout.js";
import { type Panel, type Query, timeseries } from "./panel.js";
import { is, isOneOf, type Matcher, mean, quantile, rate, series, share } from "./promql.js";

/** Names of the dashboard's variables. */
export const VARIABLE = { contract: "contract", revision: "revision" } as const;

const BY_REVISION = { window: WINDOW, by: ["revision"] };

/** One contract, which the reader chooses, and those of its revisions that the reader chooses. */
export function contractRows(fleet: FleetSpec): PanelRow[] {
  const matchers = [
    is("namespace", fleet.namespace),
    is("contract", `$${VARIABLE.contract}`),
    `revision=~"$${VARIABLE.revision}"`,
  ];
  return [
    { title: "Traffic of $contract", panels: trafficPanels(matchers) },
    { title: "Time of $contract", panels: timePanels(matchers) },
    { title: "Calls that $contract makes", panels: madePanels(fleet) },
    { title: "Load of $contract", panels: loadPanels(matchers) },
    { title: "Pods of $contract", panels: podPanels(fleet, matchers) },
  ];
}

function trafficPanels(matchers: readonly Matcher[]): Panel[] {
  const calls = series(METRIC.requests, matchers);
  const byRevision = rate(calls, BY_REVISION);
  const failed = rate(series(METRIC.requests, [...matchers, isOneOf("code", SERVER_FAULT_CODES)]), BY_REVISION);
  return [
    timeseries({
      title: "Traffic by revision",
      description: "Share of the calls that each revision gets. Copies that a shadow gets are among them.",
      unit: "percentunit",
      stacked: true,
      queries: [
        { expr: share(byRevision, `scalar(${rate(calls, { window: WINDOW, by: [] })})`), legend: "{{revision}}" },
      ],
    }),
    timeseries({
      title: "Calls by method",
      description: "A message of a stream counts as a call.",
      unit: "reqps",
      queries: [
        { expr: rate(calls, { window: WINDOW, by: ["revision", "method"] }), legend: "{{revision}} {{method}}" },
      ],
    }),
    timeseries({
      title: "Answers by gRPC code",
      description: "RESOURCE_EXHAUSTED: refused, as too many calls wait.",
      unit: "reqps",
      stacked: true,
      queries: [{ expr: rate(calls, { window: WINDOW, by: ["revision", "code"] }), legend: "{{revision}} {{code}}" }],
    }),
    timeseries({
      title: "Failed by revision",
      description: `Share of the calls that failed by the server's fault: ${SERVER_FAULT_CODES.join(", ")}.`,
      unit: "percentunit",
      queries: [{ expr: share(`(${failed} or 0 * ${byRevision})`, byRevision), legend: "{{revision}}" }],
    }),
  ];
}

function timePanels(matchers: readonly Matcher[]): Panel[] {
  return [
    timeseries({
      title: "Latency",
      description: "Time of a call inside the server.",
      unit: "s",
      queries: quantiles(METRIC.duration, matchers),
    }),
    timeseries({
      title: "Queue",
      description: "Time that a call waits for a worker. Rises first where there are too few pods.",
      unit: "s",
      queries: quantiles(METRIC.queue, matchers),
    }),
    timeseries({
      title: "Inference",
      description: "Time of one run of the model, of however many calls.",
      unit: "s",
      queries: quantiles(METRIC.inference, matchers),
    }),
    timeseries({
      title: "Batching",
      description: "Joining and splitting calls, and the way to the worker and back.",
      unit: "s",
      queries: quantiles(METRIC.batch, matchers),
    }),
    timeseries({
      title: "Hop overhead by caller, p99",
      description: "What network and proxies add to a call, as the callers count it that have HopMetrics.",
      unit: "s",
      queries: [
        {
          expr: quantile(0.99, METRIC.hopOverhead, {
            matchers: [is("to", `$${VARIABLE.contract}`), `revision=~"$${VARIABLE.revision}"`],
            window: WINDOW,
            by: ["from", "revision"],
          }),
          legend: "{{from}} to {{revision}}",
        },
      ],
    }),
  ];
}

/** A composition's calls to others: where the time of the chain goes. Other contracts make none. */
function madePanels(fleet: FleetSpec): Panel[] {
  const made = [is("from", `$${VARIABLE.contract}`)];
  const by = { window: WINDOW, by: ["to", "revision"] };
  const hops = rate(series(`${METRIC.hopOverhead}_count`, made), by);
  const chain = [is("namespace", fleet.namespace), is("contract", `$${VARIABLE.contract}`)];
  return [
    timeseries({
      title: "Overhead of hops made, p99",
      description: "What network and proxies add to each call that a composition makes.",
      unit: "s",
      queries: [{ expr: quantile(0.99, METRIC.hopOverhead, { matchers: made, ...by }), legend: "{{to}} {{revision}}" }],
    }),
    timeseries({
      title: "Hops over budget",
      description: "Share of them to which more was added than the callee's objectives.hopOverhead.",
      unit: "percentunit",
      queries: [
        {
          expr: share(`(${rate(series(METRIC.hopOverBudget, made), by)} or 0 * ${hops})`, hops),
          legend: "{{to}} {{revision}}",
        },
      ],
    }),
    timeseries({
      title: "Overhead of the chain",
      description: "What network and proxies add to all the calls that one call sets off, side by side or not.",
      unit: "s",
      queries: quantiles(METRIC.chainOverhead, chain),
    }),
  ];
}

function loadPanels(matchers: readonly Matcher[]): Panel[] {
  return [
    timeseries({
      title: "Calls in flight",
      description: "Calls taken and not yet answered, by pod.",
      unit: "short",
      stacked: true,
      queries: [{ expr: podSum(METRIC.inFlight, matchers), legend: "{{revision}} {{pod}}" }],
    }),
    timeseries({
      title: "Queue filled",
      description: "Share of the places in the queue that are taken, by pod. At 100% calls are refused.",
      unit: "percentunit",
      queries: [
        {
          expr: share(podSum(METRIC.waiting, matchers), podSum(METRIC.queueSize, matchers)),
          legend: "{{revision}} {{pod}}",
        },
      ],
    }),
    timeseries({
      title: "Rows of a run",
      description: "How many rows one run of the model has, on average.",
      unit: "short",
      queries: [{ expr: mean(METRIC.batchRows, { matchers, ...BY_REVISION }), legend: "{{revision}}" }],
    }),
  ];
}

/** Metrics of the process say nothing of a model: its pod does. */
function podPanels(fleet: FleetSpec, matchers: readonly Matcher[]): Panel[] {
  const model = series(METRIC.modelReady, matchers);
  const ofModel = (expr: string) => `${expr} and on (namespace, pod) ${model}`;
  const process = (metric: string) => series(metric, [is("namespace", fleet.namespace)]);
  return [
    timeseries({
      title: "Pods with a loaded model",
      description: "By revision.",
      unit: "short",
      queries: [{ expr: `sum by (revision) (${model})`, legend: "{{revision}}" }],
    }),
    timeseries({
      title: "Workers that died",
      description: "And were started again.",
      unit: "short",
      queries: [
        {
          expr: `sum by (revision, pod) (increase(${series(METRIC.workerRestarts, matchers)}[${WINDOW}]))`,
          legend: "{{revision}} {{pod}}",
        },
      ],
    }),
    timeseries({
      title: "Processors",
      description: "In use, by pod.",
      unit: "short",
      queries: [{ expr: ofModel(`rate(${process(PROCESS_METRIC.processors)}[${WINDOW}])`), legend: "{{pod}}" }],
    }),
    timeseries({
      title: "Memory",
      description: "Resident, by pod.",
      unit: "bytes",
      queries: [{ expr: ofModel(process(PROCESS_METRIC.memory)), legend: "{{pod}}" }],
    }),
    timeseries({
      title: "Event loop lag, p99",
      description:
        "How late the main thread gets to its work. Above some milliseconds, reading and writing is the limit.",
      unit: "s",
      queries: [{ expr: ofModel(process(PROCESS_METRIC.eventLoopLag)), legend: "{{pod}}" }],
    }),
  ];
}

function quantiles(histogram: string, matchers: readonly Matcher[]): Query[] {
  return [0.5, 0.99].map((q) => ({
    expr: quantile(q, histogram, { matchers, ...BY_REVISION }),
    legend: `{{revision}} p${q * 100}`,
  }));
}

function podSum(metric: string, matchers: readonly Matcher[]): string {
  return `sum by (revision, pod) (${series(metric, matchers)})`;
}
