import assert from "node:assert/strict";
import { MessageReader } from "../../src/grpc/message-reader.js";

/** A message with its prefix; its bytes tell its place among others. */
function framed(length: number, seed = 1): Buffer {
  const message = Buffer.alloc(5 + length);
  message.writeUInt8(seed % 2, 0);
  message.writeUInt32BE(length, 1);
  for (let at = 0; at < length; at++) message[5 + at] = (at * 31 + seed) % 251;
  return message;
}

/** What a reader makes of bytes that come in pieces. */
function read(bytes: Buffer, pieces: Iterable<number>, maxBytes = -1): Buffer[] {
  const reader = new MessageReader(maxBytes);
  const messages: Buffer[] = [];
  let at = 0;
  for (const size of pieces) {
    messages.push(...reader.write(bytes.subarray(at, at + size)));
    at += size;
    if (at >= bytes.length) break;
  }
  return messages;
}

function* always(size: number): Generator<number> {
  for (;;) yield size;
}

/** Numbers that look random and are the same each time (a linear congruential generator). */
function* varied(limit: number): Generator<number> {
  for (let state = 7; ; state = (state * 1103515245 + 12345) % 2 ** 31) yield 1 + (state % limit);
}

describe("a message reader", () => {
  const sizes = [0, 1, 4, 5, 100, 16_379, 16_380, 70_000, 0, 3_000_000, 12];
  const sent = sizes.map(framed);
  const bytes = Buffer.concat(sent);

  for (const [how, pieces] of [
    ["all at once", always(bytes.length)],
    ["in pieces as a socket gives them", always(65_536)],
    ["in pieces of any size", varied(9_000)],
  ] as const) {
    it(`gives back messages of 0 bytes to 3 MB that come ${how}`, () => {
      const messages = read(bytes, pieces);
      assert.equal(messages.length, sent.length);
      for (const [index, message] of messages.entries()) assert(message.equals(sent[index]!), `message ${index}`);
    });
  }

  it("gives back small messages that come byte by byte", () => {
    const small = sent.slice(0, 5);
    assert.deepEqual(read(Buffer.concat(small), always(1)), small);
  });

  it("refuses a length above the limit at once, and whatever comes after it", () => {
    const reader = new MessageReader(10);
    assert.equal(reader.write(framed(10)).length, 1);
    const refusal = /Received message larger than max \(11 vs 10\)/;
    assert.throws(() => reader.write(framed(11).subarray(0, 5)), refusal);
    assert.throws(() => reader.write(framed(1)), refusal);
    for (const pieces of [always(1), always(1000)]) assert.throws(() => read(framed(11), pieces, 10), refusal);
  });

  it("gives a caller no more memory than it has sent, beyond the first MiB", () => {
    const reader = new MessageReader(-1);
    const prefix = Buffer.from([0, 0x40, 0, 0, 0]); // Announces a GiB.
    const before = process.memoryUsage().arrayBuffers;
    reader.write(prefix);
    reader.write(Buffer.alloc(3 << 20));
    assert(process.memoryUsage().arrayBuffers - before < 16 << 20);
  });

  it("has the elements of a message that is one long field aligned, in memory of their own", () => {
    for (const length of [70_000, 602_112 + 4, 3_000_000]) {
      const message = read(framed(length), always(65_536))[0]!;
      const head = 5 + 1 + (length < 2 ** 21 ? 3 : 4);
      assert.equal((message.byteOffset + head) % 8, 0);
      assert(message.buffer.byteLength < message.length + 8);
    }
  });
});
