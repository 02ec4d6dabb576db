import { existsSync, statSync } from "node:fs";
import type { DescMethod } from "@bufbuild/protobuf";
import { Command } from "commander";
import type { Channel } from "../client/call.js";
import { openChannel } from "../client/connect.js";
import type { FoundMethod } from "../client/find-method.js";
import { Reflection } from "../client/reflect.js";
import { shownFile } from "../fleet/findings.js";
import { formatBytes } from "../packaging/byte-size.js";
import { CallProxy } from "../testing/call-proxy.js";
import { Recorder, type RecorderCounts } from "../testing/recorder.js";
import { onStderr } from "./colors.js";
import { endSignal } from "./end-signal.js";
import { invocation } from "./invocation.js";
import { listening } from "./listening.js";
import { parsePercent, parsePort, parsePositive } from "./number-options.js";
import { type TlsOptions, toCredentials, withPort, withTlsOptions } from "./target.js";

interface RecordOptions extends TlsOptions {
  readonly target: string;
  readonly file: string;
  readonly host: string;
  readonly port: number;
  readonly only?: string;
  readonly sample: number;
  readonly maxSize: number;
  readonly maxCallSize: number;
  readonly append: boolean;
}

const MEBIBYTE = 2 ** 20;
const REFLECTION_DEADLINE_MS = 10_000;
/** Open calls may take so long once the recorder is told to end. */
const DRAIN_MS = 10_000;

const HELP = `
Point callers at the recorder: it passes each call on to the target, with headers, deadline and cancellation, and writes
down what went both ways. Headers are not written down, and of the messages not what the contract calls sensitive:

  string name = 1 [(flotilla.v1.sensitive) = true];

The file is for \`flotilla replay\` and \`flotilla compare\`; its format is proto/flotilla/v1/recording.proto. Ctrl-C ends.

Examples:
  flotilla record --target localhost:8500
  flotilla record --target tumor.models:8500 --only acme.tumor.v1 --sample 1 --max-size 50 --file tuesday.binpb`;

/** `flotilla record`: a proxy that writes real traffic to a file. */
export function createRecordCommand(): Command {
  return withTlsOptions(
    new Command("record")
      .description("Pass calls on to a server, and write them to a file: sampled, bounded, without what is sensitive.")
      .requiredOption("--target <host:port>", "server that the calls go to", withPort)
      .option("--file <file>", "recording to write", "recorded.binpb")
      .option("--host <address>", "address to listen on; 0.0.0.0 for callers on other machines", "127.0.0.1")
      .option("--port <port>", "port to listen on; 0 for any free one", parsePort, 8600)
      .option("--only <contract>", "record calls of this contract alone; others are passed on all the same")
      .option("--sample <percent>", "of the calls", parsePercent, 100)
      .option(
        "--max-size <MiB>",
        "of the file; when it is full, calls are passed on and not recorded",
        parsePositive,
        100,
      )
      .option("--max-call-size <MiB>", "of one call; longer ones are not recorded", parsePositive, 16)
      .option("--append", "go on with a file that is there", false)
      .addHelpText("after", HELP),
  ).action(record);
}

async function record(options: RecordOptions): Promise<void> {
  if (lengthOf(options.file) > 0 && !options.append) {
    throw new Error(`${shownFile(options.file)} is there already: name another file, or go on with it by --append`);
  }
  const channel = openChannel(options.target, { from: "flotilla-record", credentials: toCredentials(options) });
  try {
    const methods = await allMethods(channel);
    const recorder = await openRecorder(options);
    const proxy = await listening(options.port, "--port", () => startProxy(channel, methods, { recorder, options }));
    const ending = endSignal();
    announce(proxy, options);
    await ending;
    await proxy.close(DRAIN_MS);
    await recorder.close();
    process.stderr.write(`${countsLine(recorder.counts, options.file)}\n`);
  } finally {
    channel.client.close();
  }
}

/** Every method of every service that the target reflects on, reflection itself included. */
async function allMethods(channel: Channel): Promise<FoundMethod[]> {
  const reflection = new Reflection(channel, { deadlineMs: REFLECTION_DEADLINE_MS });
  const found: FoundMethod[] = [];
  for (const service of await reflection.services()) {
    const registry = await reflection.describe(service);
    for (const method of registry.getService(service)?.methods ?? []) found.push({ method, registry });
  }
  return found;
}

function openRecorder(options: RecordOptions): Promise<Recorder> {
  const { file, append, sample, maxSize, maxCallSize } = options;
  return Recorder.open({
    file,
    // An empty file is what a recorder that could not begin leaves.
    append: append || existsSync(file),
    samplePercent: sample,
    maxFileBytes: maxSize * MEBIBYTE,
    maxCallBytes: maxCallSize * MEBIBYTE,
    initialBytes: lengthOf(file),
    onFull: () => process.stderr.write(`${file} has ${maxSize} MiB: calls are passed on and no longer recorded\n`),
  });
}

function lengthOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

function startProxy(
  channel: Channel,
  found: readonly FoundMethod[],
  { recorder, options }: { readonly recorder: Recorder; readonly options: RecordOptions },
): Promise<CallProxy> {
  const registries = new Map(found.map(({ method, registry }) => [method, registry]));
  return CallProxy.start({
    channel,
    methods: found.map(({ method }) => method),
    host: options.host,
    port: options.port,
    tap: (method) => (isRecorded(method, options) ? recorder.tap(method, registries.get(method)!) : undefined),
  });
}

/** Questions about health and contracts are no traffic of a model. */
function isRecorded({ parent }: DescMethod, { only }: RecordOptions): boolean {
  const contract = parent.file.proto.package;
  return only === undefined ? !contract.startsWith("grpc.") : contract === only;
}

function announce(proxy: CallProxy, { target, file, host }: RecordOptions): void {
  process.stdout.write(`${host}:${proxy.port}\n`);
  const replay = `${invocation()} replay ${shownFile(file)} --target ${target}`;
  const lines = [`recording calls to ${target} in ${shownFile(file)}; Ctrl-C ends`, `then: ${replay}`];
  process.stderr.write(`${onStderr.dim(lines.join("\n"))}\n`);
}

function countsLine({ recorded, skipped, leftOut, fileBytes }: RecorderCounts, file: string): string {
  const others = [
    ...(skipped > 0 ? [`${skipped} not in the sample`] : []),
    ...(leftOut > 0 ? [`${leftOut} left out, too long or too many`] : []),
  ];
  return [`${recorded} calls recorded`, ...others, `${shownFile(file)} has ${formatBytes(fileBytes)}`].join("; ");
}
