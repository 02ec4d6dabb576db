import assert from "node:assert/strict";
import { Metadata, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import {
  type PredictRequest,
  type PredictResponse,
  VoiceServiceClient,
} from "../../generated/ts/acme/voice/v1/voice_service.js";
import { CallError } from "../../src/client/call-error.js";
import { type Connection, type ConnectOptions, connect } from "../../src/client/connect.js";
import type { Hop } from "../../src/client/hop.js";
import { gate, type ListeningServer } from "./listen.js";
import { startTextServer, TEXT_SERVICE } from "./text-server.js";
import { startVoiceServer, type VoiceHandlers } from "./voice-server.js";

type Call = ServerUnaryCall<PredictRequest, PredictResponse>;
type Done = sendUnaryData<PredictResponse>;
type Voice = Connection<typeof VoiceServiceClient.service>;

const ANSWER = { speechProbability: 0.5 };
const REQUEST = { samples: [] };

describe("connect()", () => {
  const open: { close(): void }[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  const serve = async (handlers: VoiceHandlers): Promise<ListeningServer> => {
    const server = await startVoiceServer(handlers);
    open.unshift(server);
    return server;
  };
  const reach = (target: string, options: ConnectOptions = {}): Voice => {
    const connection = connect(VoiceServiceClient, target, options);
    open.unshift(connection);
    return connection;
  };
  const connectTo = async (handlers: VoiceHandlers, options: ConnectOptions = {}) =>
    reach((await serve(handlers)).target, options);
  /** A server that notes each call's headers. */
  const connectToNoting = async (options: ConnectOptions = {}) => {
    const calls: Call[] = [];
    const predict = (call: Call, done: Done) => {
      calls.push(call);
      done(null, ANSWER);
    };
    return { voice: await connectTo({ predict }, options), calls };
  };

  it("gives the answer as the contract's own type", async () => {
    const voice = await connectTo({
      predict: (call, done) => done(null, { speechProbability: call.request.samples.length }),
    });
    assert.deepEqual(await voice.predict({ samples: [1, 2, 3] }), { speechProbability: 3 });
  });

  it("takes answers larger than grpc-js's own limit of 4 MiB", async () => {
    const server = await startTextServer({ unary: (call, done) => done(null, call.request.repeat(5_000_000)) });
    open.unshift(server);
    const texts = connect({ service: TEXT_SERVICE }, server.target);
    open.unshift(texts);
    assert.equal((await texts.unary("x")).length, 5_000_000);
  });

  it("fails with the code, the server's words and when to come back", async () => {
    const metadata = new Metadata();
    metadata.set("grpc-retry-pushback-ms", "250");
    const voice = await connectTo({
      predict: (_call, done) => done({ code: status.RESOURCE_EXHAUSTED, details: "queue full", metadata }),
    });
    const error = await failure(voice.predict(REQUEST));
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    assert.equal(error.codeName, "RESOURCE_EXHAUSTED");
    assert.equal(error.details, "queue full");
    assert.equal(error.retryAfterMs, 250);
    assert.match(
      error.message,
      /^acme\.voice\.v1\.VoiceService\/Predict at 127\.0\.0\.1:\d+: RESOURCE_EXHAUSTED: queue full$/,
    );
  });

  it("does not retry: that is the mesh's work", async () => {
    let calls = 0;
    const voice = await connectTo({
      predict: (_call, done) => {
        calls++;
        done({ code: status.UNAVAILABLE, details: "later" });
      },
    });
    assert.equal((await failure(voice.predict(REQUEST))).code, status.UNAVAILABLE);
    assert.equal(calls, 1);
  });

  it("says UNAVAILABLE where nothing listens", async () => {
    const server = await startVoiceServer({});
    server.close();
    const voice = reach(server.target);
    assert.equal((await failure(voice.predict(REQUEST))).code, status.UNAVAILABLE);
    assert.match((await failure(voice.ready(50))).message, /no connection within 50 ms/);
  });

  it("is ready once the server is", async () => {
    await (await connectTo({})).ready(5000);
  });

  describe("deadline", () => {
    it("is five seconds for a unary call unless said otherwise, and none for a stream", async () => {
      const deadlines: number[] = [];
      const voice = await connectTo({
        predict: (call, done) => {
          deadlines.push(Number(call.getDeadline()));
          done(null, ANSWER);
        },
        predictStream: (call) => {
          deadlines.push(Number(call.getDeadline()));
          call.end();
        },
      });
      const beforeMs = Date.now();
      await voice.predict(REQUEST);
      for await (const _ of voice.predictStream([]));
      assert(Math.abs(deadlines[0]! - beforeMs - 5000) < 2000, `${deadlines[0]! - beforeMs} ms`);
      assert.equal(deadlines[1], Number.POSITIVE_INFINITY);
    });

    it("ends a call that takes longer", async () => {
      const voice = await connectTo({ predict: () => {}, predictStream: () => {} }, { deadlineMs: 60_000 });
      assert.equal((await failure(voice.predict(REQUEST, { deadlineMs: 30 }))).code, status.DEADLINE_EXCEEDED);
      const stream = collect(voice.predictStream([], { deadlineMs: 30 }));
      assert.equal((await failure(stream)).code, status.DEADLINE_EXCEEDED);
    });

    it("is the connection's where the call says undefined", async () => {
      const voice = await connectTo({ predict: () => {} }, { deadlineMs: 30 });
      assert.equal((await failure(voice.predict(REQUEST, { deadlineMs: undefined }))).code, status.DEADLINE_EXCEEDED);
    });
  });

  describe("headers", () => {
    it("ask for a revision, a cohort and pins, and carry what the caller adds", async () => {
      const { voice, calls } = await connectToNoting({ revision: "r1", cohort: "beta", metadata: { a: "1", b: "1" } });
      await voice.predict(REQUEST, {
        revision: "r2",
        pins: { "acme.ocr.v1": "r2", "acme.fraud.v1": "r1" },
        metadata: { b: "2", "c-bin": Buffer.from([0, 255]) },
      });
      const { metadata } = calls[0]!;
      assert.deepEqual(metadata.get("flotilla-revision"), ["r2"]);
      assert.deepEqual(metadata.get("x-flotilla-cohort"), ["beta"]);
      assert.deepEqual(metadata.get("x-flotilla-pin"), ["acme.ocr.v1=r2,acme.fraud.v1=r1"]);
      assert.deepEqual([metadata.get("a"), metadata.get("b")], [["1"], ["2"]]);
      assert.deepEqual(metadata.get("c-bin"), [Buffer.from([0, 255])]);
    });

    it("pass a parent's trace, cohort and pins on, and nothing else of it", async () => {
      const { voice, calls } = await connectToNoting();
      const middle = await connectTo({
        predict: (call, done) => {
          voice.predict(REQUEST, { parent: call }).then((answer) => done(null, answer), done);
        },
      });
      const passed = {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        tracestate: "vendor=1",
        baggage: "user=7",
        b3: "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
        "x-b3-traceid": "80f198ee56343ba864fe8b2a57d3eff7",
        "x-request-id": "q-1",
        "x-flotilla-cohort": "beta",
        "x-flotilla-pin": "acme.ocr.v1=r2",
      };
      await middle.predict(REQUEST, { metadata: { ...passed, authorization: "secret", "flotilla-revision": "r7" } });
      const { metadata } = calls[0]!;
      assert.deepEqual(Object.fromEntries(Object.keys(passed).map((name) => [name, metadata.get(name)[0]])), passed);
      assert.deepEqual(metadata.get("authorization"), []);
      assert.deepEqual(metadata.get("flotilla-revision"), []);
    });

    it("let a call's own cohort win over its parent's", async () => {
      const { voice, calls } = await connectToNoting();
      const middle = await connectTo({
        predict: (call, done) => {
          voice.predict(REQUEST, { parent: call, cohort: "own" }).then((answer) => done(null, answer), done);
        },
      });
      await middle.predict(REQUEST, { cohort: "beta" });
      assert.deepEqual(calls[0]!.metadata.get("x-flotilla-cohort"), ["own"]);
    });
  });

  describe("a parent", () => {
    it("lends its calls its deadline, where that is nearer", async () => {
      const { voice, calls } = await connectToNoting();
      const parents: Call[] = [];
      const middle = await connectTo({
        predict: (call, done) => {
          parents.push(call);
          const deadlineMs = parents.length === 1 ? 60_000 : 20_000;
          voice.predict(REQUEST, { parent: call, deadlineMs }).then((answer) => done(null, answer), done);
        },
      });
      await middle.predict(REQUEST, { deadlineMs: 40_000 });
      await middle.predict(REQUEST, { deadlineMs: 40_000 });
      const [lent, own] = calls.map((call, i) => Number(call.getDeadline()) - Number(parents[i]!.getDeadline()));
      // The wire carries what is left, not a time: the two ends see it some milliseconds apart.
      assert(Math.abs(lent!) < 2000, `${lent} ms`);
      assert(own! < -15_000, `${own} ms`);
    });

    it("that is cancelled cancels the calls made for it", async () => {
      const arrived = gate();
      const cancelled = gate();
      const voice = await connectTo({
        predict: (call) => {
          call.on("cancelled", () => cancelled.open());
          arrived.open();
        },
      });
      const child = gate<CallError>();
      const middle = await connectTo({
        predict: (call) => {
          failure(voice.predict(REQUEST, { parent: call })).then(child.open);
        },
      });
      const giveUp = new AbortController();
      const call = failure(middle.predict(REQUEST, { signal: giveUp.signal }));
      await arrived.opened;
      giveUp.abort();
      await cancelled.opened;
      assert.equal((await child.opened).code, status.CANCELLED);
      assert.equal((await call).code, status.CANCELLED);
    });

    it("may make many calls at once without a warning of a leak", async () => {
      const warnings: Error[] = [];
      const note = (warning: Error) => warnings.push(warning);
      process.on("warning", note);
      const { voice, calls } = await connectToNoting();
      const middle = await connectTo({
        predict: (call, done) => {
          const children = Array.from({ length: 30 }, () => voice.predict(REQUEST, { parent: call }));
          Promise.all(children).then(() => done(null, { speechProbability: call.listenerCount("cancelled") }), done);
        },
      });
      const { speechProbability: listeners } = await middle.predict(REQUEST);
      // Warnings are emitted on the next tick.
      await new Promise(setImmediate);
      process.off("warning", note);
      assert.equal(calls.length, 30);
      assert.equal(listeners, 1);
      assert.deepEqual(warnings, []);
    });
  });

  describe("a signal", () => {
    it("gives the call up", async () => {
      const arrived = gate();
      const cancelled = gate();
      const voice = await connectTo({
        predict: (call) => {
          call.on("cancelled", () => cancelled.open());
          arrived.open();
        },
      });
      const giveUp = new AbortController();
      const call = failure(voice.predict(REQUEST, { signal: giveUp.signal }));
      await arrived.opened;
      giveUp.abort();
      assert.equal((await call).code, status.CANCELLED);
      await cancelled.opened;
    });

    it("that was given before keeps the call from the server", async () => {
      const { voice, calls } = await connectToNoting();
      await voice.ready(5000);
      const error = await failure(voice.predict(REQUEST, { signal: AbortSignal.abort() }));
      assert.equal(error.code, status.CANCELLED);
      await voice.predict(REQUEST);
      assert.equal(calls.length, 1);
    });
  });

  describe("a hop", () => {
    const answerWith = (trailers: Record<string, string>) => {
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
      return (_call: Call, done: Done) => done(null, ANSWER, metadata);
    };

    it("says who called whom, which revision answered, and how long the way took", async () => {
      const digest = "ab".repeat(32);
      const timing = "queue=0.100, batch=0.200, infer=1.300, codec=0.050, total=0.001";
      const hops: Hop[] = [];
      const voice = await connectTo(
        {
          predict: answerWith({
            "flotilla-revision": "r2",
            "flotilla-model-digest": digest,
            "flotilla-server-timing": timing,
          }),
        },
        { from: "acme.shop.v1", onHop: (hop) => hops.push(hop) },
      );
      await voice.predict(REQUEST);
      const [hop] = hops;
      const { from, to, method, revision, modelDigest, code, server } = hop!;
      assert.deepEqual(
        { from, to, method, revision, modelDigest, code, server },
        {
          from: "acme.shop.v1",
          to: "acme.voice.v1",
          method: "Predict",
          revision: "r2",
          modelDigest: digest,
          code: status.OK,
          server: { queueMs: 0.1, batchMs: 0.2, inferMs: 1.3, codecMs: 0.05, totalMs: 0.001 },
        },
      );
      assert(hop!.elapsedMs > 0.001);
      assert.equal(hop!.overheadMs, hop!.elapsedMs - 0.001);
    });

    it("is told to connection and call alike, before the answer is", async () => {
      const order: string[] = [];
      const voice = await connectTo({ predict: answerWith({}) }, { onHop: () => order.push("connection") });
      await voice.predict(REQUEST, { onHop: () => order.push("call") }).then(() => order.push("answer"));
      assert.deepEqual(order, ["connection", "call", "answer"]);
    });

    it("is told of failed calls and of streams too", async () => {
      const hops: Hop[] = [];
      const voice = await connectTo(
        {
          predict: (_call, done) => done({ code: status.NOT_FOUND, details: "no" }),
          predictStream: (call) => {
            call.write(ANSWER);
            call.end();
          },
        },
        { onHop: (hop) => hops.push(hop) },
      );
      await failure(voice.predict(REQUEST));
      await collect(voice.predictStream([]));
      assert.deepEqual(
        hops.map(({ method, code, server, overheadMs }) => ({ method, code, server, overheadMs })),
        [
          { method: "Predict", code: status.NOT_FOUND, server: undefined, overheadMs: undefined },
          { method: "PredictStream", code: status.OK, server: undefined, overheadMs: undefined },
        ],
      );
    });
  });
});

async function failure(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => assert.fail("the call was answered"),
    (reason: unknown) => reason,
  );
  assert(error instanceof CallError, String(error));
  return error;
}

async function collect<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const message of messages) all.push(message);
  return all;
}
