import { FLAG, FRAME, FRAME_BYTES, frameHead, WINDOW_BYTES } from "./frames.js";
import type { TurnWriter } from "./turn-writer.js";

/** What is sent on a stream. */
export interface Body {
  readonly id: number;
  /** What is left of it; one may be empty. */
  readonly chunks: Buffer[];
  /** Whether the stream ends with it. */
  endsStream: boolean;
  /** Frames that follow. */
  readonly after: Buffer[];
  /** What may be sent beyond what streams may from the start; Infinity where somebody else sees to that. */
  credit: number;
}

/** Sends what the other side has room for, and the rest once it has. @see RFC 9113, section 5.2 */
export class BodySender {
  readonly #writer: TurnWriter;
  readonly #onSent: (body: Body, bytes: number) => void;
  /** What wait for room on the connection. */
  readonly #waiting = new Set<Body>();
  /** Of the connection. */
  window = WINDOW_BYTES;
  /** Of each stream. */
  initialWindow = WINDOW_BYTES;
  maxFrame = FRAME_BYTES;

  /** @param onSent told of each body of which some was sent, or all */
  constructor(writer: TurnWriter, onSent: (body: Body, bytes: number) => void) {
    this.#writer = writer;
    this.#onSent = onSent;
  }

  /** Whether so many bytes may be sent at once, in one frame. */
  hasRoom(bytes: number, credit: number): boolean {
    return bytes <= this.window && bytes <= this.initialWindow + credit && bytes <= this.maxFrame;
  }

  /** Sends what there is room for; to be called again once its stream has more. */
  send(body: Body): void {
    const before = this.window;
    while (body.chunks.length > 0 && this.#sendPart(body));
    if (body.chunks.length === 0) {
      this.#waiting.delete(body);
      for (const frame of body.after.splice(0)) this.#writer.write(frame);
    } else if (this.window <= 0) this.#waiting.add(body);
    else this.#waiting.delete(body);
    this.#onSent(body, before - this.window);
  }

  /** It is not sent any further. */
  drop(body: Body): void {
    this.#waiting.delete(body);
    body.chunks.length = 0;
    body.after.length = 0;
  }

  /** The connection has so much more room. */
  widen(bytes: number): void {
    this.window += bytes;
    for (const body of this.#waiting) {
      if (this.window <= 0) return;
      this.send(body);
    }
  }

  /** @returns whether anything was sent */
  #sendPart(body: Body): boolean {
    const chunk = body.chunks[0]!;
    const length = Math.min(chunk.length, this.window, this.initialWindow + body.credit, this.maxFrame);
    if (length <= 0 && chunk.length > 0) return false;
    const isLast = length === chunk.length;
    if (isLast) body.chunks.shift();
    else body.chunks[0] = chunk.subarray(length);
    const flags = isLast && body.endsStream && body.chunks.length === 0 ? FLAG.endStream : 0;
    this.#writer.write(frameHead(FRAME.data, length, { flags, stream: body.id }));
    if (length > 0) this.#writer.write(isLast ? chunk : chunk.subarray(0, length));
    this.window -= length;
    body.credit -= length;
    return true;
  }
}
