import assert from "node:assert/strict";
import { Metadata, status } from "@grpc/grpc-js";
import type { Contract } from "../../src/contract/contract.js";
import { callerOf } from "../../src/grpc/stream-quota.js";
import { DEFAULT_STREAMS, type StreamSettings } from "../../src/serving/stream-settings.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { scaleModel, slowModel } from "../support/onnx-builder.js";
import { RawClient, startTestServer, type TestServer } from "../support/server.js";
import { SCALE, SLOW } from "./contracts.js";

describe("streams", () => {
  const opened: { close(): unknown }[] = [];
  let scale: Contract;
  let slow: Contract;
  let json: JsonCodec;
  let slowJson: JsonCodec;

  before(() => {
    scale = compileContract("test.scale.v1", SCALE);
    slow = compileContract("test.slow.v1", SLOW);
    json = new JsonCodec(scale.image);
    slowJson = new JsonCodec(slow.image);
  });
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });

  async function serve(limits: Partial<StreamSettings>): Promise<{ server: TestServer; client: RawClient }> {
    const streams = { ...DEFAULT_STREAMS, ...limits };
    const server = await startTestServer([
      { contract: scale, revisions: { r1: scaleModel({ factor: 2 }) }, streams },
      { contract: slow, revisions: { r1: slowModel() }, streams },
    ]);
    const client = new RawClient(server.address);
    opened.push(server, client);
    return { server, client };
  }

  function open(client: RawClient, headers: Record<string, string> = {}, service = "test.scale.v1.ScaleService") {
    const call = client.stream(`/${service}/PredictStream`, Metadata.fromHttp2Headers(headers));
    const answers: Buffer[] = [];
    call.on("data", (message: Buffer) => answers.push(message));
    call.on("error", () => {});
    const ended = new Promise<{ code: number; details: string; metadata: Metadata }>((resolve) =>
      call.on("status", (end) => setImmediate(() => resolve(end))),
    );
    return { call, answers, ended };
  }

  const message = () => json.encode("test.scale.v1.PredictStreamRequest", { x: [1, 2, 3] });
  const slowMessage = (iterations: number) =>
    slowJson.encode("test.slow.v1.PredictStreamRequest", { iterations: [String(iterations)], x: [1] });
  const reason = (metadata: Metadata) => metadata.get("flotilla-reason");

  async function answered(stream: ReturnType<typeof open>): Promise<void> {
    const first = new Promise((resolve) => stream.call.once("data", resolve));
    stream.call.write(message());
    await first;
  }

  it("in which nothing moves are ended with ABORTED, after the answers to what they sent", async () => {
    const { client } = await serve({ idleMs: 1500 });
    const stream = open(client);
    stream.call.write(message());
    const { code, details, metadata } = await stream.ended;
    assert.equal(code, status.ABORTED);
    assert.match(details, /^test\.scale\.v1: nothing was sent or read for 1500 ms: open the stream anew/);
    assert.deepEqual(reason(metadata), ["STREAM_IDLE"]);
    assert.equal(stream.answers.length, 1);
  });

  for (const [what, limits] of [
    ["messages", { maxMessages: 3 }],
    ["bytes", { maxBytes: 40 }],
  ] as const) {
    it(`that have had all the ${what} they may have are ended with RESOURCE_EXHAUSTED, all of it answered`, async () => {
      const { client } = await serve(limits);
      const stream = open(client);
      // 14 bytes each.
      for (let sent = 0; sent < 10; sent++) stream.call.write(message());
      const { code, details, metadata } = await stream.ended;
      assert.equal(code, status.RESOURCE_EXHAUSTED);
      assert.match(details, new RegExp(`^test\\.scale\\.v1: the stream has had \\d+ ${what}.*: open another$`));
      assert.deepEqual(reason(metadata), ["STREAM_LIMIT"]);
      assert.equal(stream.answers.length, 3);
    });
  }

  it("of one caller are as many as it may have; one that ends makes room for another", async () => {
    const { client, server } = await serve({ perCaller: 2 });
    const [first, second] = [open(client), open(client)];
    await answered(first);
    await answered(second);
    const refused = await open(client).ended;
    assert.equal(refused.code, status.RESOURCE_EXHAUSTED);
    assert.match(refused.details, /127\.0\.0\.1 has 2 streams open at this server, and may have 2: end one/);
    assert.deepEqual(reason(refused.metadata), ["STREAM_LIMIT"]);
    assert.match(await server.metrics.registry.metrics(), /flotilla_streams_open\{[^}]*"test\.scale\.v1"[^}]*\} 2\n/);
    first.call.cancel();
    await first.ended;
    await until(async () =>
      /flotilla_streams_open\{[^}]*"test\.scale\.v1"[^}]*\} 1\n/.test(await server.metrics.registry.metrics()),
    );
    await answered(open(client));
  });

  it("of one caller are counted over all its connections", async () => {
    const { client, server } = await serve({ perCaller: 2 });
    // Otherwise grpc-js joins the clients of one process on one connection.
    const clients = [1, 2].map(() => new RawClient(server.address, { "grpc.use_local_subchannel_pool": 1 }));
    opened.push(...clients);
    for (const one of clients) await answered(open(one));
    const { code, metadata } = await open(client).ended;
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.deepEqual(reason(metadata), ["STREAM_LIMIT"]);
  });

  it("of one identity are counted together, and apart from another's", async () => {
    const { client } = await serve({ perCaller: 1 });
    const of = (account: string) => ({
      "x-forwarded-client-cert": `By=spiffe://td/ns/m/sa/voice;Hash=ab;Subject="";URI=spiffe://td/ns/calls/sa/${account}`,
    });
    await answered(open(client, of("recorder")));
    await answered(open(client, of("player")));
    const { code, details } = await open(client, of("recorder")).ended;
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.match(details, /: spiffe:\/\/td\/ns\/calls\/sa\/recorder has 1 streams open/);
  });

  it("of the Open Inference Protocol have limits too", async () => {
    const { client } = await serve({});
    const call = () => client.stream("/inference.GRPCInferenceService/ModelStreamInfer");
    const streams = Array.from({ length: DEFAULT_STREAMS.perCaller + 1 }, call);
    const codes: number[] = [];
    for (const stream of streams) {
      stream.on("data", () => {});
      stream.on("error", ({ code }: { code: number }) => codes.push(code));
    }
    await until(async () => codes.length > 0);
    assert.deepEqual(codes, [status.RESOURCE_EXHAUSTED]);
    for (const stream of streams) stream.cancel();
  });

  it("whose messages take too long when the server drains are ended with UNAVAILABLE all the same", async () => {
    const { server, client } = await serve({ drainMs: 100 });
    const stream = open(client, {}, "test.slow.v1.SlowService");
    stream.call.write(slowMessage(1));
    for (let sent = 0; sent < 8; sent++) stream.call.write(slowMessage(3000));
    await new Promise((resolve) => stream.call.once("data", resolve));
    void server.server.drain(600_000);
    const { code, metadata } = await stream.ended;
    assert.equal(code, status.UNAVAILABLE);
    assert.deepEqual(reason(metadata), ["DRAINING"]);
    assert(stream.answers.length < 9, `${stream.answers.length} of 9 were answered`);
  });

  it("whose caller reads nothing don't hold up the server's end, and are ended with UNAVAILABLE", async () => {
    const { server, client } = await serve({ drainMs: 100 });
    const stream = client.stream("/test.scale.v1.ScaleService/PredictStream");
    stream.on("error", () => {});
    const ended = new Promise<{ code: number }>((resolve) => stream.on("status", resolve));
    const large = json.encode("test.scale.v1.PredictStreamRequest", { x: Array(300_000).fill(1) });
    // Until the windows of both directions are full.
    while (stream.write(large));
    await until(async () => !stream.write(large) && stream.writableLength > 4);
    assert.equal(await server.server.drain(600_000), true);
    stream.on("data", () => {});
    assert.equal((await ended).code, status.UNAVAILABLE);
  });
});

describe("callerOf()", () => {
  const call = (peer: string, header?: string) => ({
    metadata: Metadata.fromHttp2Headers(header === undefined ? {} : { "x-forwarded-client-cert": header }),
    getPeer: () => peer,
  });
  const URI = "URI=spiffe://td/ns/a/sa/b";

  for (const [peer, header, caller] of [
    ["10.1.2.3:4567", undefined, "10.1.2.3"],
    ["127.0.0.6:4567", `By=x;Hash=y;${URI}`, "spiffe://td/ns/a/sa/b"],
    ["::ffff:127.0.0.6:4567", URI, "spiffe://td/ns/a/sa/b"],
    ["::1:4567", URI, "spiffe://td/ns/a/sa/b"],
    ["127.0.0.6:4567", `URI=spiffe://td/ns/forged/sa/c,By=x;${URI}`, "spiffe://td/ns/a/sa/b"],
    ["127.0.0.6:4567", "By=x;Hash=y", "127.0.0.6"],
    ["10.1.2.3:4567", URI, "10.1.2.3"],
  ] as const) {
    it(`takes ${peer} with ${header ?? "no certificate"} for ${caller}`, () => {
      assert.equal(callerOf(call(peer, header)), caller);
    });
  }
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
