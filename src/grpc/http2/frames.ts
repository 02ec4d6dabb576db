/** Types of frames. @see RFC 9113, section 6 */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;
/** @see RFC 9113, section 6.5.2 */
export const SETTING = { tableSize: 1, initialWindow: 4, maxFrame: 5 } as const;
/** A number of two bytes, and a value of four. */
export const SETTING_BYTES = 6;
/** @see RFC 9113, section 7 */
export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

/** Of what each frame begins with: length, type, flags and stream. */
export const FRAME_HEAD_BYTES = 9;
/** What either side may send, and how large frames may be, until something else is said. @see RFC 9113, section 6.5.2 */
export const WINDOW_BYTES = 65_535;
export const FRAME_BYTES = 16_384;
/** The longest that either side may allow. */
export const LONGEST_FRAME_BYTES = 2 ** 24 - 1;
/** Of streams, and of windows. */
export const MAX_UINT31 = 2 ** 31 - 1;

/** What a client says first of all. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** What makes a connection unusable. */
export class ConnectionError extends Error {
  /** Of `ERROR`. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

interface FrameOptions {
  readonly flags?: number;
  readonly stream?: number;
}

/** One HTTP/2 frame, whether or not it makes sense. */
export function frame(type: number, options: FrameOptions & { readonly payload?: Buffer } = {}): Buffer {
  const { payload, ...rest } = options;
  const head = frameHead(type, payload?.length ?? 0, rest);
  return payload ? Buffer.concat([head, payload]) : head;
}

/** What a frame begins with, for a payload of so many bytes that comes after it. */
export function frameHead(type: number, length: number, { flags = 0, stream = 0 }: FrameOptions = {}): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  writeFrameHead(head, 0, { type, length, flags, stream });
  return head;
}

/** The same, written at `at`. */
export function writeFrameHead(
  bytes: Buffer,
  at: number,
  { type, length, flags, stream }: { type: number; length: number; flags: number; stream: number },
): void {
  bytes.writeUIntBE(length, at, 3);
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes.writeUInt32BE(stream, at + 5);
}

/**
 * A header block in HEADERS, and in as many CONTINUATION frames as it takes.
 * @param flags beside that which says that the block ends
 */
export function headerFrames(stream: number, flags: number, block: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += FRAME_BYTES) {
    const payload = block.subarray(at, at + FRAME_BYTES);
    const last = at + FRAME_BYTES >= block.length ? FLAG.endHeaders : 0;
    const [type, own] = at === 0 ? [FRAME.headers, flags] : [FRAME.continuation, 0];
    frames.push(frame(type, { flags: own | last, stream, payload }));
  }
  return Buffer.concat(frames);
}

/** Leave to send so many more bytes, on a stream, or on the connection as stream 0. */
export function windowUpdate(stream: number, bytes: number): Buffer {
  return numberFrame(FRAME.windowUpdate, stream, bytes);
}

/** The end of a stream. @param code of `ERROR` */
export function reset(stream: number, code: number): Buffer {
  return numberFrame(FRAME.reset, stream, code);
}

/** A frame that says a number of four bytes. */
function numberFrame(type: number, stream: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value);
  return frame(type, { stream, payload });
}

/** The end of a connection, which has taken streams up to `lastStream`. @param code of `ERROR` */
export function goAway(lastStream: number, code: number, details = ""): Buffer {
  const payload = Buffer.alloc(8 + Buffer.byteLength(details));
  payload.writeUInt32BE(lastStream);
  payload.writeUInt32BE(code, 4);
  payload.write(details, 8);
  return frame(FRAME.goAway, { payload });
}
