import { type ChannelCredentials, type ChannelOptions, Client, credentials, status } from "@grpc/grpc-js";
import { type Channel, callStream, callUnary, type Messages, type Method } from "./call.js";
import { CallError } from "./call-error.js";
import type { CallOptions } from "./call-options.js";

/** How a service is reached, and what holds for all calls to it. */
export interface ConnectOptions
  extends Pick<CallOptions, "revision" | "cohort" | "pins" | "release" | "metadata" | "onHop"> {
  /** How long a unary call may take. Streams have no deadline but their own call's. @default 5000 */
  readonly deadlineMs?: number;
  /** Name of the service that calls, for hops. @default the environment's OTEL_SERVICE_NAME, or "unknown" */
  readonly from?: string;
  /** @default no TLS: in a mesh the sidecars encrypt and authenticate */
  readonly credentials?: ChannelCredentials;
  /** Further options of grpc-js's channel. They win over those that `connect` sets. */
  readonly channel?: ChannelOptions;
}

/** A service's methods as functions. Those that stream give async iterables. */
export type Calls<Service> = { readonly [Name in keyof Service]: CallOf<Service[Name]> };

/** A service that calls can be made to. */
export type Connection<Service> = Calls<Service> & {
  /**
   * Waits until the server takes calls. Not needed before a call: it waits by itself.
   * @throws CallError UNAVAILABLE, where it took longer than `timeoutMs`
   */
  ready(timeoutMs: number): Promise<void>;
  /** Takes no more calls, and lets the connection go once open ones are over. */
  close(): void;
};

type CallOf<M> =
  M extends MethodShape<infer Request, infer Response>
    ? M["requestStream"] extends true
      ? M["responseStream"] extends true
        ? (requests: Messages<Request>, options?: CallOptions) => AsyncIterable<Response>
        : (requests: Messages<Request>, options?: CallOptions) => Promise<Response>
      : M["responseStream"] extends true
        ? (request: Request, options?: CallOptions) => AsyncIterable<Response>
        : (request: Request, options?: CallOptions) => Promise<Response>
    : never;

/** A method as ts-proto describes it. */
export interface MethodShape<Request, Response> extends Method<Request, Response> {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

const DEFAULT_DEADLINE_MS = 5000;
/** What a Flotilla server takes and sends by default. */
const MAX_MESSAGE_BYTES = 64 * 2 ** 20;

/**
 * Connects to a service: `connect(FraudServiceClient, "fraud.models:8500")`. It does not wait for the server, never
 * fails, and holds one connection, which heals itself. A call is never retried here: the mesh does that, and two who
 * retry multiply.
 * @param service the client that ts-proto generated for the contract
 * @param target `host:port`
 */
export function connect<Service extends object>(
  { service }: { readonly service: Service },
  target: string,
  options: ConnectOptions = {},
): Connection<Service> {
  const channel = openChannel(target, options);
  const calls = Object.entries(service).map(([name, method]) => [name, toCall(channel, method, options)]);
  return {
    ...(Object.fromEntries(calls) as Calls<Service>),
    ready: (timeoutMs: number) => waitForReady(channel, timeoutMs),
    close: () => channel.client.close(),
  };
}

/** A channel by itself, for calls whose methods are known at run time alone. */
export function openChannel(target: string, options: ConnectOptions = {}): Channel {
  const client = new Client(target, options.credentials ?? credentials.createInsecure(), {
    "grpc.enable_retries": 0,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    ...options.channel,
  });
  return { client, target, from: options.from ?? process.env.OTEL_SERVICE_NAME ?? "unknown" };
}

function toCall(channel: Channel, method: MethodShape<unknown, unknown>, connection: ConnectOptions) {
  const { deadlineMs = DEFAULT_DEADLINE_MS } = connection;
  if (!method.requestStream && !method.responseStream) {
    return (request: unknown, call: CallOptions = {}) =>
      callUnary(channel, method, request, merge({ ...connection, deadlineMs }, call));
  }
  const stream = (requests: Messages<unknown>, call: CallOptions = {}) =>
    callStream(channel, method, requests, merge({ ...connection, deadlineMs: undefined }, call));
  if (method.requestStream && method.responseStream) return stream;
  // On the wire the four kinds of calls are one.
  if (method.responseStream) return (request: unknown, call?: CallOptions) => stream([request], call);
  return (requests: Messages<unknown>, call?: CallOptions) =>
    only(stream(requests, call), { method: method.path.slice(1), target: channel.target });
}

/** What a call says wins over what its connection says. Both are told of the hop. */
function merge(connection: CallOptions, call: CallOptions): CallOptions {
  return {
    ...call,
    deadlineMs: call.deadlineMs ?? connection.deadlineMs,
    revision: call.revision ?? connection.revision,
    cohort: call.cohort ?? connection.cohort,
    pins: call.pins ?? connection.pins,
    release: call.release ?? connection.release,
    metadata: { ...connection.metadata, ...call.metadata },
    onHop: (hop) => {
      connection.onHop?.(hop);
      call.onHop?.(hop);
    },
  };
}

async function only<Response>(
  responses: AsyncIterable<Response>,
  of: { readonly method: string; readonly target: string },
): Promise<Response> {
  let answer: { readonly response: Response } | undefined;
  for await (const response of responses) answer ??= { response };
  if (!answer)
    throw new CallError({ ...of, code: status.INTERNAL, details: "the call ended well, but without an answer" });
  return answer.response;
}

function waitForReady({ client, target }: Channel, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + timeoutMs, (cause) => {
      if (!cause) return resolve();
      const details = `no connection within ${timeoutMs} ms`;
      reject(new CallError({ code: status.UNAVAILABLE, details, method: "connect", target, cause }));
    });
  });
}
