import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { Channel } from "../client/call.js";
import type { MethodName } from "../client/find-method.js";
import { shownFile } from "../fleet/findings.js";
import { loadFleet } from "../fleet/load.js";
import { contractImage } from "../fleet/protos.js";
import type { ContractSpec } from "../fleet/spec.js";
import type { Disagreement } from "../testing/compare-messages.js";
import { disagreementLine } from "../testing/disagreement-line.js";
import { expectedFrom, toGoldenCase } from "../testing/golden-case.js";
import { formatGolden, recordAnswers } from "../testing/golden-record.js";
import { judgeAnswer } from "../testing/golden-verify.js";
import { type Answered, sendCall } from "../testing/send-call.js";
import { onStdout } from "./colors.js";
import { checkRevision, contractOfFleet, withCallees } from "./fleet-contracts.js";
import { fleetFile } from "./fleet-file.js";
import { type FleetServer, startFleetServer } from "./fleet-server.js";
import { type Draft, knownDrafts, newDraft } from "./golden-draft.js";
import { parseMethodName } from "./method-name.js";
import { Progress } from "./progress.js";
import { openTarget, parseDuration, type TlsOptions, withPort, withTlsOptions } from "./target.js";
import { addTolerance, type WrittenTolerances } from "./tolerance-option.js";

interface RecordCommandOptions extends TlsOptions {
  readonly case?: string;
  readonly fleet: string;
  readonly about?: string;
  readonly tolerance?: WrittenTolerances;
  readonly target?: string;
  readonly revision?: string;
  readonly deadline: number;
}

const HELP = `
With a request, one case is written; without one, every case of the contract is recorded anew, or the one that --case
names. Answers that agree with what is there leave it as it is. Look at what you record: a golden case says that the
answer is right.

A tolerance is FIELD=ABSOLUTE[,RELATIVE], or FIELD=ignore. Floats have one of 1e-6,1e-4 by themselves.

Examples:
  flotilla golden record acme.tumor.v1 @models/tumor/samples/request.json --case ten-samples
  flotilla golden record acme.ocr_detector.v1 @request.json --case invoice --tolerance boxes.corners=1
  flotilla golden record acme.tumor.v1 --revision r3`;

/** `flotilla golden record`: writes down what revisions answer. */
export function createGoldenRecordCommand(): Command {
  return withTlsOptions(
    new Command("record")
      .description("Call revisions with a request and keep their answers as a golden case.")
      .argument("<contract[/method]>", "acme.fraud.v1, acme.fraud.v1/PredictStream (method: Predict)", parseMethodName)
      .argument("[request]", "JSON, @file with JSON, or - for stdin; of a stream a list")
      .option("--case <name>", "name of the case; of its file too", parseCaseName)
      .option("--fleet <file>", "fleet file, or its folder", "fleet.yaml")
      .option("--about <text>", "what the case is there to show")
      .option("--tolerance <field=value>", "how far a field may be off; may be repeated", addTolerance)
      .option("--target <host:port>", "a running server in place of the fleet file's models", withPort)
      .option("--revision <name>", "this revision alone (default: all of the fleet file, or who answers at the target)")
      .option("--deadline <duration>", "how long one call may take", parseDuration, 30_000)
      .addHelpText("after", HELP),
  ).action(record);
}

async function record(name: MethodName, request: string | undefined, options: RecordCommandOptions): Promise<void> {
  const fleet = loadFleet(fleetFile(options.fleet));
  const contract = contractOfFleet(fleet, name.contract);
  if (options.revision !== undefined && options.target === undefined) checkRevision(contract, options.revision);
  const drafts =
    request === undefined
      ? await knownDrafts(fleet.root, contract.name, options)
      : [await newDraft(fleet.root, { name, request }, options)];
  let server: FleetServer | undefined;
  if (options.target === undefined) server = await startFleetServer(withCallees(fleet, [contract]));
  const channel = openTarget(options, server?.target, "flotilla-golden");
  const progress = new Progress("recorded", drafts.length);
  try {
    const image = await contractImage(fleet.root, contract.name);
    for (const [index, draft] of drafts.entries()) {
      const lines = await recordDraft(channel, draft, { contract, image, options });
      progress.end();
      process.stdout.write(`${lines.join("\n")}\n`);
      progress.show(index + 1);
    }
  } finally {
    progress.end();
    channel.client.close();
    await server?.close();
  }
}

interface Around {
  readonly contract: ContractSpec;
  readonly image: Uint8Array;
  readonly options: RecordCommandOptions;
}

/** Records one case; returns what there is to say of it. */
async function recordDraft(channel: Channel, draft: Draft, { contract, image, options }: Around): Promise<string[]> {
  const golden = toGoldenCase(draft.path, draft.file, image);
  const isWhole = options.target === undefined && options.revision === undefined;
  const asked = isWhole ? contract.revisions.map(({ name }) => name) : [options.revision];
  const answers = new Map<string, Answered>();
  for (const revision of asked) {
    const answered = await sendCall(channel, golden, { revision, deadlineMs: options.deadline });
    const by = answered.revision ?? revision;
    if (by === undefined)
      throw new Error(`${channel.target} does not say which revision answered: name it with --revision`);
    if (revision !== undefined && by !== revision) throw new Error(`${revision} was asked for, and ${by} answered`);
    answers.set(by, answered);
  }
  const changes = [...answers].map(([revision, answered]) => {
    const expected = expectedFrom(golden, revision);
    return { revision, judged: expected && judgeAnswer(golden, expected, answered), answered };
  });
  const isKnown = changes.every(({ judged }) => judged && !judged.problem && judged.disagreements.length === 0);
  if (!isKnown) {
    mkdirSync(path.dirname(draft.path), { recursive: true });
    writeFileSync(draft.path, formatGolden(recordAnswers(golden, draft.file, { answers, isWhole })));
  } else if (options.about !== undefined || options.tolerance !== undefined) {
    writeFileSync(draft.path, formatGolden(draft.file));
  }
  const said = changes.map(({ revision, judged, answered }) => changeText(revision, judged, answered));
  return [`${onStdout.bold(shownFile(draft.path))}`, ...said.flat()];
}

function changeText(
  revision: string,
  judged: { problem: string | undefined; disagreements: readonly Disagreement[] } | undefined,
  { error }: Answered,
): string[] {
  const answer = error ? `refuses: ${error.codeName}: ${error.details}` : "recorded";
  if (!judged) return [`  ${revision} ${answer}`];
  if (judged.problem !== undefined) return [`  ${revision} changed: ${judged.problem}`];
  if (judged.disagreements.length === 0) return [`  ${revision} as before`];
  return [`  ${revision} changed:`, ...judged.disagreements.map((one) => `    ${disagreementLine(one)}`)];
}

function parseCaseName(text: string): string {
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(text)) {
    throw new InvalidArgumentError("expected a file name of letters, digits, points and dashes, such as ten-samples");
  }
  return text.replace(/\.json$/, "");
}
