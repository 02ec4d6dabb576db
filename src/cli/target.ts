import { readFileSync } from "node:fs";
import { type ChannelCredentials, credentials, type MetadataValue, status } from "@grpc/grpc-js";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Channel } from "../client/call.js";
import type { CallError } from "../client/call-error.js";
import { openChannel } from "../client/connect.js";
import { DURATION_PATTERN, toMs } from "../fleet/units.js";

type Headers = Readonly<Record<string, MetadataValue>>;

/** How a server is spoken to: plainly, unless one of these is there. */
export interface TlsOptions {
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Which server a command calls, and how. */
export interface TargetOptions extends TlsOptions {
  readonly target: string;
  readonly metadata?: Headers;
}

/** `--target host:port`. */
export function targetOption(): Option {
  return new Option("--target <host:port>", "server to call").argParser(withPort).default("localhost:8500");
}

/** `--metadata name=value`. */
export function metadataOption(): Option {
  const help = "send a header; may be repeated; names ending in -bin take base64";
  return new Option("--metadata <name=value>", help).argParser(addHeader);
}

/** `--tls` and its like. */
export function tlsOptions(): Option[] {
  return [
    new Option("--tls", "encrypt, and check the server's certificate against the machine's authorities"),
    new Option("--ca <file>", "check it against this authority (PEM); implies --tls"),
    new Option("--cert <file>", "certificate of the caller (PEM), with --key; implies --tls"),
    new Option("--key <file>", "private key of the caller (PEM)"),
  ];
}

/** The command with `--tls` and its like. */
export function withTlsOptions(command: Command): Command {
  for (const option of tlsOptions()) command.addOption(option);
  return command;
}

/** What a call's failure means, and what to do. */
export function explain(error: CallError): string {
  const { code, codeName, details, target, retryAfterMs } = error;
  if (code === status.UNAVAILABLE && details.includes("ECONNREFUSED")) {
    return `nothing listens at ${target}: start a server with \`flotilla serve\`, or name another with --target host:port`;
  }
  if (code === status.UNAVAILABLE && /name resolution|ENOTFOUND|EAI_AGAIN/i.test(details)) {
    return `${target}: there is no host of that name`;
  }
  return `${codeName}: ${details}${retryAfterMs === undefined ? "" : ` (try again in ${retryAfterMs} ms)`}`;
}

/** How the channel is secured. */
export function toCredentials({ tls, ca, cert, key }: TlsOptions): ChannelCredentials {
  if (!tls && ca === undefined && cert === undefined) return credentials.createInsecure();
  if ((cert === undefined) !== (key === undefined)) throw new Error("--cert and --key belong together");
  const read = (file: string | undefined) => (file === undefined ? null : readFileSync(file));
  return credentials.createSsl(read(ca), read(key), read(cert));
}

/** A channel to the server that a command was given, or else to the one that it serves itself, on this machine. */
export function openTarget(
  options: TlsOptions & { readonly target?: string },
  own: string | undefined,
  from: string,
): Channel {
  if (options.target === undefined) return openChannel(own!, { from });
  return openChannel(options.target, { from, credentials: toCredentials(options) });
}

/** Reads `host` and `host:port`; the port is then the server's own. */
export function withPort(target: string): string {
  return /:\d+$/.test(target) || target.includes("/") ? target : `${target}:8500`;
}

/** Milliseconds of `500ms`, `5s`. */
export function parseDuration(text: string): number {
  if (!DURATION_PATTERN.test(text)) throw new InvalidArgumentError("expected a duration such as 500ms, 5s or 1m");
  return toMs(text);
}

function addHeader(text: string, headers?: Headers): Headers {
  const [, name, value] = /^([A-Za-z0-9_.-]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("expected name=value");
  return { ...headers, [name.toLowerCase()]: name.endsWith("-bin") ? Buffer.from(value!, "base64") : value! };
}
