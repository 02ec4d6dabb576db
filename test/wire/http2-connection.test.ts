import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { status } from "@grpc/grpc-js";
import { FrameReader } from "../../src/grpc/http2/frame-reader.js";
import {
  ERROR,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  frame,
  headerFrames,
  PREFACE,
  reset,
  SETTING,
  WINDOW_BYTES,
  windowUpdate,
} from "../../src/grpc/http2/frames.js";
import { HeaderDecoder } from "../../src/grpc/http2/header-decoder.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { callHeaders, grpcHeaders, grpcMessage, headerBlock, RawConnection, setting } from "../support/http2-frames.js";
import { scaleModel, slowModel } from "../support/onnx-builder.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { SCALE, SLOW } from "./contracts.js";

const PREDICT = "/test.scale.v1.ScaleService/Predict";
const STREAM = "/test.scale.v1.ScaleService/PredictStream";
const WAIT = "/test.slow.v1.SlowService/Predict";
const RESET_BY_CALLER = 8;
const MAX_WINDOW = 2 ** 31 - 1;

const scale = compileContract("test.scale.v1", SCALE);
const slow = compileContract("test.slow.v1", SLOW);
const json = new JsonCodec(scale.image);
const slowJson = new JsonCodec(slow.image);

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** What a server said of one stream. */
interface Said {
  readonly data: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Codes of RST_STREAM. */
  readonly resets: readonly number[];
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  let chunks: Buffer[] = [];
  const reader = new FrameReader(
    {
      onFrame: (type, flags, stream, from, start, end) =>
        frames.push({ type, flags, stream, payload: Buffer.from(from.subarray(start + FRAME_HEAD_BYTES, end)) }),
      onDataBegin: (flags, stream) => {
        chunks = [];
        frames.push({ type: FRAME.data, flags, stream, payload: Buffer.alloc(0) });
      },
      onData: (from, start, end) => chunks.push(from.subarray(start, end)),
      onDataEnd: () => frames.push({ ...frames.pop()!, payload: Buffer.concat(chunks) }),
    },
    2 ** 24,
  );
  reader.read(bytes);
  return frames;
}

/** @param decoder of the connection */
function saidOn(stream: number, frames: readonly Frame[], decoder = new HeaderDecoder()): Said {
  const headers: Record<string, string> = {};
  for (const { type, payload, stream: id } of frames) {
    if (type !== FRAME.headers) continue;
    const { names, values } = decoder.decode(payload, 0, payload.length);
    if (id === stream) for (const [index, name] of names.entries()) headers[name] = values[index]!;
  }
  const own = frames.filter((candidate) => candidate.stream === stream);
  return {
    data: Buffer.concat(own.filter(({ type }) => type === FRAME.data).map(({ payload }) => payload)),
    headers,
    resets: own.filter(({ type }) => type === FRAME.reset).map(({ payload }) => payload.readUInt32BE(0)),
  };
}

const headers = (stream = 1, path = PREDICT, flags: number = FLAG.endHeaders) =>
  frame(FRAME.headers, { flags, stream, payload: callHeaders(path) });
const data = (payload: Buffer, stream = 1, flags: number = FLAG.endStream) =>
  frame(FRAME.data, { flags, stream, payload });
const numbered = (values: readonly number[]) =>
  grpcMessage(json.encode("test.scale.v1.PredictRequest", { x: [...values] }));
const answerTo = (values: readonly number[]) =>
  grpcMessage(json.encode("test.scale.v1.PredictResponse", { y: values.map((value) => 2 * value) }));
const ROW = [1, 2, 3];
const call = (stream = 1, values: readonly number[] = ROW) => [headers(stream), data(numbered(values), stream)];
const busy = (iterations: number) =>
  grpcMessage(slowJson.encode("test.slow.v1.PredictRequest", { iterations: [String(iterations)], x: [1] }));

describe("frames of HTTP/2", () => {
  let server: TestServer;
  let connection: RawConnection;

  before(async () => {
    server = await startTestServer([
      { contract: scale, revisions: { r1: scaleModel({ factor: 2 }) } },
      { contract: slow, revisions: { r1: slowModel() } },
    ]);
  });
  after(() => server.close());
  beforeEach(async () => {
    connection = await RawConnection.open(server.address, PREFACE);
  });
  afterEach(() => connection.close());

  /** Says so, and returns all that comes back. */
  async function exchange(...frames: readonly Buffer[]): Promise<Frame[]> {
    await connection.send([Buffer.concat(frames)]);
    return framesOf(await connection.read(150));
  }

  function answers(values: readonly number[], { data: answer, headers: told }: Said): void {
    assert.equal(told["grpc-status"], "0", told["grpc-message"]);
    assert(answer.equals(answerTo(values)));
  }

  it("are answered by a message and trailers, one call after another and several at once", async () => {
    const came = await exchange(frame(FRAME.settings), ...call(1), ...call(3, [4, 5, 6]), headers(5), headers(7));
    answers(ROW, saidOn(1, came));
    answers([4, 5, 6], saidOn(3, came));
    const later = await exchange(data(numbered([7, 8, 9]), 7), data(numbered([0, 0, 1]), 5));
    answers([7, 8, 9], saidOn(7, later));
    answers([0, 0, 1], saidOn(5, later));
  });

  it("may come byte by byte", async () => {
    const bytes = Buffer.concat([frame(FRAME.settings), ...call()]);
    for (const byte of bytes) connection.socket.write(Buffer.from([byte]));
    answers(ROW, saidOn(1, framesOf(await connection.read())));
  });

  it("may have padding, priorities, headers in pieces and trailers, and others between them that nobody knows", async () => {
    const block = callHeaders(PREDICT);
    const withPriority = Buffer.concat([Buffer.from([7, 0, 0, 0, 0, 16]), block.subarray(0, 30), Buffer.alloc(7)]);
    const message = numbered(ROW);
    const part = Buffer.concat([Buffer.from([4]), message.subarray(0, 6), Buffer.alloc(4)]);
    const came = await exchange(
      frame(FRAME.settings),
      frame(FRAME.headers, { flags: FLAG.padded | FLAG.priority, stream: 1, payload: withPriority }),
      frame(FRAME.continuation, { stream: 1, payload: block.subarray(30, 31) }),
      frame(FRAME.continuation, { stream: 1, flags: FLAG.endHeaders, payload: block.subarray(31) }),
      frame(0xbe, { stream: 1, payload: Buffer.alloc(40) }),
      data(part, 1, FLAG.padded),
      frame(FRAME.priority, { stream: 1, payload: Buffer.from([0, 0, 0, 0, 3]) }),
      data(message.subarray(6), 1, 0),
      frame(FRAME.headers, {
        flags: FLAG.endHeaders | FLAG.endStream,
        stream: 1,
        payload: headerBlock({ "x-checksum": "1" }),
      }),
    );
    answers(ROW, saidOn(1, came));
  });

  it("wait for room on their stream, whether it is given to one or to all", async () => {
    const answer = answerTo(ROW);
    const came = await exchange(setting(SETTING.initialWindow, 0), ...call(1), ...call(3), ...call(5));
    for (const stream of [1, 3, 5]) assert.equal(saidOn(stream, came).data.length, 0);
    const some = await exchange(windowUpdate(1, 4));
    assert(saidOn(1, some).data.equals(answer.subarray(0, 4)));
    const rest = await exchange(windowUpdate(1, 1000));
    assert(saidOn(1, rest).data.equals(answer.subarray(4)));
    assert.equal(saidOn(1, rest).headers["grpc-status"], "0");
    const others = await exchange(reset(5, RESET_BY_CALLER), setting(SETTING.initialWindow, 100));
    answers(ROW, saidOn(3, others));
    assert.equal(saidOn(5, others).data.length, 0);
  });

  it("wait for room on the connection, in frames that are no longer than asked", async () => {
    const values = Array.from({ length: 30_000 }, (_, index) => index % 100);
    const came = await exchange(setting(SETTING.initialWindow, 2 ** 20), ...call(1, values), ...call(3));
    const first = came.filter(({ type }) => type === FRAME.data);
    assert.equal(
      first.reduce((sum, { payload }) => sum + payload.length, 0),
      WINDOW_BYTES,
    );
    assert(first.every(({ payload }) => payload.length <= 16_384));
    const rest = await exchange(windowUpdate(0, 2 ** 20));
    const large = Buffer.concat([saidOn(1, came).data, saidOn(1, rest).data]);
    assert(large.equals(answerTo(values)));
    answers(ROW, saidOn(3, rest));
  });

  it("of a stream that is reset while its answer waits for room leave that room to others", async () => {
    const values = Array.from({ length: 39_000 }, (_, index) => index % 100);
    const streamed = grpcMessage(json.encode("test.scale.v1.PredictStreamRequest", { x: values }));
    const stream = (id: number) => [headers(id, STREAM), data(streamed, id)];
    const heard = frame(FRAME.settings, { flags: FLAG.ack });
    const came = await exchange(setting(SETTING.initialWindow, 2 ** 20), heard, ...stream(1));
    assert.equal(saidOn(1, came).data.length, WINDOW_BYTES);
    const more = await exchange(reset(1, RESET_BY_CALLER), windowUpdate(0, 2 ** 20), ...stream(3));
    assert.equal(saidOn(1, more).data.length, 0);
    answers(values, saidOn(3, more));
  });

  it("are answered by headers that leave the caller's table alone, and say so once it is smaller", async () => {
    for (const path of [PREDICT, "/nobody.Knows/It"]) {
      const other = await RawConnection.open(server.address, PREFACE);
      await other.send([setting(SETTING.tableSize, 0), headers(1, path), data(numbered(ROW)), ...call(3)]);
      const blocks = framesOf(await other.read(150)).filter(({ type }) => type === FRAME.headers);
      other.close();
      assert.equal(blocks[0]!.payload[0], 0x20, path);
      const decoder = new HeaderDecoder();
      for (const { payload } of blocks) decoder.decode(payload, 0, payload.length);
      // An entry of the table has a number above those of all.
      assert(blocks.every(({ payload }) => payload.every((byte, at) => at > 0 || byte < 0x80 + 62)));
    }
  });

  it("of a request that is refused before its end are told to stop, and harm no other", async () => {
    const claim = grpcMessage(Buffer.alloc(0), { claimed: 2 ** 31 });
    const came = await exchange(frame(FRAME.settings), headers(), data(claim, 1, 0));
    assert.equal(saidOn(1, came).headers["grpc-status"], String(status.RESOURCE_EXHAUSTED));
    assert.deepEqual(saidOn(1, came).resets, [ERROR.none]);
    const more = await exchange(data(Buffer.alloc(10_000), 1, 0), data(Buffer.alloc(10), 1), ...call(3));
    answers(ROW, saidOn(3, more));
    assert.deepEqual(saidOn(1, more).resets, []);
    const trailers = frame(FRAME.headers, {
      flags: FLAG.endHeaders | FLAG.endStream,
      stream: 5,
      payload: headerBlock({ "x-checksum": "1" }),
    });
    const last = await exchange(headers(5), data(claim, 5, 0), trailers, ...call(7));
    answers(ROW, saidOn(7, last));
  });

  it("may have headers of more than a frame, whoever answers them", async () => {
    const large = { "x-large": "v".repeat(16_000), "x-larger": "v".repeat(16_000) };
    for (const [path, code] of [
      [PREDICT, status.OK],
      ["/nobody.Knows/It", status.UNIMPLEMENTED],
    ] as const) {
      const other = await RawConnection.open(server.address, PREFACE);
      const block = headerBlock({ ...grpcHeaders(path), ...large });
      await other.send([frame(FRAME.settings), headerFrames(1, 0, block), data(numbered(ROW))]);
      const came = framesOf(await other.read(150));
      assert.equal(saidOn(1, came).headers["grpc-status"], String(code));
      other.close();
    }
  });

  it("with a name that is sent back are answered in as many frames as it takes", async () => {
    const name = "v".repeat(15_900);
    const released = { "x-flotilla-release": name, "x-flotilla-release-revision": "test.scale.v1=r1" };
    const block = headerBlock({ ...grpcHeaders(PREDICT), ...released });
    const came = await exchange(frame(FRAME.settings), headerFrames(1, 0, block), data(numbered(ROW)), ...call(3));
    assert(came.every(({ payload }) => payload.length <= 16_384));
    answers(ROW, saidOn(3, came));
  });

  it("are refused beyond so many that are open", async () => {
    await connection.send([frame(FRAME.settings)]);
    const open = 2 ** 14;
    await connection.send(Array.from({ length: open + 1 }, (_, index) => headers(2 * index + 1)));
    const came = framesOf(await connection.read(150));
    assert.deepEqual(saidOn(2 * open + 1, came).resets, [ERROR.refusedStream]);
    answers(ROW, saidOn(1, await exchange(data(numbered(ROW)))));
  });

  it("of a request whose call ends while a frame of it comes are not taken for those of a stream", async () => {
    const hurried = headerBlock({ ...grpcHeaders(PREDICT), "grpc-timeout": "100m" });
    const part = numbered(Array<number>(2000).fill(1)).subarray(0, 5000);
    const cut = data(part, 1, 0);
    const came = await exchange(
      frame(FRAME.settings),
      frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload: hurried }),
      headers(3, STREAM),
      cut.subarray(0, 1000),
    );
    assert.equal(saidOn(1, came).headers["grpc-status"], String(status.DEADLINE_EXCEEDED));
    const streamed = grpcMessage(json.encode("test.scale.v1.PredictStreamRequest", { x: ROW }));
    const more = await exchange(cut.subarray(1000), data(streamed, 3));
    assert(saidOn(3, more).data.equals(answerTo(ROW)));
    assert.equal(saidOn(3, more).headers["grpc-status"], "0");
  });

  const STREAM_ERRORS: readonly (readonly [what: string, frames: readonly Buffer[], code: number])[] = [
    ["leave for nothing", [headers(), windowUpdate(1, 0)], ERROR.protocol],
    ["leave for too much", [headers(), windowUpdate(1, MAX_WINDOW)], ERROR.flowControl],
    ["headers that go on after those of a call", [headers(), headers()], ERROR.protocol],
    [
      "DATA after the end of a request",
      [headers(1, WAIT), data(busy(1000)), data(Buffer.alloc(1))],
      ERROR.streamClosed,
    ],
  ];
  for (const [what, frames, code] of STREAM_ERRORS) {
    it(`reset a stream at ${what}, and no other`, async () => {
      const came = await exchange(frame(FRAME.settings), ...frames, ...call(3));
      assert.deepEqual(saidOn(1, came).resets, [code]);
      answers(ROW, saidOn(3, came));
    });
  }

  const CONNECTION_ERRORS: readonly (readonly [what: string, frames: readonly Buffer[], code: number])[] = [
    ["DATA within headers", [headers(1, PREDICT, 0), data(Buffer.alloc(1))], ERROR.protocol],
    ["headers within others", [headers(1, PREDICT, 0), headers(3)], ERROR.protocol],
    ["CONTINUATION after nothing", [frame(FRAME.continuation, { stream: 1 })], ERROR.protocol],
    [
      "a header block that means nothing",
      [frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload: Buffer.from([0x80]) })],
      ERROR.compression,
    ],
    ["headers of a call that is over", [...call(), ...call(3), headers(1)], ERROR.streamClosed],
    ["leave for nothing on the connection", [windowUpdate(0, 0)], ERROR.protocol],
    ["leave for too much on the connection", [windowUpdate(0, MAX_WINDOW)], ERROR.flowControl],
    ["a frame that is too long", [frame(FRAME.data, { payload: Buffer.alloc(2 ** 20 + 1) })], ERROR.frameSize],
    ["frames that may have one byte", [setting(SETTING.maxFrame, 1)], ERROR.protocol],
    ["frames that may have too much", [setting(SETTING.maxFrame, 2 ** 24)], ERROR.protocol],
    ["windows that may have too much", [setting(SETTING.initialWindow, 2 ** 31)], ERROR.flowControl],
    ["settings of five bytes", [frame(FRAME.settings, { payload: Buffer.alloc(5) })], ERROR.frameSize],
    ["DATA on a stream that has not begun", [data(Buffer.alloc(1))], ERROR.protocol],
    [
      "a stream that depends on itself",
      [
        frame(FRAME.headers, {
          flags: FLAG.endHeaders | FLAG.priority,
          stream: 1,
          payload: Buffer.from([0, 0, 0, 1, 0]),
        }),
      ],
      ERROR.protocol,
    ],
    [
      "headers that go on and on",
      [headers(1, PREDICT, 0), ...Array<Buffer>(20).fill(frame(FRAME.continuation, { stream: 1 }))],
      ERROR.enhanceYourCalm,
    ],
    [
      "a thousand frames of DATA with nothing in them",
      [headers(), ...Array<Buffer>(1001).fill(data(Buffer.alloc(0), 1, 0))],
      ERROR.enhanceYourCalm,
    ],
  ];
  for (const [what, frames, code] of CONNECTION_ERRORS) {
    it(`end a connection at ${what}, with the code for it`, async () => {
      const came = await exchange(frame(FRAME.settings), ...frames);
      const [goAway] = came.filter(({ type }) => type === FRAME.goAway);
      assert.equal(goAway?.payload.readUInt32BE(4), code);
      if (!connection.socket.destroyed) await once(connection.socket, "close");
    });
  }

  it("that end a stream of no method as soon as it begins do no harm", async () => {
    const page = headerBlock({ ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "any" });
    const begin = (stream: number) =>
      frame(FRAME.headers, { flags: FLAG.endHeaders | FLAG.endStream, stream, payload: page });
    const came = await exchange(frame(FRAME.settings), begin(1), reset(1, RESET_BY_CALLER), ...call(3));
    answers(ROW, saidOn(3, came));
    await exchange(begin(5), begin(5), begin(5));
    const other = await RawConnection.open(server.address);
    await other.send(call());
    answers(ROW, saidOn(1, framesOf(await other.read(150))));
    other.close();
  });

  it("of calls and of streams share a connection, whichever way is short of room", async () => {
    const session = connect(`http://${server.address}`);
    const begin = (path: string) =>
      session.request({ ":method": "POST", ":path": path, te: "trailers", "content-type": "application/grpc" });
    const values = Array.from({ length: 30_000 }, (_, index) => index % 100);
    const streamed = grpcMessage(json.encode("test.scale.v1.PredictStreamRequest", { x: values }));
    const MESSAGES = 20;
    const stream = begin(STREAM);
    for (let message = 0; message < MESSAGES; message++) stream.write(streamed);
    stream.end();
    const unary = Array.from({ length: MESSAGES }, async (_, index) => {
      const one = begin(PREDICT);
      one.end(numbered(index % 2 === 0 ? values : ROW));
      return Buffer.concat(await one.toArray());
    });
    const whole = Buffer.concat(await stream.toArray());
    const expected = grpcMessage(
      json.encode("test.scale.v1.PredictStreamResponse", { y: values.map((value) => 2 * value) }),
    );
    assert(whole.equals(Buffer.concat(Array<Buffer>(MESSAGES).fill(expected))));
    for (const [index, answer] of (await Promise.all(unary)).entries())
      assert(answer.equals(answerTo(index % 2 === 0 ? values : ROW)), `call ${index}`);
    session.destroy();
  });

  it("tell a caller which calls were taken when the server drains, and answer those", async () => {
    const other = await startTestServer([{ contract: slow, revisions: { r1: slowModel() } }]);
    const caller = await RawConnection.open(other.address);
    await caller.send([headers(1, WAIT), data(busy(10)), headers(3, WAIT), data(busy(2000), 3)]);
    const chunks: Buffer[] = [];
    caller.socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    const goneAway = () => framesOf(Buffer.concat(chunks)).filter(({ type }) => type === FRAME.goAway);
    while (other.repository.find("test.slow.v1").statistics.executionCount < 1) await new Promise(setImmediate);
    const drained = other.server.drain(10_000);
    while (goneAway().length === 0) await new Promise(setImmediate);
    const ping = frame(FRAME.ping, { payload: Buffer.from("and then") });
    await caller.send([headers(5, WAIT), data(busy(10), 5), ping, frame(FRAME.settings)]);
    if (!caller.socket.readableEnded) await once(caller.socket, "end");
    assert(await drained);
    const came = framesOf(Buffer.concat(chunks));
    assert.deepEqual(
      goneAway().map(({ payload }) => payload.readUInt32BE(0)),
      [3],
    );
    assert.equal(saidOn(3, came).headers["grpc-status"], "0");
    assert.deepEqual(saidOn(5, came).headers, {});
    const pongs = came.filter(({ type, flags }) => type === FRAME.ping && flags === FLAG.ack);
    assert.deepEqual(
      pongs.map(({ payload }) => payload.toString()),
      ["and then"],
    );
    caller.close();
    await other.close();
  });

  it("of an answer that waits for room are sent though the server drains", async () => {
    const other = await startTestServer([{ contract: scale, revisions: { r1: scaleModel({ factor: 2 }) } }]);
    const caller = await RawConnection.open(other.address, PREFACE);
    const values = Array.from({ length: 39_000 }, (_, index) => index % 100);
    const streamed = grpcMessage(json.encode("test.scale.v1.PredictStreamRequest", { x: values }));
    const heard = frame(FRAME.settings, { flags: FLAG.ack });
    await caller.send([setting(SETTING.initialWindow, 2 ** 20), heard, headers(1, STREAM), data(streamed)]);
    const first = framesOf(await caller.read(150));
    assert.equal(saidOn(1, first).data.length, WINDOW_BYTES);
    const drained = other.server.drain(10_000);
    const second = framesOf(await caller.read(150));
    await caller.send([windowUpdate(0, 2 ** 20)]);
    const came = [...first, ...second, ...framesOf(await caller.read(150))];
    answers(values, saidOn(1, came));
    await drained;
    caller.close();
    await other.close();
  });
});
