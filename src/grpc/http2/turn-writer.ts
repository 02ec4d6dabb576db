import type { Socket } from "node:net";

/** What is written in small pieces is put together in memory of this size. */
const SCRATCH_BYTES = 1 << 16;

const NONE = Buffer.alloc(0);
/** All connections share it, one after another: of a connection that is idle nothing lies there. */
const shared: { scratch: Buffer; end: number } = { scratch: NONE, end: 0 };

/** Writes all that is said on a connection in one turn of the event loop at once. */
export class TurnWriter {
  readonly #socket: Socket;
  readonly #parts: Buffer[] = [];
  /** Of a scratch: the part that is not among `#parts` yet. */
  #scratch: Buffer = NONE;
  #begin = 0;
  #end = 0;
  #isDue = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes that the other side has not read. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** Where a piece is to be written, from what `reserve` returned on. */
  get scratch(): Buffer {
    return shared.scratch;
  }

  /** @returns where in `scratch` so many bytes may be written, at once, until `wrote` says up to where they were */
  reserve(bytes: number): number {
    if (shared.end + bytes > shared.scratch.length) {
      shared.scratch = Buffer.allocUnsafeSlow(Math.max(SCRATCH_BYTES, bytes));
      shared.end = 0;
    }
    if (this.#scratch !== shared.scratch || this.#end !== shared.end) {
      this.#cut();
      this.#scratch = shared.scratch;
      this.#begin = shared.end;
    }
    return shared.end;
  }

  /** @param end where in `scratch` the piece ends */
  wrote(end: number): void {
    shared.end = end;
    this.#end = end;
    this.#schedule();
  }

  /** @param bytes which are not to change any more */
  write(bytes: Buffer): void {
    this.#cut();
    this.#parts.push(bytes);
    this.#schedule();
  }

  /** Writes what has been said until now. */
  flush(): void {
    this.#isDue = false;
    this.#cut();
    const parts = this.#parts.splice(0);
    if (parts.length === 0 || !this.#socket.writable) return;
    if (parts.length > 1) this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    if (parts.length > 1) this.#socket.uncork();
  }

  #cut(): void {
    if (this.#begin < this.#end) {
      const part = this.#scratch.subarray(this.#begin, this.#end);
      // One that has to wait for its reader would keep all of the scratch.
      this.#parts.push(this.#socket.writableLength > 0 ? Buffer.from(part) : part);
    }
    this.#scratch = NONE;
    this.#begin = 0;
    this.#end = 0;
  }

  #schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    process.nextTick(() => {
      if (this.#isDue) this.flush();
    });
  }
}
