import { setTimeout as pause } from "node:timers/promises";
import { InterruptedError, interruption, type ObjectBody, type Resumption } from "./object-store.js";
import { PartFile } from "./part-file.js";

/** What is downloaded. */
export interface DownloadSource {
  /** As errors name it. */
  readonly name: string;
  /** Hex digest that it has to have; undefined: whatever it has. */
  readonly sha256: string | undefined;
  readonly read: (from: Resumption | undefined, signal: AbortSignal) => Promise<ObjectBody>;
}

/** Who hears of a download on its way. */
export interface DownloadObserver {
  readonly received: (bytes: number, totalBytes: number | undefined) => void;
  /** It broke off; the next try begins after `waitMs`. */
  readonly retrying: (reason: string, waitMs: number) => void;
}

/** How a download goes. */
export interface DownloadOptions {
  readonly observer: DownloadObserver;
  /** Ends it; nothing is left behind. */
  readonly signal?: AbortSignal;
  /** What has to be done before the whole file gets its name, given where it is until then. */
  readonly beforeNaming?: (path: string) => Promise<void>;
  /** @default 1000; each try without a new byte doubles it. */
  readonly firstWaitMs?: number;
  /** @default 30000; without a byte for so long the way counts as broken. */
  readonly stallLimitMs?: number;
}

/** Tries in a row that bring no new byte; with the waits between them half a minute. */
const MAX_FAILURES = 6;
const FIRST_WAIT_MS = 1000;
const STALL_LIMIT_MS = 30_000;

/**
 * Downloads to a file, which is there only once it is whole and has its digest. Where the way breaks it goes on from
 * where it was.
 * @returns bytes of the file
 * @throws Error that says why there is no file
 */
export async function download(source: DownloadSource, target: string, options: DownloadOptions): Promise<number> {
  const part = await PartFile.create(target);
  try {
    await receiveAll(source, part, options);
    checkDigest(source, part);
    await options.beforeNaming?.(part.path);
    await part.finish();
    return part.bytes;
  } catch (error) {
    await part.discard();
    throw error;
  }
}

async function receiveAll(source: DownloadSource, part: PartFile, options: DownloadOptions): Promise<void> {
  const { observer, signal, firstWaitMs = FIRST_WAIT_MS } = options;
  const progress: Progress = { etag: undefined, farthest: 0 };
  for (let failures = 0; ; ) {
    const reached = progress.farthest;
    try {
      return await receive(source, { part, progress, options });
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof InterruptedError)) throw error;
      failures = progress.farthest > reached ? 1 : failures + 1;
      if (failures === MAX_FAILURES) throw new Error(`${error.message}; gave up after ${failures} tries`);
      const waitMs = firstWaitMs * 2 ** (failures - 1);
      observer.retrying(error.message, waitMs);
      await pause(waitMs, undefined, { signal });
    }
  }
}

/** What one try leaves to the next. */
interface Progress {
  /** Of the bytes that are there. */
  etag: string | undefined;
  /** Most bytes that any try has reached: one that begins anew and breaks off earlier is no progress. */
  farthest: number;
}

interface Attempt {
  readonly part: PartFile;
  readonly progress: Progress;
  readonly options: DownloadOptions;
}

async function receive(source: DownloadSource, { part, progress, options }: Attempt): Promise<void> {
  const stall = new StallLimit(source.name, options.stallLimitMs ?? STALL_LIMIT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, stall.signal]) : stall.signal;
  try {
    const from = progress.etag === undefined ? undefined : { offset: part.bytes, etag: progress.etag };
    const object = await source.read(part.bytes === 0 ? undefined : from, signal);
    if (object.offset !== part.bytes) await part.restart();
    progress.etag = object.etag;
    for await (const chunk of chunks(object.body, source.name)) {
      stall.restart();
      await part.append(chunk);
      progress.farthest = Math.max(progress.farthest, part.bytes);
      options.observer.received(part.bytes, object.totalBytes);
    }
    if (object.totalBytes !== undefined && part.bytes !== object.totalBytes)
      throw new InterruptedError(`${source.name}: ended after ${part.bytes} of ${object.totalBytes} bytes`);
  } finally {
    stall.end();
  }
}

/** The chunks of a body; what breaks it becomes an InterruptedError, and what its reader throws does not. */
async function* chunks(body: ReadableStream<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw interruption(error, name);
      });
      if (done) return;
      yield value;
    }
  } finally {
    // A body that nobody reads on would hold its connection.
    await reader.cancel().catch(() => undefined);
  }
}

/** Aborts once nothing has come for a while. */
class StallLimit {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(name: string, limitMs: number) {
    const late = () => this.#controller.abort(new InterruptedError(`${name}: no byte came for ${limitMs} ms`));
    this.#timer = setTimeout(late, limitMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function checkDigest({ name, sha256 }: DownloadSource, part: PartFile): void {
  if (sha256 === undefined || part.digest() === sha256) return;
  throw new Error(
    `${name}: its sha256 is ${part.digest()}, expected ${sha256}; it is another model, or a damaged copy: upload the right one`,
  );
}
