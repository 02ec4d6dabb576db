import { once } from "node:events";
import { type Client, type ClientDuplexStream, type Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { CallError, toCallError } from "./call-error.js";
import { type CallOptions, isCancelled, toGrpcOptions, toMetadata, watchCancellation } from "./call-options.js";
import { readTrailers } from "./hop.js";

/** A method as generated code, or a descriptor read at run time, describes it. */
export interface Method<Request, Response> {
  /** `/acme.fraud.v1.FraudService/Predict`. */
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** Where calls go, and whose they are. */
export interface Channel {
  readonly client: Client;
  /** `host:port`. */
  readonly target: string;
  /** Who calls, for hops. */
  readonly from: string;
}

/** Messages to be sent. An async iterable is read no faster than the server takes them. */
export type Messages<Message> = Iterable<Message> | AsyncIterable<Message>;

/**
 * Makes a call of one request and one answer.
 * @throws CallError
 */
export function callUnary<Request, Response>(
  channel: Channel,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    refuseCancelled(channel, method.path, options);
    const report = hopReporter(channel, method.path, options);
    const call = channel.client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      toMetadata(options),
      toGrpcOptions(options),
      (error, answer) => {
        if (error) reject(toCallError(error, method.path.slice(1), channel.target));
        else resolve(answer as Response);
      },
    );
    const unwatch = watchCancellation(options, () => call.cancel());
    call.on("status", (ended: StatusObject) => {
      unwatch();
      report(ended);
    });
  });
}

/**
 * Makes a call of any number of requests and answers. It begins when the first answer is asked for; leaving the loop
 * cancels it. Neither side is read faster than the other takes: memory stays bounded.
 * @throws CallError; or what `requests` threw
 */
export async function* callStream<Request, Response>(
  channel: Channel,
  method: Method<Request, Response>,
  requests: Messages<Request>,
  options: CallOptions,
): AsyncGenerator<Response, void, undefined> {
  refuseCancelled(channel, method.path, options);
  const report = hopReporter(channel, method.path, options);
  const call = channel.client.makeBidiStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    toMetadata(options),
    toGrpcOptions(options),
  );
  const over = new AbortController();
  const unwatch = watchCancellation(options, () => call.cancel());
  call.on("status", (ended: StatusObject) => {
    unwatch();
    over.abort();
    report(ended);
  });
  // The loop hears errors as long as it runs. Leaving it cancels the call, which is an error too, and one that nobody
  // hears ends the process.
  call.on("error", () => {});
  let failure: { readonly error: unknown } | undefined;
  send(call, requests, over.signal).catch((error) => {
    failure = { error };
    call.cancel();
  });
  try {
    for await (const response of call) yield response;
  } catch (error) {
    throw failure ? failure.error : toCallError(error, method.path.slice(1), channel.target);
  } finally {
    call.cancel();
  }
}

/** Once grpc-js has the call, a server may see it before its cancellation. */
function refuseCancelled({ target }: Channel, path: string, options: CallOptions): void {
  if (!isCancelled(options)) return;
  const details = "the call was given up before it was made";
  throw new CallError({ code: status.CANCELLED, details, method: path.slice(1), target });
}

async function send<Request>(
  call: ClientDuplexStream<Request, unknown>,
  requests: Messages<Request>,
  over: AbortSignal,
): Promise<void> {
  for await (const request of requests) {
    if (over.aborted) return;
    if (call.write(request)) continue;
    const drained = await once(call, "drain", { signal: over }).catch(() => undefined);
    if (!drained) return;
  }
  call.end();
}

/** Starts a hop's clock; what it returns tells those who listen that the hop is over. */
function hopReporter(channel: Channel, path: string, options: CallOptions): (ended: StatusObject) => void {
  const startedMs = performance.now();
  return ({ code, metadata }) => {
    if (!options.onHop) return;
    const elapsedMs = performance.now() - startedMs;
    const { from, target } = channel;
    options.onHop({
      from,
      ...splitPath(path),
      target,
      code,
      elapsedMs,
      ...readTrailers(metadata as Metadata, elapsedMs),
    });
  };
}

/** `/acme.fraud.v1.FraudService/Predict`: the package is the contract. */
function splitPath(path: string): { to: string; method: string } {
  const [service = "", method = ""] = path.slice(1).split("/");
  return { to: service.slice(0, Math.max(0, service.lastIndexOf("."))), method };
}
