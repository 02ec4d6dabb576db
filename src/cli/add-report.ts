import path from "node:path";
import { type Contract, loadContract } from "../contract/contract.js";
import { exampleRequest } from "../contract/example-request.js";
import { contractImage } from "../fleet/protos.js";
import { type Change, listChanges } from "./add-apply.js";
import type { AddPlan } from "./add-plan.js";
import { onStdout } from "./colors.js";
import { invocation } from "./invocation.js";

const DONE = { copied: "copied", created: "wrote", changed: "changed" } as const;
const PLANNED = { copied: "would copy", created: "would write", changed: "would change" } as const;

/** What was done, or with `dryRun` would be, as text for people. */
export async function textReport(plan: AddPlan, dryRun: boolean): Promise<string> {
  const { request, revision, sha256 } = plan;
  const changes = listChanges(plan);
  const verbs = dryRun ? PLANNED : DONE;
  const width = Math.max(0, ...changes.map((change) => verbs[change.action].length));
  const lines = changes.map((change) => `${verbs[change.action].padEnd(width)}  ${describe(plan, change)}`);
  const head = plan.fleetText === undefined ? "is already" : dryRun ? "would be" : "is";
  const summary = `${request.source} ${head} ${request.contract} ${revision} (sha256 ${sha256.slice(0, 12)}…)`;
  const contractText = dryRun && plan.contract.text !== undefined ? ["", plan.contract.text.trimEnd(), ""] : [];
  const next = dryRun ? [] : await nextSteps(plan);
  return [...contractText, ...lines, onStdout.green(summary), ...notes(plan), ...next, ""].join("\n");
}

/** The same as JSON, for scripts. */
export async function jsonReport(plan: AddPlan, dryRun: boolean): Promise<string> {
  const { request, revision, sha256, kind, file, contract, state } = plan;
  const report = {
    contract: request.contract,
    revision,
    [kind]: file,
    sha256,
    fleet: state.file,
    contractFile: contract.file,
    added: plan.fleetText !== undefined,
    dryRun,
    changes: listChanges(plan),
    ...(dryRun ? { contractText: contract.text } : { next: (await nextCommands(plan)).map(({ command }) => command) }),
    notes: notes(plan),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function describe({ state }: AddPlan, { file, from }: Change): string {
  const shown = shownPath(state.root, file);
  return from === undefined ? shown : `${path.relative(process.cwd(), from)} to ${shown}`;
}

/** A path as the user would type it. */
function shownPath(root: string, file: string): string {
  return path.relative(process.cwd(), path.join(root, file));
}

/** What the user may not expect. */
function notes({ request, contract, idle, revision, state, fleetText }: AddPlan): string[] {
  const ignored = Object.entries(request.choices).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`],
  );
  const found: string[] = [];
  if (contract.text === undefined && ignored.length > 0) {
    found.push(
      `The contract is there already, in ${shownPath(state.root, contract.file)}: ${ignored.join(", ")} ${ignored.length === 1 ? "changes" : "change"} nothing.`,
    );
  }
  if (contract.transformed && contract.text === undefined && fleetText !== undefined) {
    found.push("Whether the model fits its transform shows when it is served, or by `flotilla check`.");
  }
  if (idle) found.push(`${revision} gets no calls yet: give it a share under \`traffic\` in ${state.file}.`);
  return found;
}

interface Step {
  readonly what: string;
  readonly command: string;
}

async function nextSteps(plan: AddPlan): Promise<string[]> {
  const steps = await nextCommands(plan);
  return [
    "",
    onStdout.bold("Next:"),
    ...steps.flatMap(({ what, command }) => [`  ${onStdout.dim(`# ${what}`)}`, `  ${command}`]),
  ];
}

async function nextCommands(plan: AddPlan): Promise<Step[]> {
  const { request, state, contract, idle, revision, kind } = plan;
  const edit = `$EDITOR ${shownPath(state.root, contract.file)}`;
  if (contract.transformed && contract.text !== undefined) {
    const command = `${edit} ${request.transform ?? ""}`.trim();
    return [{ what: "give the messages fields, and write the transform", command }];
  }
  if (kind === "module" && contract.text !== undefined) {
    return [
      { what: "give the messages fields", command: edit },
      { what: "and see whether all of it holds together", command: `${invocation()} check ${state.file}` },
    ];
  }
  const serve = { what: "serve it", command: `${invocation()} serve ${state.file}` };
  const service = loadContract(await contractImage(state.root, request.contract), request.contract);
  const example = readExample(service);
  const pin = idle ? ` --revision ${revision}` : "";
  const call = `${invocation()} call ${request.contract}${methodToCall(service)}`;
  if (example !== undefined)
    return [serve, { what: "and call it from another terminal", command: `${call} '${example}'${pin}` }];
  return [
    serve,
    { what: "from another terminal, make a request to fill in", command: `${call} --template > request.json` },
    { what: "and send it", command: `${call} @request.json${pin}` },
  ];
}

/** `/Read` where there is no Predict, which is called without being named. */
function methodToCall({ methods }: Contract): string {
  const [first] = methods;
  return first === undefined || methods.some(({ name }) => name === "Predict") ? "" : `/${first.name}`;
}

/** A request of zeros, as JSON on one line. */
function readExample(contract: Contract): string | undefined {
  const unary = contract.methods.find((method) => method.kind === "unary");
  const example = unary && contract.signature ? exampleRequest(unary.request) : undefined;
  return example === undefined ? undefined : JSON.stringify(example);
}
