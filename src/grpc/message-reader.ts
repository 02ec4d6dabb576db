import { StreamDecoder } from "@grpc/grpc-js/build/src/stream-decoder.js";
import { letHeapsGrow } from "./heap-settings.js";

/** The flag of compression and the length, before each message (gRPC over HTTP/2, Length-Prefixed-Message). */
export const PREFIX_BYTES = 5;
/** Messages up to this size that come whole are not copied: they are views of what was read. */
const VIEWED_BYTES = 1 << 14;
/** What a caller's bare word of a length is given; more, once so much has come. */
const FIRST_BYTES = 1 << 20;
/** Messages from this size on are mostly what the heap's buffers are. */
const LARGE_BYTES = 1 << 16;
/** The largest element of a tensor. */
const ALIGNMENT = 8;

const NONE = Buffer.alloc(0);

/**
 * Cuts what comes on a stream into messages, each with its prefix, as grpc-js wants them.
 *
 * The decoder of grpc-js keeps the pieces of a message and joins them when the last has come. Pieces that live so long
 * outlive a young generation, and V8 marks its whole heap for every 64 MiB of them: at 600 KB a call, a third of the
 * server's time. Here pieces are copied as they come, into memory in which the elements of a tensor will be aligned.
 */
export class MessageReader {
  readonly #maxBytes: number;
  /** Where a prefix is put together that comes in pieces. */
  #prefix: Buffer = NONE;
  #prefixHas = 0;
  /** Size of the message that comes, with its prefix; 0 between messages. */
  #size = 0;
  #message: Buffer = NONE;
  #has = 0;

  /** @param maxBytes longest message; -1 for any */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns the messages that `data` completes
   * @throws Error at a length above the limit, before any of the message is kept
   */
  write(data: Buffer): Buffer[] {
    const messages: Buffer[] = [];
    let at = 0;
    while (at < data.length) {
      const whole = this.#size === 0 && this.#prefixHas === 0 ? this.#viewed(data, at) : undefined;
      if (whole) {
        messages.push(whole);
        at += whole.length;
      } else if (this.#size === 0) at += this.#readPrefix(data, at, messages);
      else at += this.#readBody(data, at, messages);
    }
    return messages;
  }

  #viewed(data: Buffer, at: number): Buffer | undefined {
    if (data.length - at < PREFIX_BYTES) return undefined;
    const length = data.readUInt32BE(at + 1);
    const size = PREFIX_BYTES + length;
    const isWhole = size <= VIEWED_BYTES && size <= data.length - at && this.#allows(length);
    return isWhole ? data.subarray(at, at + size) : undefined;
  }

  #readPrefix(data: Buffer, at: number, messages: Buffer[]): number {
    if (this.#prefix === NONE) this.#prefix = Buffer.alloc(PREFIX_BYTES);
    const count = data.copy(this.#prefix, this.#prefixHas, at, at + PREFIX_BYTES - this.#prefixHas);
    this.#prefixHas += count;
    if (this.#prefixHas < PREFIX_BYTES) return count;
    const length = this.#prefix.readUInt32BE(1);
    // Whatever comes after such a prefix, it stays what was read last.
    if (!this.#allows(length)) throw new Error(`Received message larger than max (${length} vs ${this.#maxBytes})`);
    if (length >= LARGE_BYTES) letHeapsGrow();
    this.#prefixHas = 0;
    this.#size = PREFIX_BYTES + length;
    this.#message = allocate(this.#size, Math.min(this.#size, FIRST_BYTES));
    this.#has = this.#prefix.copy(this.#message);
    this.#endMessage(messages);
    return count;
  }

  #readBody(data: Buffer, at: number, messages: Buffer[]): number {
    if (this.#has === this.#message.length) this.#grow();
    const count = data.copy(this.#message, this.#has, at);
    this.#has += count;
    this.#endMessage(messages);
    return count;
  }

  #grow(): void {
    const grown = allocate(this.#size, Math.min(this.#size, 2 * this.#message.length));
    this.#message.copy(grown);
    this.#message = grown;
  }

  #endMessage(messages: Buffer[]): void {
    if (this.#has < this.#size) return;
    messages.push(this.#message);
    this.#message = NONE;
    this.#size = 0;
  }

  #allows(length: number): boolean {
    return this.#maxBytes === -1 || length <= this.#maxBytes;
  }
}

/**
 * Memory for the first `length` bytes of a message of `size` with its prefix, in a buffer of its own. A message that is
 * one long field, and nearly all of hundreds of KB are, has its elements aligned: one byte of tag and the length's.
 */
function allocate(size: number, length: number): Buffer {
  const lead = (ALIGNMENT - ((PREFIX_BYTES + 1 + varintBytes(size)) % ALIGNMENT)) % ALIGNMENT;
  const memory = Buffer.allocUnsafeSlow(lead + length);
  return memory.subarray(lead);
}

function varintBytes(value: number): number {
  return Math.ceil((32 - Math.clz32(value)) / 7);
}

/** What grpc-js 1.14 makes for each call. It has no option for another. */
interface Decoder {
  readonly maxReadMessageLength: number;
  reader?: MessageReader;
}

/** Has every grpc-js call of this process read its messages with a `MessageReader`. */
export function readMessagesInPlace(): void {
  const decoders = StreamDecoder.prototype as { write(data: Buffer): Buffer[] };
  decoders.write = function (this: Decoder, data: Buffer): Buffer[] {
    this.reader ??= new MessageReader(this.maxReadMessageLength);
    return this.reader.write(data);
  } as typeof decoders.write;
}
