import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { status } from "@grpc/grpc-js";
import { ModelInferRequest } from "../../generated/ts/inference/grpc_service.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { grpcMessage } from "../support/http2-frames.js";
import { scaleModel, slowModel } from "../support/onnx-builder.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { SCALE, SLOW } from "./contracts.js";

const PREDICT = "/test.scale.v1.ScaleService/Predict";
const WAIT = "/test.slow.v1.SlowService/Predict";

const ROW = [1, 2, 3];
const slow = compileContract("test.slow.v1", SLOW);
const slowJson = new JsonCodec(slow.image);

/** Steps of a model that takes some tenths of a second on a fast machine. */
const LONG = 2000;

/** What came back of one call. */
interface Answer {
  readonly head: IncomingHttpHeaders;
  /** Where a call is answered without a message, its headers. */
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

describe("unary calls on HTTP/2 streams", () => {
  let server: TestServer;
  let session: ClientHttp2Session;

  before(async () => {
    server = await startTestServer([
      { contract: compileContract("test.scale.v1", SCALE), revisions: { r1: scaleModel({ factor: 2 }) } },
      { contract: slow, revisions: { r1: slowModel() } },
    ]);
    session = connect(`http://${server.address}`);
  });
  after(async () => {
    session.destroy();
    await server.close();
  });

  function begin(path: string, headers: Record<string, string> = {}, over = session): ClientHttp2Stream {
    const stream = over.request({
      ":method": "POST",
      ":path": path,
      te: "trailers",
      "content-type": "application/grpc",
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  }

  async function ended(stream: ClientHttp2Stream): Promise<Answer> {
    let [head, trailers]: IncomingHttpHeaders[] = [{}, {}];
    const chunks: Buffer[] = [];
    stream.on("response", (headers) => {
      head = headers;
      trailers = headers;
    });
    stream.on("trailers", (headers) => {
      trailers = headers;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await Promise.race([once(stream, "end"), once(stream, "close")]);
    return { head: head!, trailers: trailers!, body: Buffer.concat(chunks) };
  }

  async function call(parts: readonly Buffer[], headers: Record<string, string> = {}): Promise<Answer> {
    const stream = begin(PREDICT, headers);
    for (const part of parts) stream.write(part);
    stream.end();
    return ended(stream);
  }

  function code({ trailers }: Answer): string | undefined {
    return status[Number(trailers["grpc-status"])];
  }

  function answersTwice(values: readonly number[], answer: Answer): void {
    assert.equal(code(answer), "OK", String(answer.trailers["grpc-message"]));
    assert.deepEqual(answer.body, grpcMessage(packed(values.map((value) => 2 * value))));
  }

  it("are answered with a message, and trailers that say who answered", async () => {
    const answer = await call([grpcMessage(packed([1, 2, 3]))]);
    answersTwice([1, 2, 3], answer);
    assert.equal(answer.head[":status"], 200);
    assert.match(String(answer.head["content-type"]), /^application\/grpc/);
    assert.equal(answer.trailers["flotilla-revision"], "r1");
    assert.match(String(answer.trailers["flotilla-server-timing"]), /^queue=.*total=/);
  });

  it("may come a byte at a time", async () => {
    const message = grpcMessage(packed([1, 2, 3]));
    answersTwice([1, 2, 3], await call(Array.from(message, (byte) => Buffer.from([byte]))));
  });

  it("may be large, and so may their answers", async () => {
    const values = Array.from({ length: 210_000 }, (_, index) => index % 1000);
    answersTwice(values, await call([grpcMessage(packed(values))]));
  });

  it("with a message of nothing are read as that", async () => {
    const answer = await call([grpcMessage(Buffer.alloc(0))]);
    assert.equal(code(answer), "INVALID_ARGUMENT");
    assert.equal(answer.body.length, 0);
  });

  it("are refused with the reason, written as a header may be", async () => {
    const answer = await call([grpcMessage(Buffer.from([0x0a, 0x03, 1, 2, 3]))]);
    assert.equal(code(answer), "INVALID_ARGUMENT");
    assert.match(decodeURIComponent(String(answer.trailers["grpc-message"])), /^test\.scale\.v1\/Predict: field "x": /);
    assert.equal(answer.trailers["flotilla-reason"], "INVALID_INPUT");
    assert.equal(answer.trailers["flotilla-revision"], "r1");
  });

  it("are refused though the reason is cut in the middle of a character", async () => {
    const modelName = `a${"\u{1F600}".repeat(1000)}`;
    const stream = begin("/inference.GRPCInferenceService/ModelInfer");
    stream.end(
      grpcMessage(Buffer.from(ModelInferRequest.encode(ModelInferRequest.fromPartial({ modelName })).finish())),
    );
    assert.equal(code(await ended(stream)), "NOT_FOUND");
  });

  it("end as UNIMPLEMENTED without a message, or with two", async () => {
    const message = grpcMessage(packed(ROW));
    for (const parts of [[], [message.subarray(0, 7)], [message, message], [Buffer.concat([message, message])]])
      assert.equal(code(await call(parts)), "UNIMPLEMENTED", `${parts.length} parts`);
  });

  it("are unpacked where they are compressed, and refused where they don't say how", async () => {
    const bytes = packed(ROW);
    const gzipped = grpcMessage(gzipSync(bytes), { compressed: true });
    answersTwice(ROW, await call([gzipped], { "grpc-encoding": "gzip" }));
    answersTwice(ROW, await call([grpcMessage(bytes)], { "grpc-encoding": "gzip" }));
    answersTwice(ROW, await call([grpcMessage(bytes)], { "grpc-encoding": "identity" }));
    assert.equal(code(await call([gzipped])), "INTERNAL");
    assert.equal(code(await call([gzipped], { "grpc-encoding": "snappy" })), "UNIMPLEMENTED");
  });

  it("that are no gRPC are refused as such", async () => {
    const answer = await call([grpcMessage(packed(ROW))], { "content-type": "application/json" });
    assert.equal(answer.head[":status"], 415);
  });

  it("have until their deadline, whatever unit it is in", async () => {
    for (const timeout of ["1H", "60M", "20S", "20000m", "20000000u", "99999999n"])
      answersTwice(ROW, await call([grpcMessage(packed(ROW))], { "grpc-timeout": timeout }));
    for (const timeout of ["0n", "1u"])
      assert.equal(code(await call([grpcMessage(packed(ROW))], { "grpc-timeout": timeout })), "DEADLINE_EXCEEDED");
    for (const timeout of ["soon", "1"])
      assert.equal(code(await call([grpcMessage(packed(ROW))], { "grpc-timeout": timeout })), "INTERNAL", timeout);
  });

  it("end at their deadline though their request has not come whole", async () => {
    const stream = begin(PREDICT, { "grpc-timeout": "50m" });
    stream.write(grpcMessage(packed(ROW)).subarray(0, 7));
    const answer = await ended(stream);
    assert.equal(code(answer), "DEADLINE_EXCEEDED");
    assert.equal(answer.trailers["flotilla-reason"], "DEADLINE");
  });

  it("are given up when their caller resets them, and what runs beside them is answered", async () => {
    const { statistics } = server.repository.find("test.slow.v1");
    const before = statistics.executionCount;
    const busy = begin(WAIT);
    busy.end(grpcMessage(steps(LONG)));
    const answered = ended(busy);
    await delay(50);
    const waits = begin(WAIT);
    waits.end(grpcMessage(steps(LONG)));
    await delay(50);
    waits.close();
    assert.equal(code(await answered), "OK");
    await delay(100);
    assert.equal(statistics.executionCount, before + 1, "the second was never begun");
    answersTwice(ROW, await call([grpcMessage(packed(ROW))]));
  });

  it("are counted until they are over, so that a drain waits for them", async () => {
    const other = await startTestServer([{ contract: slow, revisions: { r1: slowModel() } }]);
    const apart = connect(`http://${other.address}`);
    const stream = begin(WAIT, {}, apart);
    stream.end(grpcMessage(steps(LONG)));
    const answered = ended(stream);
    await delay(100);
    const [answer, clean] = await Promise.all([answered, other.server.drain(10_000)]);
    assert.equal(code(answer), "OK");
    assert(clean);
    apart.destroy();
    await other.close();
  });
});

/** `repeated float x = 1`. */
function packed(values: readonly number[]): Buffer {
  const bytes = Buffer.from(Float32Array.from(values).buffer);
  const head: number[] = [0x0a];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>= 7) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** A request that keeps the slow model busy for some milliseconds. */
function steps(iterations: number): Buffer {
  return slowJson.encode("test.slow.v1.PredictRequest", { iterations: [String(iterations)], x: [1] });
}
