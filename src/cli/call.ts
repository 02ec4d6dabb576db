import { once } from "node:events";
import path from "node:path";
import { Command, Option } from "commander";
import { type Channel, callStream, callUnary } from "../client/call.js";
import { CallError } from "../client/call-error.js";
import type { CallOptions } from "../client/call-options.js";
import { openChannel } from "../client/connect.js";
import {
  type FoundMethod,
  findByReflection,
  findLocally,
  type MethodName,
  toChannelMethod,
} from "../client/find-method.js";
import type { Hop } from "../client/hop.js";
import { Reflection } from "../client/reflect.js";
import { BindingReader } from "../contract/binding-reader.js";
import { exampleRequest } from "../contract/example-request.js";
import { answerJson, answerLine, answerTable, hopLine } from "./call-answer.js";
import { type RequestSource, readRequest, readRequests, toRequestSource } from "./call-request.js";
import { requestTemplate } from "./call-template.js";
import { parseMethodName } from "./method-name.js";
import {
  explain,
  metadataOption,
  parseDuration,
  type TargetOptions,
  targetOption,
  tlsOptions,
  toCredentials,
} from "./target.js";

interface CallCommandOptions extends TargetOptions {
  readonly revision?: string;
  readonly release?: string;
  readonly deadline?: number;
  readonly output: "table" | "json";
  readonly local?: boolean;
  readonly protoRoot: string;
  readonly template?: boolean;
}

/** Values that a template may hold: a picture of 3 x 640 x 640 fits. */
const MAX_TEMPLATE_VALUES = 1 << 21;
/** Longest template that is indented. */
const MAX_INDENTED = 8192;
/** Of a unary call, and of each question to the server's reflection. */
const DEFAULT_DEADLINE_MS = 10_000;

const HELP = `
A path behind "@" in a field of type bytes stands for the file's content: relative to the working folder, or to the
JSON file that it stands in. A method that takes a stream reads a JSON array, or one message a line.

Examples:
  flotilla call acme.tumor.v1 @models/tumor/samples/request.json
  flotilla call acme.tumor.v1 @models/tumor/samples/request.json --revision r2 --output json
  flotilla call acme.digits.v1 '{"images": ["@models/digits/samples/7.jpg"]}'
  flotilla call acme.digits.v1 --template
  cat chunks.ndjson | flotilla call acme.voice.v1/PredictStream -`;

/** `flotilla call`: calls a model with JSON and prints its answer. */
export function createCallCommand(): Command {
  const command = new Command("call")
    .description("Call a method with JSON. What it takes is asked of the server: no .proto is needed.")
    .argument("<contract[/method]>", "acme.fraud.v1, acme.fraud.v1/PredictStream (method: Predict)", parseMethodName)
    .argument("[request]", "JSON, @file with JSON, or - for stdin", "{}")
    .addOption(targetOption())
    .option("--revision <name>", "ask for this revision, r2 (default: the server chooses)")
    .option("--release <name>", "be answered by the revisions of this release alone, 2026-11")
    .option("--deadline <duration>", "how long the call may take, 500ms or 5s (for streams: none)", parseDuration)
    .addOption(metadataOption())
    .addOption(new Option("--output <format>", "how to print the answer").choices(["table", "json"]).default("table"))
    .option("--template", "print a request to fill in, and call nothing")
    .option("--local", "read the contract from .proto files instead of asking the server")
    .option("--proto-root <folder>", "folder that holds proto/, for --local", ".")
    .addHelpText("after", HELP)
    .action(call);
  for (const option of tlsOptions()) command.addOption(option);
  return command;
}

async function call(name: MethodName, argument: string, options: CallCommandOptions): Promise<void> {
  const channel = openChannel(options.target, { from: "flotilla-call", credentials: toCredentials(options) });
  try {
    const found = await find(channel, name, options);
    if (options.template) await print(templateText(found));
    else await callAndPrint(channel, found, { source: toRequestSource(argument, process.stdin), options });
  } catch (error) {
    throw error instanceof CallError ? new Error(explain(error), { cause: error }) : error;
  } finally {
    channel.client.close();
  }
}

function find(channel: Channel, name: MethodName, options: CallCommandOptions): Promise<FoundMethod> {
  if (options.local) return findLocally(path.resolve(options.protoRoot), name);
  const { metadata } = options;
  return findByReflection(
    new Reflection(channel, { metadata, deadlineMs: options.deadline ?? DEFAULT_DEADLINE_MS }),
    name,
  );
}

interface Task {
  readonly source: RequestSource;
  readonly options: CallCommandOptions;
}

async function callAndPrint(channel: Channel, found: FoundMethod, { source, options }: Task): Promise<void> {
  let hop: Hop | undefined;
  const streams = found.method.methodKind !== "unary";
  const callOptions: CallOptions = {
    deadlineMs: options.deadline ?? (streams ? undefined : DEFAULT_DEADLINE_MS),
    revision: options.revision,
    release: options.release,
    metadata: options.metadata,
    onHop: (over) => {
      hop = over;
    },
  };
  try {
    for await (const line of answers(channel, found, { source, options, callOptions })) await print(line);
  } finally {
    // An open stdin would keep the process alive after a call that failed.
    if (source.kind === "stdin") source.stream.destroy();
  }
  if (hop) process.stderr.write(`${hopLine(hop)}\n`);
}

async function* answers(
  channel: Channel,
  found: FoundMethod,
  { source, options, callOptions }: Task & { readonly callOptions: CallOptions },
): AsyncGenerator<string> {
  const method = toChannelMethod(found.method);
  const json = options.output === "json";
  const { methodKind } = found.method;
  if (methodKind === "unary") {
    const answer = await callUnary(channel, method, await readRequest(source, found), callOptions);
    yield json ? JSON.stringify(answerJson(answer, found), undefined, 2) : answerTable(answer, found);
    return;
  }
  const requests = methodKind === "server_streaming" ? [await readRequest(source, found)] : readRequests(source, found);
  for await (const answer of callStream(channel, method, requests, callOptions)) {
    yield json ? JSON.stringify(answerJson(answer, found)) : answerLine(answer, found);
  }
}

/** A reader that is slow holds the stream back, rather than filling the memory. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, "drain");
}

/** Every field once; those that are bound to tensors with as many values as the contract takes. */
function templateText({ method, registry }: FoundMethod): string {
  const binding = new BindingReader(registry, () => {}).message(method.input);
  const request = Object.assign({}, requestTemplate(method.input), exampleRequest(binding, MAX_TEMPLATE_VALUES));
  const text = JSON.stringify(request, undefined, 2);
  // A value a line is no help to anybody where there are thousands.
  return text.length > MAX_INDENTED ? JSON.stringify(request) : text;
}
