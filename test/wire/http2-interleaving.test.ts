import assert from "node:assert/strict";
import { FrameReader } from "../../src/grpc/http2/frame-reader.js";
import {
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  frame,
  PREFACE,
  reset,
  SETTING,
  windowUpdate,
} from "../../src/grpc/http2/frames.js";
import { HeaderDecoder } from "../../src/grpc/http2/header-decoder.js";
import { seededRandom } from "../../src/testing/seeded-random.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { callHeaders, grpcMessage, headerBlock, RawConnection, setting } from "../support/http2-frames.js";
import { scaleModel } from "../support/onnx-builder.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { SCALE } from "./contracts.js";

const SEEDS = Number(process.env.SEEDS ?? 12);
const STREAMS = 60;
/** Streams that are open at a time. */
const OPEN = 8;
const MAX_VALUES = 9000;
const RESET_BY_CALLER = 8;

const scale = compileContract("test.scale.v1", SCALE);
const json = new JsonCodec(scale.image);

/** A whole number from 0 to below `limit`. */
type Roll = (limit: number) => number;

/** What is said on one stream, frame by frame, and what is to come back. */
interface Script {
  readonly id: number;
  readonly frames: Buffer[];
  /** Undefined where the stream is reset. */
  readonly expected: Buffer | undefined;
}

function scriptOf(id: number, roll: Roll): Script {
  const isStream = roll(3) === 0;
  const type = isStream ? "Stream" : "";
  const rows = Array.from({ length: isStream ? 1 + roll(4) : 1 }, () =>
    Array.from({ length: 3 * (1 + roll(roll(4) === 0 ? MAX_VALUES : 5)) }, (_, index) => (index + id) % 100),
  );
  const encode = (message: string, value: Record<string, number[]>) =>
    grpcMessage(json.encode(`test.scale.v1.Predict${type}${message}`, value));
  const request = Buffer.concat(rows.map((x) => encode("Request", { x })));
  const isReset = roll(6) === 0;
  return {
    id,
    frames: [
      ...headersOf(id, `/test.scale.v1.ScaleService/Predict${type}`, roll),
      ...dataOf(id, request, roll),
      ...(isReset ? [reset(id, RESET_BY_CALLER)] : []),
    ],
    expected: isReset
      ? undefined
      : Buffer.concat(rows.map((x) => encode("Response", { y: x.map((value) => 2 * value) }))),
  };
}

/** HEADERS, now and then in pieces, which are sent as one: nothing may come between them. */
function headersOf(stream: number, path: string, roll: Roll): Buffer[] {
  const block = callHeaders(path);
  if (roll(3) > 0) return [frame(FRAME.headers, { flags: FLAG.endHeaders, stream, payload: block })];
  const at = roll(block.length);
  return [
    Buffer.concat([
      frame(FRAME.headers, { stream, payload: block.subarray(0, at) }),
      frame(FRAME.continuation, { flags: FLAG.endHeaders, stream, payload: block.subarray(at) }),
    ]),
  ];
}

/** DATA in frames of any size, some of them with padding, whose last one, or trailers, end the stream. */
function dataOf(stream: number, body: Buffer, roll: Roll): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const part = body.subarray(at, at + 1 + roll(roll(2) === 0 ? 50 : 40_000));
    const padding = roll(4) === 0 ? roll(256) : -1;
    const payload = padding < 0 ? part : Buffer.concat([Buffer.from([padding]), part, Buffer.alloc(padding)]);
    at += part.length;
    frames.push(frame(FRAME.data, { flags: padding < 0 ? 0 : FLAG.padded, stream, payload }));
  }
  if (roll(2) === 0) return [...frames, frame(FRAME.data, { flags: FLAG.endStream, stream })];
  const flags = FLAG.endHeaders | FLAG.endStream;
  return [...frames, frame(FRAME.headers, { flags, stream, payload: headerBlock({ "x-sum": "1" }) })];
}

/** Reads what comes. */
class Caller {
  readonly data = new Map<number, Buffer[]>();
  readonly statuses = new Map<number, string>();
  goneAway = false;
  /** Leave for more, which is to be sent between other frames. */
  readonly leave: Buffer[] = [];
  readonly #decoder = new HeaderDecoder();

  constructor({ socket }: RawConnection) {
    let stream = 0;
    const reader = new FrameReader(
      {
        onFrame: (type, _flags, id, bytes, start, end) => this.#take(type, id, bytes, start, end),
        onDataBegin: (_flags, id, length) => {
          stream = id;
          if (length > 0) this.leave.push(windowUpdate(id, length), windowUpdate(0, length));
        },
        onData: (bytes, start, end) => {
          const chunks = this.data.get(stream) ?? [];
          this.data.set(stream, [...chunks, Buffer.from(bytes.subarray(start, end))]);
        },
        onDataEnd: () => {},
      },
      2 ** 24,
    );
    socket.on("data", (chunk: Buffer) => reader.read(chunk));
  }

  #take(type: number, stream: number, bytes: Buffer, start: number, end: number): void {
    if (type === FRAME.goAway) this.goneAway = true;
    if (type !== FRAME.headers) return;
    const { names, values } = this.#decoder.decode(bytes, start + FRAME_HEAD_BYTES, end);
    const status = values[names.indexOf("grpc-status")];
    if (status !== undefined) this.statuses.set(stream, status);
  }
}

/** Frames of all streams, mixed: a few are open at a time, and each goes on at random. */
function* mixed(scripts: readonly Script[], roll: Roll): Generator<Buffer> {
  const open: Buffer[][] = [];
  let next = 0;
  while (next < scripts.length || open.length > 0) {
    if (next < scripts.length && open.length < OPEN && (open.length === 0 || roll(3) === 0)) {
      // Streams begin in the order of their numbers.
      const [headers, ...rest] = scripts[next++]!.frames;
      yield headers!;
      open.push(rest);
      continue;
    }
    const place = roll(open.length);
    yield open[place]!.shift()!;
    if (open[place]!.length === 0) open.splice(place, 1);
  }
}

describe("calls and streams of one connection, their frames mixed and cut anywhere", () => {
  let server: TestServer;

  before(async () => {
    server = await startTestServer([{ contract: scale, revisions: { r1: scaleModel({ factor: 2 }) } }]);
  });
  after(() => server.close());

  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`are answered each on its own (${seed})`, async () => {
      const random = seededRandom(seed);
      const roll: Roll = (limit) => Math.floor(random() * limit);
      const scripts = Array.from({ length: STREAMS }, (_, index) => scriptOf(2 * index + 1, roll));
      const connection = await RawConnection.open(server.address, PREFACE);
      const caller = new Caller(connection);
      // What the server lets its callers do holds from the time they have said that they heard.
      const heard = frame(FRAME.settings, { flags: FLAG.ack });
      let unsent = Buffer.concat([setting(SETTING.initialWindow, 1 + roll(20_000)), heard]);
      const send = (bytes: number): Promise<void> => {
        connection.socket.write(unsent.subarray(0, bytes));
        unsent = unsent.subarray(bytes);
        return new Promise(setImmediate);
      };
      for (const next of mixed(scripts, roll)) {
        unsent = Buffer.concat([unsent, next, ...caller.leave.splice(0)]);
        if (roll(3) === 0) await send(1 + roll(unsent.length));
      }
      const asked = scripts.filter(({ expected }) => expected !== undefined);
      while (!caller.goneAway && asked.some(({ id }) => !caller.statuses.has(id))) {
        unsent = Buffer.concat([unsent, ...caller.leave.splice(0)]);
        await send(unsent.length);
      }
      for (const { id, expected } of asked) {
        assert.equal(caller.statuses.get(id), "0", `stream ${id}`);
        assert(Buffer.concat(caller.data.get(id) ?? []).equals(expected!), `stream ${id}`);
      }
      connection.close();
    });
  }
});
