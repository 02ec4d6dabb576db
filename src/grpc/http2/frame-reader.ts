import { ConnectionError, ERROR, FLAG, FRAME, FRAME_HEAD_BYTES, MAX_UINT31 } from "./frames.js";

/** Longest frame of any other type than DATA: a header block. */
const MAX_WHOLE_BYTES = 1 << 17;

const NONE = Buffer.alloc(0);

/** Told what comes. `bytes` are to be read at once: from `start` to `end`. */
export interface FrameEvents {
  /** A frame of any other type than DATA, with its head. */
  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void;
  /** DATA begins. @param length of what comes; padding is left out, and comes to so many bytes more */
  onDataBegin(flags: number, stream: number, length: number, padding: number): void;
  onData(bytes: Buffer, start: number, end: number): void;
  onDataEnd(): void;
}

/**
 * Cuts what comes on a connection into frames. DATA is handed on as it comes, all else whole.
 * @see RFC 9113, section 4.1
 */
export class FrameReader {
  readonly #events: FrameEvents;
  readonly #maxBytes: number;
  /** A frame that has not come whole, from its head on. */
  #partial: Buffer = NONE;
  #has = 0;
  /** Of the DATA that comes. */
  #data = 0;
  #padding = 0;
  #isStopped = false;

  /** @param maxBytes longest frame that the other side may send */
  constructor(events: FrameEvents, maxBytes: number) {
    this.#events = events;
    this.#maxBytes = maxBytes;
  }

  /** @throws ConnectionError at a frame that is too long, and whatever the events throw */
  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#isStopped) {
      if (this.#data > 0) at = this.#readData(bytes, at);
      else if (this.#padding > 0) at = this.#skip(bytes, at);
      else if (this.#has > 0) at = this.#complete(bytes, at);
      else at = this.#readFrame(bytes, at);
    }
  }

  /** Nothing more is read, not even what has come. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Reads the frame that begins at `at`, or keeps what there is of it. */
  #readFrame(bytes: Buffer, at: number): number {
    const needed = this.#needed(bytes, at, bytes.length - at);
    if (needed <= bytes.length - at) {
      this.#take(bytes, at, at + needed);
      return at + needed;
    }
    this.#partial = Buffer.allocUnsafe(needed);
    this.#has = bytes.copy(this.#partial, 0, at);
    return bytes.length;
  }

  #complete(bytes: Buffer, at: number): number {
    const needed = this.#needed(this.#partial, 0, this.#has);
    if (needed > this.#partial.length) {
      const longer = Buffer.allocUnsafe(needed);
      this.#partial.copy(longer, 0, 0, this.#has);
      this.#partial = longer;
    }
    const count = bytes.copy(this.#partial, this.#has, at, at + needed - this.#has);
    this.#has += count;
    if (this.#has === needed && this.#needed(this.#partial, 0, needed) === needed) {
      const whole = this.#partial;
      this.#partial = NONE;
      this.#has = 0;
      this.#take(whole, 0, needed);
    }
    return at + count;
  }

  /** How many bytes of a frame have to be there before it is taken, as far as the `has` bytes of it tell. */
  #needed(bytes: Buffer, at: number, has: number): number {
    if (has < FRAME_HEAD_BYTES) return FRAME_HEAD_BYTES;
    const length = bytes.readUIntBE(at, 3);
    const type = bytes[at + 3]!;
    if (length > (type === FRAME.data ? this.#maxBytes : MAX_WHOLE_BYTES))
      throw new ConnectionError(ERROR.frameSize, `a frame of type ${type} has ${length} bytes`);
    if (type !== FRAME.data) return FRAME_HEAD_BYTES + length;
    return bytes[at + 4]! & FLAG.padded ? FRAME_HEAD_BYTES + 1 : FRAME_HEAD_BYTES;
  }

  #take(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start + 3]!;
    const flags = bytes[start + 4]!;
    const stream = bytes.readUInt32BE(start + 5) & MAX_UINT31;
    if (type !== FRAME.data) {
      this.#events.onFrame(type, flags, stream, bytes, start, end);
      return;
    }
    const length = bytes.readUIntBE(start, 3);
    const isPadded = (flags & FLAG.padded) !== 0;
    const padding = isPadded ? bytes[start + FRAME_HEAD_BYTES]! : 0;
    this.#data = length - padding - Number(isPadded);
    this.#padding = padding;
    if (this.#data < 0) throw new ConnectionError(ERROR.protocol, "a frame is shorter than its padding");
    this.#events.onDataBegin(flags, stream, this.#data, length - this.#data);
    if (this.#data === 0) this.#events.onDataEnd();
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#data);
    this.#data -= end - at;
    this.#events.onData(bytes, at, end);
    if (this.#data === 0) this.#events.onDataEnd();
    return end;
  }

  #skip(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#padding);
    this.#padding -= end - at;
    return end;
  }
}
