import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { DescMethod, Registry } from "@bufbuild/protobuf";
import type { StatusObject } from "@grpc/grpc-js";
import { RecordedCall, type RecordedMessage } from "../../generated/ts/flotilla/v1/recording.js";
import { readTrailers } from "../client/hop.js";
import type { CallTap } from "./call-proxy.js";
import { encodeRecorded } from "./recording.js";
import { createRedactor, type Redact } from "./redact.js";

/** What is recorded, and how much of it. */
export interface RecorderOptions {
  readonly file: string;
  /** Goes on with a file that is there; otherwise there must be none. */
  readonly append: boolean;
  /** Of the calls. */
  readonly samplePercent: number;
  /** Of the file, what is there already included: what would make it longer is not recorded. */
  readonly maxFileBytes: number;
  /** Of one call: longer ones are not recorded. */
  readonly maxCallBytes: number;
  /** Length of the file that is there already. @default 0 */
  readonly initialBytes?: number;
  /** Of a number below 1 for each call: below the share, and it is recorded. @default Math.random */
  readonly random?: () => number;
  /** Told once, when the file is full. */
  readonly onFull?: () => void;
}

/** What became of the calls. */
export interface RecorderCounts {
  readonly recorded: number;
  /** Not in the sample. */
  readonly skipped: number;
  /** Too long, no message of their contract, or after the file was full. */
  readonly leftOut: number;
  readonly fileBytes: number;
}

/** Calls that wait for the disk, in bytes: more are left out, or a slow disk would fill the memory. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;

/** Writes calls to a recording as they end. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #out: WriteStream;
  readonly #redactors = new Map<string, { request: Redact; response: Redact }>();
  readonly #counts = { recorded: 0, skipped: 0, leftOut: 0 };
  #fileBytes: number;
  #isFull = false;

  private constructor(options: RecorderOptions, out: WriteStream) {
    this.#options = options;
    this.#out = out;
    this.#fileBytes = options.initialBytes ?? 0;
  }

  /** @throws Error where the file can't be written */
  static async open(options: RecorderOptions): Promise<Recorder> {
    const out = createWriteStream(options.file, { flags: options.append ? "a" : "wx", mode: 0o600 });
    await new Promise<void>((resolve, reject) => {
      out.once("open", () => resolve());
      out.once("error", reject);
    });
    return new Recorder(options, out);
  }

  get counts(): RecorderCounts {
    return { ...this.#counts, fileBytes: this.#fileBytes };
  }

  /** A tap for a call that has just come; undefined where it is not in the sample. */
  tap(method: DescMethod, registry: Registry): CallTap | undefined {
    const { random = Math.random, samplePercent, maxCallBytes } = this.#options;
    if (random() * 100 >= samplePercent) {
      this.#counts.skipped++;
      return undefined;
    }
    const draft = new CallDraft(method, maxCallBytes);
    return {
      request: (bytes) => draft.add(draft.requests, bytes),
      response: (bytes) => draft.add(draft.responses, bytes),
      end: (ended) => this.#write(draft, ended, registry),
    };
  }

  /** Waits until everything is in the file. */
  async close(): Promise<void> {
    this.#out.end();
    await finished(this.#out);
  }

  #write(draft: CallDraft, ended: StatusObject, registry: Registry): void {
    const call =
      draft.isTooLong || this.#isFull ? undefined : this.#redacted(draft.toCall(ended), draft.method, registry);
    const bytes = call && encodeRecorded(call);
    if (bytes && this.#fileBytes + bytes.length > this.#options.maxFileBytes) {
      this.#isFull = true;
      this.#options.onFull?.();
    }
    if (!bytes || this.#isFull || this.#out.writableLength > MAX_WAITING_BYTES) {
      this.#counts.leftOut++;
      return;
    }
    this.#out.write(bytes);
    this.#fileBytes += bytes.length;
    this.#counts.recorded++;
  }

  /** Undefined where messages that hold what is sensitive can't be read: they might hold it anywhere. */
  #redacted(call: RecordedCall, method: DescMethod, registry: Registry): RecordedCall | undefined {
    const redact = this.#redactors.get(call.method) ?? {
      request: createRedactor(method.input, registry),
      response: createRedactor(method.output, registry),
    };
    this.#redactors.set(call.method, redact);
    const each = (messages: readonly RecordedMessage[], by: Redact) =>
      messages.map(({ content, afterMs }) => ({ content: Buffer.from(by(content)), afterMs }));
    try {
      return {
        ...call,
        requests: each(call.requests, redact.request),
        responses: each(call.responses, redact.response),
      };
    } catch {
      return undefined;
    }
  }
}

/** A call while it goes on. */
class CallDraft {
  readonly method: DescMethod;
  readonly requests: RecordedMessage[] = [];
  readonly responses: RecordedMessage[] = [];
  readonly #startedAt = new Date();
  readonly #startMs = performance.now();
  readonly #maxBytes: number;
  #byteLength = 0;

  constructor(method: DescMethod, maxBytes: number) {
    this.method = method;
    this.#maxBytes = maxBytes;
  }

  get isTooLong(): boolean {
    return this.#byteLength > this.#maxBytes;
  }

  add(to: RecordedMessage[], content: Buffer): void {
    this.#byteLength += content.length;
    // A stream may go on for hours: what is too long is not held.
    if (this.isTooLong) to.length = 0;
    else to.push({ content, afterMs: performance.now() - this.#startMs });
  }

  toCall({ code, details, metadata }: StatusObject): RecordedCall {
    const elapsedMs = performance.now() - this.#startMs;
    const { revision, modelDigest } = readTrailers(metadata, elapsedMs);
    return RecordedCall.fromPartial({
      method: `/${this.method.parent.typeName}/${this.method.name}`,
      startedAt: this.#startedAt,
      elapsedMs,
      requests: this.requests,
      responses: this.responses,
      code,
      details,
      revision: revision ?? "",
      modelDigest: modelDigest ?? "",
    });
  }
}
