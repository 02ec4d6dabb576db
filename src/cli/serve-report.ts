import path from "node:path";
import type { Contract } from "../contract/contract.js";
import { exampleRequest } from "../contract/example-request.js";
import { formatSpec } from "../contract/signature.js";
import type { FleetSpec } from "../fleet/spec.js";
import type { Model } from "../serving/inference.js";
import { onStdout } from "./colors.js";
import { invocation } from "./invocation.js";
import { formatTable } from "./table.js";

/** What to tell of a server that has started. */
export interface ServeReport {
  readonly models: readonly Model[];
  /** Contracts that could be read. */
  readonly contracts: readonly Contract[];
  /** Undefined for a bare repository. */
  readonly fleet: FleetSpec | undefined;
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly format: "table" | "json";
  readonly version: string;
}

type Target = Pick<ServeReport, "contracts" | "fleet" | "host" | "port">;

const DEFAULT_PORT = 8500;
/** Longest request that is put on the command line. */
const MAX_INLINE = 200;

/** One table of what is served and how to call it, or the same as JSON. */
export function serveReport(report: ServeReport): string {
  return report.format === "json" ? `${JSON.stringify(toJson(report), undefined, 2)}\n` : toText(report);
}

function toJson({ models, host, port, metricsPort, ...report }: ServeReport): object {
  return {
    address: `${host}:${port}`,
    metrics: `http://${reachable(host)}:${metricsPort}/metrics`,
    models: models.map((model) => ({
      contract: model.contract,
      revision: model.revision,
      state: model.state,
      digest: model.digest,
      problem: model.problem,
      inputs: model.signature?.inputs,
      outputs: model.signature?.outputs,
      call: callCommand(model, { ...report, host, port }),
    })),
  };
}

function toText(report: ServeReport): string {
  const { models, host, port, metricsPort, version } = report;
  const ready = models.filter((model) => model.state === "READY");
  const rows = models.map((model) => [model.contract, model.revision, state(model), inputs(model)]);
  const commands = [...new Set(ready.map((model) => callCommand(model, report)))];
  const problems = models
    .filter((model) => model.state === "FAILED")
    .map((model) => `  ${model.contract}/${model.revision}: ${model.problem}`);
  const hint = host === "127.0.0.1" || host === "localhost" ? " (this machine alone; --host 0.0.0.0 for others)" : "";
  return [
    "",
    `${onStdout.bold(`Flotilla ${version}`)} serves ${ready.length} of ${models.length} models on ${onStdout.cyan(`${host}:${port}`)}${hint}`,
    `metrics: http://${reachable(host)}:${metricsPort}/metrics`,
    "",
    formatTable(["CONTRACT", "REVISION", "STATE", "INPUTS"], rows),
    "",
    ...(problems.length > 0 ? [onStdout.red("Not served:"), ...problems, ""] : []),
    ...(commands.length > 0 ? [onStdout.bold("Call one:"), ...commands.map((command) => `  ${command}`), ""] : []),
    "Ctrl-C drains and ends.",
    "",
  ].join("\n");
}

function state(model: Model): string {
  return model.state === "READY" ? onStdout.green("ready") : onStdout.red(model.state.toLowerCase());
}

function inputs(model: Model): string {
  return model.signature?.inputs.map((spec) => `${spec.name} ${formatSpec(spec)}`).join(", ") ?? "";
}

/** `call` takes Predict without being told. */
function methodName(contract: Contract | undefined): string {
  const names = contract?.methods.map(({ name }) => name) ?? [];
  return names.length === 0 || names.includes("Predict") ? "" : `/${names[0]}`;
}

/** A command to copy. It answers for real, or shows what to fill in where an example would be too long to read. */
function callCommand(model: Model, { contracts, fleet, host, port }: Target): string {
  const target = `${reachable(host)}:${port}`;
  if (!fleet) {
    const query = JSON.stringify({ name: model.contract });
    return `grpcurl -plaintext -d '${query}' ${target} inference.GRPCInferenceService/ModelMetadata`;
  }
  const file = fleet.contracts.find(({ name }) => name === model.contract)?.example;
  const contract = contracts.find(({ name }) => name === model.contract);
  const request = file ? `@${path.relative(process.cwd(), file)}` : inlineRequest(contract);
  const option = port === DEFAULT_PORT ? "" : ` --target ${target}`;
  return `${invocation()} call ${model.contract}${methodName(contract)} ${request}${option}`;
}

/** A request on the command line, for the method that `call` takes without asking. */
function inlineRequest(contract: Contract | undefined): string {
  const predict = contract?.methods.find(({ name }) => name === "Predict");
  const example = contract?.signature && predict && exampleRequest(predict.request);
  const json = example === undefined ? "" : JSON.stringify(example);
  return json === "" || json.length > MAX_INLINE ? "--template" : `'${json}'`;
}

function reachable(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "localhost" : host;
}
