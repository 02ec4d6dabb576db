import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type ChannelCredentials, credentials, type MetadataValue, status } from "@grpc/grpc-js";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Channel, callStream, callUnary } from "../client/call.js";
import { CallError } from "../client/call-error.js";
import type { CallOptions } from "../client/call-options.js";
import { openChannel } from "../client/connect.js";
import type { Hop } from "../client/hop.js";
import { Reflection } from "../client/reflect.js";
import { BindingReader } from "../contract/binding-reader.js";
import { exampleRequest } from "../contract/example-request.js";
import { DURATION_PATTERN, toMs } from "../fleet/units.js";
import { answerJson, answerLine, answerTable, hopLine } from "./call-answer.js";
import {
  type FoundMethod,
  findByReflection,
  findLocally,
  type MethodName,
  parseMethodName,
  toChannelMethod,
} from "./call-method.js";
import { type RequestSource, readRequest, readRequests, toRequestSource } from "./call-request.js";
import { requestTemplate } from "./call-template.js";

type Headers = Readonly<Record<string, MetadataValue>>;

interface CallCommandOptions {
  readonly target: string;
  readonly revision?: string;
  readonly deadline?: number;
  readonly metadata?: Headers;
  readonly output: "table" | "json";
  readonly local?: boolean;
  readonly protoRoot: string;
  readonly template?: boolean;
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Of a unary call, and of each question to the server's reflection. */
/** Values that a template may hold: a picture of 3 x 640 x 640 fits. */
const MAX_TEMPLATE_VALUES = 1 << 21;
/** Longest template that is indented. */
const MAX_INDENTED = 8192;
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
  return new Command("call")
    .description("Call a method with JSON. What it takes is asked of the server: no .proto is needed.")
    .argument("<contract[/method]>", "acme.fraud.v1, acme.fraud.v1/PredictStream (method: Predict)", parseMethodName)
    .argument("[request]", "JSON, @file with JSON, or - for stdin", "{}")
    .option("--target <host:port>", "server to call", withPort, "localhost:8500")
    .option("--revision <name>", "ask for this revision, r2 (default: the server chooses)")
    .option("--deadline <duration>", "how long the call may take, 500ms or 5s (for streams: none)", parseDuration)
    .option("--metadata <name=value>", "send a header; may be repeated; names ending in -bin take base64", addHeader)
    .addOption(new Option("--output <format>", "how to print the answer").choices(["table", "json"]).default("table"))
    .option("--template", "print a request to fill in, and call nothing")
    .option("--local", "read the contract from .proto files instead of asking the server")
    .option("--proto-root <folder>", "folder that holds proto/, for --local", ".")
    .option("--tls", "encrypt, and check the server's certificate against the machine's authorities")
    .option("--ca <file>", "check it against this authority (PEM); implies --tls")
    .option("--cert <file>", "certificate of the caller (PEM), with --key; implies --tls")
    .option("--key <file>", "private key of the caller (PEM)")
    .addHelpText("after", HELP)
    .action(call);
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

function explain(error: CallError): string {
  const { code, codeName, details, target, retryAfterMs } = error;
  if (code === status.UNAVAILABLE && details.includes("ECONNREFUSED")) {
    return `nothing listens at ${target}: start a server with \`flotilla serve\`, or name another with --target host:port`;
  }
  if (code === status.UNAVAILABLE && /name resolution|ENOTFOUND|EAI_AGAIN/i.test(details)) {
    return `${target}: there is no host of that name`;
  }
  return `${codeName}: ${details}${retryAfterMs === undefined ? "" : ` (try again in ${retryAfterMs} ms)`}`;
}

function toCredentials({ tls, ca, cert, key }: CallCommandOptions): ChannelCredentials {
  if (!tls && ca === undefined && cert === undefined) return credentials.createInsecure();
  if ((cert === undefined) !== (key === undefined)) throw new Error("--cert and --key belong together");
  const read = (file: string | undefined) => (file === undefined ? null : readFileSync(file));
  return credentials.createSsl(read(ca), read(key), read(cert));
}

function withPort(target: string): string {
  return /:\d+$/.test(target) || target.includes("/") ? target : `${target}:8500`;
}

function parseDuration(text: string): number {
  if (!DURATION_PATTERN.test(text)) throw new InvalidArgumentError("expected a duration such as 500ms, 5s or 1m");
  return toMs(text);
}

function addHeader(text: string, headers?: Headers): Headers {
  const [, name, value] = /^([A-Za-z0-9_.-]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("expected name=value");
  return { ...headers, [name.toLowerCase()]: name.endsWith("-bin") ? Buffer.from(value!, "base64") : value! };
}
