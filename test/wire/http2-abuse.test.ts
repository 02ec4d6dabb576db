import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { gzipSync } from "node:zlib";
import { status } from "@grpc/grpc-js";
import { FLAG, FRAME, frame, PREFACE } from "../../src/grpc/http2/frames.js";
import { mutate } from "../fuzz/mutate.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { callHeaders, grpcMessage, headerBlock, RawConnection, setting } from "../support/http2-frames.js";
import { scaleModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SCALE } from "./contracts.js";

const PREDICT = "/test.scale.v1.ScaleService/Predict";
const MEBIBYTE = 2 ** 20;
/** What the server may have more of after an attack than before: no more than a few messages' worth. */
const MAX_GROWTH_MEBIBYTES = 192;
const IDLE_CONNECTIONS = 10_000;
/** What each of them may take. */
const IDLE_KIBIBYTES = 32;
const INITIAL_WINDOW_SIZE = 4;
const DAMAGED = 500;

function* times(count: number, make: (index: number) => Buffer): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield make(index);
}

describe("a server under attack on the level of HTTP/2", () => {
  let folder: string;
  let fleet: FleetProcess;
  let client: RawClient;
  let codec: JsonCodec;
  let request: Buffer;

  before(async () => {
    folder = writeFleet({ "test.scale.v1": { body: SCALE, revisions: { r1: scaleModel({ factor: 2 }) } } });
    codec = new JsonCodec(compileContract("test.scale.v1", SCALE).image);
    request = codec.encode("test.scale.v1.PredictRequest", { x: [1, 2, 3] });
    fleet = await FleetProcess.start(folder);
    client = new RawClient(fleet.served.address);
    for (let call = 0; call < 500; call++) await answersRightly();
  });
  after(async () => {
    client.close();
    await fleet.end();
    removeFleet(folder);
  });

  /** As callers do: one that is told that the queue is full asks again. */
  async function answersRightly(): Promise<void> {
    const deadline = Date.now() + 20_000;
    let answer = await client.unary(PREDICT, request, { deadline });
    while (answer.code === status.RESOURCE_EXHAUSTED) answer = await client.unary(PREDICT, request, { deadline });
    const { code, message, details } = answer;
    assert.equal(code, status.OK, details);
    assert.deepEqual(codec.decode("test.scale.v1.PredictResponse", message!), { y: [2, 4, 6] });
  }

  const resident = () => fleet.metric("process_resident_memory_bytes");

  /** Attacks, and calls as others would all the while; then memory is as it was, and the process the same. */
  async function withstands(
    attack: () => Promise<RawConnection[]>,
    maxGrowthMebibytes = MAX_GROWTH_MEBIBYTES,
  ): Promise<void> {
    const before = await resident();
    let isOver = false;
    const others = (async () => {
      let answered = 0;
      for (; !isOver; answered++) await answersRightly();
      return answered;
    })();
    const connections = await attack();
    isOver = true;
    assert((await others) > 0);
    const grown = ((await resident()) - before) / MEBIBYTE;
    for (const connection of connections) connection.close();
    assert(grown < maxGrowthMebibytes, `memory grew by ${Math.round(grown)} MiB`);
    await answersRightly();
    assert.equal(fleet.process.exitCode, null);
    assert.equal(await fleet.metric("flotilla_worker_restarts_total"), 0);
    assert.doesNotMatch(fleet.log, /"level":"(error|fatal)"/);
  }

  const open = () => RawConnection.open(fleet.served.address);
  const flood = (frames: () => Iterable<Buffer>) => async (): Promise<RawConnection[]> => {
    const connection = await open();
    // Nobody would hear that the server hangs up.
    connection.socket.resume();
    await connection.send(frames());
    return [connection];
  };
  /** The same, and the server hangs up. */
  const cutOff = (frames: () => Iterable<Buffer>) => async (): Promise<RawConnection[]> => {
    const [connection] = await flood(frames)();
    if (!connection!.socket.destroyed) await once(connection!.socket, "close");
    return [connection!];
  };
  const call = (index: number, flags: number = FLAG.endHeaders) =>
    frame(FRAME.headers, { flags, stream: index * 2 + 1, payload: callHeaders(PREDICT) });

  const CUT_OFF: [string, () => Iterable<Buffer>][] = [
    ["100 000 SETTINGS", () => times(100_000, () => setting(INITIAL_WINDOW_SIZE, 65_535))],
    ["100 000 PINGs", () => times(100_000, () => frame(FRAME.ping, { payload: Buffer.alloc(8) }))],
    [
      "headers that go on for 50 000 CONTINUATION frames",
      function* () {
        yield frame(FRAME.headers, { stream: 1, payload: callHeaders(PREDICT) });
        yield* times(50_000, (index) =>
          frame(FRAME.continuation, { stream: 1, payload: headerBlock({ [`x-${index}`]: "a".repeat(100) }) }),
        );
      },
    ],
    [
      "headers of 16 MiB",
      function* () {
        yield frame(FRAME.headers, { stream: 1, payload: callHeaders(PREDICT) });
        yield* times(1024, (index) =>
          frame(FRAME.continuation, { stream: 1, payload: headerBlock({ [`x-${index}`]: "a".repeat(16_000) }) }),
        );
      },
    ],
    [
      "100 000 DATA frames with nothing in them",
      function* () {
        yield call(0);
        yield* times(100_000, () => frame(FRAME.data, { stream: 1 }));
      },
    ],
  ];
  for (const [what, frames] of CUT_OFF) {
    it(`goes on answering others through ${what}, and hangs up on them`, () => withstands(cutOff(frames)));
  }

  const BORNE: [string, () => Iterable<Buffer>][] = [
    [
      "20 000 calls that are reset at once",
      () =>
        times(20_000, (index) =>
          Buffer.concat([
            call(index),
            frame(FRAME.reset, { stream: index * 2 + 1, payload: Buffer.from([0, 0, 0, 8]) }),
          ]),
        ),
    ],
    [
      "5 000 calls whose answers nobody has room for",
      function* () {
        yield setting(INITIAL_WINDOW_SIZE, 0);
        yield* times(5000, (index) =>
          Buffer.concat([
            call(index),
            frame(FRAME.data, { flags: FLAG.endStream, stream: index * 2 + 1, payload: grpcMessage(request) }),
          ]),
        );
      },
    ],
    ["5 000 calls that never say anything", () => times(5000, (index) => call(index))],
  ];
  for (const [what, frames] of BORNE) {
    it(`goes on answering others through ${what}`, () => withstands(flood(frames)));
  }

  it(`goes on answering others through ${DAMAGED} connections whose frames are damaged`, () =>
    withstands(async () => {
      const good = Buffer.concat([
        frame(FRAME.settings),
        call(0),
        frame(FRAME.data, { flags: FLAG.endStream, stream: 1, payload: grpcMessage(request) }),
        frame(FRAME.ping, { payload: Buffer.alloc(8) }),
        setting(INITIAL_WINDOW_SIZE, 65_535),
      ]);
      const connections: RawConnection[] = [];
      for (let seed = 0; seed < DAMAGED; seed++) {
        const connection = await RawConnection.open(fleet.served.address, PREFACE);
        connection.socket.resume();
        await connection.send([mutate([good], seed, "wire")]);
        connections.push(connection);
      }
      return connections;
    }));

  it("goes on answering others through 500 connections that say one byte at a time", () =>
    withstands(async () => {
      const greeting = Buffer.from("PRI * HTTP/2.0");
      const connections = await Promise.all(
        Array.from({ length: 500 }, () => RawConnection.open(fleet.served.address, greeting.subarray(0, 1))),
      );
      for (const byte of greeting.subarray(1)) for (const { socket } of connections) socket.write(Buffer.from([byte]));
      return connections;
    }));

  it(`goes on answering others beside ${IDLE_CONNECTIONS} connections that made a call once`, () =>
    withstands(
      async () => {
        const payload = grpcMessage(request);
        const connections: RawConnection[] = [];
        while (connections.length < IDLE_CONNECTIONS) {
          const more = await Promise.all(Array.from({ length: 100 }, open));
          for (const { socket } of more) {
            socket.write(Buffer.concat([call(0), frame(FRAME.data, { flags: FLAG.endStream, stream: 1, payload })]));
            await once(socket, "data");
            socket.resume();
          }
          connections.push(...more);
        }
        assert(connections.every(({ socket }) => !socket.destroyed));
        return connections;
      },
      (IDLE_CONNECTIONS * IDLE_KIBIBYTES) / 1024,
    ));

  describe("meets a message that is too large, and", () => {
    /** Sends parts of a body that never ends, and waits for the status. */
    async function ask(parts: readonly Buffer[], headers: Record<string, string> = {}): Promise<IncomingHttpHeaders> {
      const session = connect(`http://${fleet.served.address}`);
      const stream = session.request({
        ":method": "POST",
        ":path": PREDICT,
        te: "trailers",
        "content-type": "application/grpc",
        ...headers,
      });
      stream.on("error", () => {});
      const answer = new Promise<IncomingHttpHeaders>((resolve) => {
        stream.on("response", (head) => head["grpc-status"] !== undefined && resolve(head));
        stream.on("trailers", resolve);
      });
      stream.resume();
      for (const part of parts) stream.write(part);
      const trailers = await answer;
      session.destroy();
      return trailers;
    }

    it("refuses it by the length that it claims, before any of it has come", async () => {
      const before = await resident();
      const claim = grpcMessage(Buffer.alloc(0), { claimed: 2 ** 32 - 1 });
      const answered = await Promise.all(Array.from({ length: 50 }, () => ask([claim])));
      for (const trailers of answered) {
        assert.equal(trailers["grpc-status"], String(status.RESOURCE_EXHAUSTED));
        assert.match(String(trailers["grpc-message"]), /4294967295/);
      }
      assert(((await resident()) - before) / MEBIBYTE < 32);
    });

    it("says both sizes to a client that sends it", async () => {
      const answer = await client.unary(PREDICT, Buffer.alloc(65 * MEBIBYTE));
      assert.equal(answer.code, status.RESOURCE_EXHAUSTED);
      assert.match(answer.details, /Received message larger than max \(68157440 vs 67108864\)/);
    });

    it("does not unpack what is small on the wire and large in memory", async () => {
      const before = await resident();
      const bomb = grpcMessage(gzipSync(Buffer.alloc(256 * MEBIBYTE)), { compressed: true });
      const trailers = await ask([bomb], { "grpc-encoding": "gzip" });
      assert.equal(trailers["grpc-status"], String(status.RESOURCE_EXHAUSTED));
      const grown = ((await resident()) - before) / MEBIBYTE;
      assert(grown < 2 * 64 + 64, `memory grew by ${Math.round(grown)} MiB`);
      await answersRightly();
    });
  });
}).timeout(120_000);
