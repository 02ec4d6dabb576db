import path from "node:path";
import pc from "picocolors";
import { formatSpec } from "../contract/signature.js";
import type { FleetSpec } from "../fleet/spec.js";
import type { Model } from "../serving/inference.js";
import { formatTable } from "./table.js";

/** What to tell of a server that has started. */
export interface ServeReport {
  readonly models: readonly Model[];
  /** Undefined for a bare repository. */
  readonly fleet: FleetSpec | undefined;
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly format: "table" | "json";
  readonly version: string;
}

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
    `${pc.bold(`Flotilla ${version}`)} serves ${ready.length} of ${models.length} models on ${pc.cyan(`${host}:${port}`)}${hint}`,
    `metrics: http://${reachable(host)}:${metricsPort}/metrics`,
    "",
    formatTable(["CONTRACT", "REVISION", "STATE", "INPUTS"], rows),
    "",
    ...(problems.length > 0 ? [pc.red("Not served:"), ...problems, ""] : []),
    ...(commands.length > 0 ? [pc.bold("Call one:"), ...commands.map((command) => `  ${command}`), ""] : []),
    "Ctrl-C drains and ends.",
    "",
  ].join("\n");
}

function state(model: Model): string {
  return model.state === "READY" ? pc.green("ready") : pc.red(model.state.toLowerCase());
}

function inputs(model: Model): string {
  return model.signature?.inputs.map((spec) => `${spec.name} ${formatSpec(spec)}`).join(", ") ?? "";
}

/** A command to copy. Where the fleet file names an example request it answers for real. */
function callCommand(model: Model, { fleet, host, port }: Pick<ServeReport, "fleet" | "host" | "port">): string {
  const target = `${reachable(host)}:${port}`;
  if (!fleet)
    return `grpcurl -plaintext -d '{"name":"${model.contract}"}' ${target} inference.GRPCInferenceService/ModelMetadata`;
  const example = fleet.contracts.find((contract) => contract.name === model.contract)?.example;
  const request = example ? `@${path.relative(process.cwd(), example)}` : "'{}'";
  const option = port === 8500 ? "" : ` --target ${target}`;
  return `npx flotilla call ${model.contract} ${request}${option}`;
}

function reachable(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "localhost" : host;
}
