import { connect, type Socket } from "node:net";
import {
  FLAG,
  FRAME,
  FRAME_BYTES,
  FRAME_HEAD_BYTES,
  frame,
  frameHead,
  PREFACE,
  SETTING,
  WINDOW_BYTES,
  windowUpdate,
} from "../src/grpc/http2/frames.js";
import { OpenStreams } from "../src/grpc/http2/open-streams.js";
import { setting } from "../test/support/http2-frames.js";
import type { RequestBlocks } from "./header-blocks.js";

/** Told what comes of one request. */
export interface RequestEvents {
  onData?(chunk: Buffer): void;
  /** The last header block: trailers, or the only one. */
  onEnd(block: Buffer, isTrailers: boolean): void;
  onFailure(details: string): void;
}

interface OpenStream extends RequestEvents {
  hasHeaders: boolean;
  /** Of the answer's, since leave was last given for more. */
  unacknowledged: number;
}

/** A body that waits for leave to be sent. */
interface WaitingBody {
  readonly id: number;
  readonly body: Buffer;
  sent: number;
  window: number;
}

/**
 * An HTTP/2 connection for many like requests, made to cost as little as can be: it shares the processors with the server that is
 * measured, and Node's own client takes more of them for a call than most servers do, and stops for its garbage. It reads
 * whether or not it may write, so two of its kind never wait for one another.
 *
 * Header blocks of answers are told as they are: without a table (which is asked for) one block always means the same.
 * @see RFC 9113
 */
export class Http2Connection {
  readonly #socket: Socket;
  readonly #blocks: RequestBlocks;
  readonly #streams = new OpenStreams<OpenStream>();
  readonly #waiting: WaitingBody[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #nextId = 1;
  #unacknowledged = 0;
  #window = WINDOW_BYTES;
  #initialWindow = WINDOW_BYTES;
  #maxFrame = FRAME_BYTES;
  #isCorked = false;
  #isClosing = false;
  #ended: string | undefined;

  /**
   * @param blocks the headers of each request
   * @param silenceMs with requests open, after which the connection and they have failed
   */
  constructor(address: string, blocks: RequestBlocks, silenceMs: number) {
    this.#blocks = blocks;
    const { hostname, port } = new URL(`http://${address}`);
    this.#socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), noDelay: true });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", ({ message }) => this.#end(message));
    this.#socket.on("close", () => this.#end("the connection ended"));
    this.#socket.setTimeout(silenceMs, () => {
      if (this.#streams.size > 0) this.#end(`no answer in ${silenceMs} ms`);
    });
    this.#write(Buffer.concat([PREFACE, setting(SETTING.tableSize, 0)]));
  }

  /** @param body at least one byte */
  request(body: Buffer, events: RequestEvents): void {
    if (this.#ended !== undefined) {
      const details = this.#ended;
      setImmediate(() => events.onFailure(details));
      return;
    }
    const id = this.#nextId;
    this.#nextId += 2;
    const payload = id === 1 ? this.#blocks.first : this.#blocks.again;
    this.#streams.set(id, {
      hasHeaders: false,
      unacknowledged: 0,
      onData: events.onData,
      onEnd: events.onEnd,
      onFailure: events.onFailure,
    });
    this.#write(frame(FRAME.headers, { flags: FLAG.endHeaders, stream: id, payload }));
    this.#waiting.push({ id, body, sent: 0, window: this.#initialWindow });
    this.#sendWaiting();
  }

  /** Ends the connection once its requests are answered. */
  close(): void {
    this.#isClosing = true;
    this.#endIfIdle();
  }

  /** All that is written in one turn goes out at once. */
  #write(bytes: Buffer): void {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(bytes);
  }

  #sendWaiting(): void {
    for (let index = 0; index < this.#waiting.length && this.#window > 0; ) {
      const waiting = this.#waiting[index]!;
      this.#sendPart(waiting);
      if (waiting.sent === waiting.body.length) this.#waiting.splice(index, 1);
      else index += 1;
    }
  }

  #sendPart(waiting: WaitingBody): void {
    const { id, body } = waiting;
    while (waiting.sent < body.length && waiting.window > 0 && this.#window > 0) {
      const length = Math.min(body.length - waiting.sent, waiting.window, this.#window, this.#maxFrame);
      const flags = waiting.sent + length === body.length ? FLAG.endStream : 0;
      this.#write(frameHead(FRAME.data, length, { flags, stream: id }));
      this.#write(body.subarray(waiting.sent, waiting.sent + length));
      waiting.sent += length;
      waiting.window -= length;
      this.#window -= length;
    }
  }

  #read(chunk: Buffer): void {
    const bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    let offset = 0;
    while (bytes.length - offset >= FRAME_HEAD_BYTES && this.#ended === undefined) {
      const end = offset + FRAME_HEAD_BYTES + bytes.readUIntBE(offset, 3);
      if (end > bytes.length) break;
      const id = bytes.readUInt32BE(offset + 5) & 0x7fff_ffff;
      this.#take(bytes[offset + 3]!, bytes[offset + 4]!, id, bytes.subarray(offset + FRAME_HEAD_BYTES, end));
      offset = end;
    }
    this.#unread = bytes.subarray(offset);
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === FRAME.data) this.#takeData(id, payload);
    else if (type === FRAME.headers) this.#takeHeaders(flags, id, payload);
    else if (type === FRAME.reset)
      this.#leave(id)?.onFailure(`the stream was reset with code ${payload.readUInt32BE(0)}`);
    else if (type === FRAME.settings && !(flags & FLAG.ack)) this.#takeSettings(payload);
    else if (type === FRAME.ping && !(flags & FLAG.ack)) this.#write(frame(FRAME.ping, { flags: FLAG.ack, payload }));
    else if (type === FRAME.windowUpdate) this.#takeWindow(id, payload.readUInt32BE(0));
    else if (type === FRAME.goAway && payload.readUInt32BE(4) !== 0)
      this.#end(`the server went away with code ${payload.readUInt32BE(4)}: ${payload.subarray(8)}`);
  }

  #takeData(id: number, payload: Buffer): void {
    this.#unacknowledged += payload.length;
    if (this.#unacknowledged > WINDOW_BYTES / 2) {
      this.#write(windowUpdate(0, this.#unacknowledged));
      this.#unacknowledged = 0;
    }
    const stream = this.#streams.get(id);
    if (!stream) return;
    stream.unacknowledged += payload.length;
    if (stream.unacknowledged > WINDOW_BYTES / 2) {
      this.#write(windowUpdate(id, stream.unacknowledged));
      stream.unacknowledged = 0;
    }
    stream.onData?.(payload);
  }

  #takeHeaders(flags: number, id: number, block: Buffer): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    if ((flags & ~FLAG.endStream) !== FLAG.endHeaders) {
      this.#end(`headers with flags ${flags} are not understood`);
      return;
    }
    if (flags & FLAG.endStream) this.#leave(id)!.onEnd(block, stream.hasHeaders);
    else stream.hasHeaders = true;
  }

  #takeSettings(payload: Buffer): void {
    for (let offset = 0; offset < payload.length; offset += 6) {
      const value = payload.readUInt32BE(offset + 2);
      const id = payload.readUInt16BE(offset);
      if (id === SETTING.maxFrame) this.#maxFrame = value;
      if (id !== SETTING.initialWindow) continue;
      for (const waiting of this.#waiting) waiting.window += value - this.#initialWindow;
      this.#initialWindow = value;
    }
    this.#write(frame(FRAME.settings, { flags: FLAG.ack }));
    this.#sendWaiting();
  }

  #takeWindow(id: number, bytes: number): void {
    const waiting = this.#waiting.find((candidate) => candidate.id === id);
    if (id === 0) this.#window += bytes;
    else if (waiting) waiting.window += bytes;
    this.#sendWaiting();
  }

  #leave(id: number): OpenStream | undefined {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    const index = this.#waiting.findIndex((waiting) => waiting.id === id);
    if (index >= 0) this.#waiting.splice(index, 1);
    if (this.#isClosing) this.#endIfIdle();
    return stream;
  }

  #endIfIdle(): void {
    if (this.#streams.size === 0) this.#end("it was closed");
  }

  #end(details: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = details;
    this.#socket.destroy();
    this.#streams.forEach((stream) => {
      stream.onFailure(details);
    });
  }
}
