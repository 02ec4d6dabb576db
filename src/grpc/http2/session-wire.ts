import { Duplex } from "node:stream";
import type { Body } from "./body-sender.js";
import { type FrameEvents, FrameReader } from "./frame-reader.js";
import {
  ERROR,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  frame,
  MAX_UINT31,
  SETTING,
  SETTING_BYTES,
  windowUpdate,
} from "./frames.js";

/** Where a session's frames go on to, and who hears of it. */
export interface SessionOutlet {
  write(frame: Buffer): void;
  /** Sends a header block, in its frame, or in several. */
  writeHeaders(frames: Buffer): void;
  send(body: Body): void;
  drop(body: Body): void;
  /**
   * The session takes no stream after `last`.
   * @returns the last one that anybody has taken
   */
  lastTaken(last: number): number;
  /** The session reads again, after `say` returned false. */
  onReady(): void;
  /** It has said that the caller made a mistake, and to be of no further use. */
  onFailure(): void;
  /** It has nothing more to say. */
  onEnd(): void;
  /** It is over, whatever was under way. */
  onClose(): void;
}

/** No frame is too long for the reader. */
const ANY_BYTES = 2 ** 24;

/**
 * What a session of Node's HTTP/2 has in the place of a socket. What it says goes on to the caller, as far as that has room:
 * a session is not told of the room that its caller gives the connection, but keeps to what HTTP/2 allows from the start, and
 * is given it back as it is used.
 */
export class SessionWire extends Duplex {
  readonly #outlet: SessionOutlet;
  readonly #reader: FrameReader;
  /** Bodies for which there is no room yet, by their streams. */
  readonly #bodies = new Map<number, Body>();
  /** Of the DATA that is read. */
  #flags = 0;
  #stream = 0;
  #chunks: Buffer[] = [];
  /** The header block that it is saying: nothing may come between its frames. */
  #block: Buffer[] = [];
  /** What the session is to be given back. */
  #owed = 0;
  #isWithinFrame = false;

  constructor(outlet: SessionOutlet) {
    super({ allowHalfOpen: true });
    this.#outlet = outlet;
    const events: FrameEvents = {
      onFrame: (type, flags, stream, bytes, start, end) => this.#take(type, flags, stream, bytes.subarray(start, end)),
      onDataBegin: (flags, stream) => {
        this.#flags = flags;
        this.#stream = stream;
        this.#chunks = [];
      },
      onData: (bytes, start, end) => this.#chunks.push(bytes.subarray(start, end)),
      onDataEnd: () => this.#send(),
    };
    this.#reader = new FrameReader(events, ANY_BYTES);
  }

  /** Whether all that it said has been sent. */
  get isSent(): boolean {
    return this.#bodies.size === 0;
  }

  /** @returns whether it reads on; all that is said is kept in any case */
  say(bytes: Buffer): boolean {
    return this.destroyed || this.readableEnded || this.push(bytes);
  }

  /** Says what a frame begins with, whose rest is said after it until `endFrame`. */
  beginFrame(head: Buffer): boolean {
    this.#isWithinFrame = true;
    return this.say(head);
  }

  endFrame(): void {
    this.#isWithinFrame = false;
    this.#giveBack();
  }

  /** Some of a body of its own was sent, or all. */
  sent(body: Body, bytes: number): void {
    if (body.chunks.length === 0) this.#bodies.delete(body.id);
    this.#owe(bytes);
  }

  /** The caller has reset one of its streams. */
  forget(stream: number): void {
    const body = this.#bodies.get(stream);
    if (!body) return;
    this.#bodies.delete(stream);
    this.#owe(body.chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
    this.#outlet.drop(body);
  }

  override _read(): void {
    this.#outlet.onReady();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#reader.read(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.#outlet.onEnd();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#outlet.onClose();
    done(error);
  }

  #take(type: number, flags: number, stream: number, bytes: Buffer): void {
    if (type === FRAME.headers || type === FRAME.continuation) {
      this.#block.push(bytes);
      if (flags & FLAG.endHeaders) this.#sendHeaders(stream, Buffer.concat(this.#block.splice(0)));
      return;
    }
    const waiting = type === FRAME.reset ? this.#bodies.get(stream) : undefined;
    if (waiting && bytes.readUInt32BE(FRAME_HEAD_BYTES) === ERROR.none) {
      // It is answered, and what else comes of the request is not read.
      waiting.after.push(bytes);
      return;
    }
    if (waiting) this.forget(stream);
    this.#outlet.write(type === FRAME.goAway ? this.#withLastStream(bytes) : bytes);
    if (type === FRAME.goAway && bytes.readUInt32BE(FRAME_HEAD_BYTES + 4) !== ERROR.none) this.#outlet.onFailure();
  }

  #sendHeaders(stream: number, frames: Buffer): void {
    const body = this.#bodies.get(stream);
    if (body) body.after.push(frames);
    else this.#outlet.writeHeaders(frames);
  }

  /** Streams of which the session does not know were taken, too. */
  #withLastStream(goAway: Buffer): Buffer {
    const last = goAway.readUInt32BE(FRAME_HEAD_BYTES) & MAX_UINT31;
    if (last === MAX_UINT31) return goAway;
    const changed = Buffer.from(goAway);
    changed.writeUInt32BE(this.#outlet.lastTaken(last), FRAME_HEAD_BYTES);
    return changed;
  }

  #send(): void {
    const chunks = this.#chunks.length === 0 ? [Buffer.alloc(0)] : this.#chunks;
    const endsStream = (this.#flags & FLAG.endStream) !== 0;
    const waiting = this.#bodies.get(this.#stream);
    if (waiting) {
      waiting.chunks.push(...chunks);
      waiting.endsStream = endsStream;
      return;
    }
    const body = { id: this.#stream, chunks, endsStream, after: [], credit: Number.POSITIVE_INFINITY };
    this.#bodies.set(body.id, body);
    this.#outlet.send(body);
  }

  /** Room of the connection that the session has used, and that nothing takes any more. */
  #owe(bytes: number): void {
    if (this.#owed === 0 && bytes > 0) process.nextTick(() => this.#giveBack());
    this.#owed += bytes;
  }

  #giveBack(): void {
    if (this.#owed === 0 || this.#isWithinFrame) return;
    this.say(windowUpdate(0, this.#owed));
    this.#owed = 0;
  }
}

/**
 * A caller's SETTINGS as the session gets to know them: it is to leave the caller's table of headers alone, as it does not
 * know of all headers that the caller is sent.
 */
export function withoutTable(settings: Buffer): Buffer {
  const kept: Buffer[] = [];
  for (let at = FRAME_HEAD_BYTES; at + SETTING_BYTES <= settings.length; at += SETTING_BYTES)
    if (settings.readUInt16BE(at) !== SETTING.tableSize) kept.push(settings.subarray(at, at + SETTING_BYTES));
  const none = Buffer.alloc(SETTING_BYTES);
  none.writeUInt16BE(SETTING.tableSize);
  return frame(FRAME.settings, { payload: Buffer.concat([...kept, none]) });
}
