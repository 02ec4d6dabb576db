import assert from "node:assert/strict";
import { FrameReader } from "../../../src/grpc/http2/frame-reader.js";
import { ConnectionError, ERROR, FLAG, FRAME, frame } from "../../../src/grpc/http2/frames.js";

const MAX_BYTES = 2 ** 20;

/** What a reader tells of bytes that come in pieces: DATA as one, whatever its pieces. */
function told(bytes: Buffer, pieceBytes: number): unknown[] {
  const events: unknown[] = [];
  let data: Buffer[] = [];
  const reader = new FrameReader(
    {
      onFrame: (type, flags, stream, from, start, end) =>
        events.push([type, flags, stream, Buffer.from(from.subarray(start, end)).toString("hex")]),
      onDataBegin: (flags, stream, length, padding) => events.push(["data", flags, stream, length, padding]),
      onData: (from, start, end) => data.push(Buffer.from(from.subarray(start, end))),
      onDataEnd: () => {
        events.push(Buffer.concat(data).toString("hex"));
        data = [];
      },
    },
    MAX_BYTES,
  );
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.read(bytes.subarray(at, at + pieceBytes));
  return events;
}

describe("a frame reader", () => {
  const text = (length: number) => Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256));
  const padded = (length: number, padding: number) =>
    Buffer.concat([Buffer.from([padding]), text(length), Buffer.alloc(padding)]);
  const frames = [
    frame(FRAME.settings),
    frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload: text(100) }),
    frame(FRAME.data, { stream: 1, payload: text(300) }),
    frame(FRAME.data, { stream: 1 }),
    frame(FRAME.data, { flags: FLAG.padded, stream: 1, payload: padded(20, 9) }),
    frame(FRAME.data, { flags: FLAG.padded, stream: 1, payload: padded(0, 3) }),
    frame(FRAME.data, { flags: FLAG.padded, stream: 1, payload: padded(5, 0) }),
    frame(FRAME.ping, { payload: text(8) }),
    frame(FRAME.data, { flags: FLAG.endStream, stream: 2 ** 31 - 1, payload: text(1) }),
  ];
  const bytes = Buffer.concat(frames);

  it("tells frames, and DATA without its padding", () => {
    assert.deepEqual(told(bytes, bytes.length).slice(2, 13), [
      ["data", 0, 1, 300, 0],
      text(300).toString("hex"),
      ["data", 0, 1, 0, 0],
      "",
      ["data", FLAG.padded, 1, 20, 10],
      text(20).toString("hex"),
      ["data", FLAG.padded, 1, 0, 4],
      "",
      ["data", FLAG.padded, 1, 5, 1],
      text(5).toString("hex"),
      [FRAME.ping, 0, 0, frames[7]!.toString("hex")],
    ]);
  });

  it("tells the same whatever pieces they come in", () => {
    const whole = told(bytes, bytes.length);
    for (let pieceBytes = 1; pieceBytes < bytes.length; pieceBytes++)
      assert.deepEqual(told(bytes, pieceBytes), whole, `${pieceBytes} bytes a piece`);
  });

  it("refuses frames that are too long by their heads, and padding that is longer than its frame", () => {
    const refuses = (refused: Buffer, code: number) =>
      assert.throws(
        () => told(refused, 1),
        (error) => error instanceof ConnectionError && error.code === code,
      );
    refuses(frame(FRAME.data, { stream: 1, payload: Buffer.alloc(MAX_BYTES + 1) }).subarray(0, 9), ERROR.frameSize);
    refuses(frame(FRAME.headers, { stream: 1, payload: Buffer.alloc(2 ** 17 + 1) }).subarray(0, 9), ERROR.frameSize);
    refuses(frame(FRAME.data, { flags: FLAG.padded, stream: 1, payload: Buffer.from([3, 1]) }), ERROR.protocol);
  });
});
