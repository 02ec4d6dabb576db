import { type CallOptions as GrpcCallOptions, type Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { toMetadata } from "./call-options.js";
import type { ConnectOptions } from "./connect.js";
import { openChannel } from "./connect.js";
import { readTrailers, type ServerTiming } from "./hop.js";

/** Which method is called, over and over, and with what. */
export interface RawCallOptions extends ConnectOptions {
  /** `/acme.fraud.v1.FraudService/Predict`. */
  readonly path: string;
  /** Encoded requests, sent in turn; at least one. */
  readonly requests: readonly Buffer[];
  /** HTTP/2 connections that the calls take in turn. */
  readonly connections: number;
  readonly onAnswer?: (answer: Buffer) => void;
}

/** One failed call's code and text. */
export interface Failure {
  readonly code: string;
  readonly details: string;
}

/** Makes unary calls whose messages are bytes: what is measured is the server, not the encoding of JSON. */
export class RawCalls {
  readonly #options: RawCallOptions;
  readonly #channels;
  readonly #timings = new Map<keyof ServerTiming, number>();
  #timed = 0;
  #made = 0;
  /** The first call that failed. */
  failure: Failure | undefined;

  constructor(target: string, options: RawCallOptions) {
    this.#options = options;
    // Each channel has a connection of its own; by default grpc-js gives all channels to one target the same one.
    const channel = { ...options.channel, "grpc.use_local_subchannel_pool": 1 };
    this.#channels = Array.from({ length: options.connections }, () => openChannel(target, { ...options, channel }));
  }

  /** Makes the next call; `done` is told its code's name. */
  make(done: (code: string) => void): void {
    const { path, requests, deadlineMs } = this.#options;
    const { client } = this.#channels[this.#made % this.#channels.length]!;
    const request = requests[this.#made % requests.length]!;
    this.#made += 1;
    const deadline: GrpcCallOptions = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    const call = client.makeUnaryRequest(
      path,
      same,
      same,
      request,
      toMetadata(this.#options),
      deadline,
      (_error, answer) => {
        if (answer) this.#options.onAnswer?.(answer);
      },
    );
    call.on("status", (ended: StatusObject) => {
      const code = status[ended.code] ?? String(ended.code);
      if (ended.code === status.OK) this.#observe(ended.metadata);
      else this.failure ??= { code, details: ended.details };
      done(code);
    });
  }

  /** Means of what the server said of itself since the last `forget`; undefined where it says nothing. */
  get serverTiming(): ServerTiming | undefined {
    if (this.#timed === 0) return undefined;
    return Object.fromEntries([...this.#timings].map(([stage, sumMs]) => [stage, sumMs / this.#timed]));
  }

  /** Begins the means of `serverTiming` anew. */
  forget(): void {
    this.#timings.clear();
    this.#timed = 0;
  }

  close(): void {
    for (const { client } of this.#channels) client.close();
  }

  #observe(trailers: Metadata): void {
    const { server } = readTrailers(trailers, 0);
    if (!server) return;
    this.#timed += 1;
    for (const [stage, spentMs] of Object.entries(server) as [keyof ServerTiming, number][])
      this.#timings.set(stage, (this.#timings.get(stage) ?? 0) + spentMs);
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
