import assert from "node:assert/strict";
import { Metadata, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type { PredictRequest, PredictResponse } from "../../generated/ts/acme/voice/v1/voice_service.js";
import type { CallError } from "../../src/client/call-error.js";
import type { Hop } from "../../src/client/hop.js";
import { ComposedModel } from "../../src/composition/composed-model.js";
import type { CompositionSettings } from "../../src/serving/composition-settings.js";
import { gate } from "../client/listen.js";
import { startVoiceServer } from "../client/voice-server.js";
import { SILENT_OBSERVER } from "../support/served.js";
import { CHAIN_MODULE, chainSettings, outerSettings, startChain } from "./chain-server.js";

type Call = ServerUnaryCall<PredictRequest, PredictResponse>;
type Done = sendUnaryData<PredictResponse>;
type Predict = (call: Call, done: Done) => void;

const half: Predict = ({ request }, done) => done(null, { speechProbability: request.samples[0]! / 2 });

describe("ComposedModel", () => {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });

  /** The chain before a server of acme.voice.v1 that does what a test says. */
  async function serve(predict: Predict, overrides: Partial<CompositionSettings> = {}) {
    const voice = await startVoiceServer({ predict });
    const server = await startChain(await chainSettings(voice.target, overrides));
    open.push(server, voice);
    return server;
  }

  it("answers by calling others, in the order of what it was asked", async () => {
    const { chain } = await serve(half);
    assert.deepEqual(await chain.join({ values: [4, 2, 8] }), answered(2, 1, 4));
  });

  it("passes trace, baggage, cohort, pins and release on to those whom it calls", async () => {
    const headers = {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      baggage: "tenant=blue",
      "x-b3-traceid": "0af7651916cd43dd8448eb211c80319c",
      "x-flotilla-cohort": "beta",
      "x-flotilla-pin": "acme.voice.v1=r2",
      "x-flotilla-release": "2026-11",
    };
    let seen: Metadata | undefined;
    const { chain } = await serve((call, done) => {
      seen = call.metadata;
      half(call, done);
    });
    await chain.join({ values: [1] }, { metadata: { ...headers, "x-other": "stays" } });
    for (const [name, value] of Object.entries(headers)) assert.deepEqual(seen!.get(name), [value], name);
    assert.deepEqual(seen!.get("x-other"), []);
  });

  it("gives those whom it calls what is left of its time less its reserve, and no more than their contract does", async () => {
    const deadlines: number[] = [];
    const { chain } = await serve((call, done) => {
      deadlines.push(Number(call.getDeadline()));
      half(call, done);
    });
    for (const deadlineMs of [1500, 60_000]) await chain.join({ values: [1] }, { deadlineMs });
    const [short, long] = deadlines.map((deadline) => deadline - Date.now());
    // The wire rounds a deadline, and the call took a while.
    assert(short! <= 1400 && short! > 400, `${short} ms`);
    assert(long! <= 2000 && long! > 1000, `${long} ms`);
  });

  it("has no more calls open at a time than it says", async () => {
    let now = 0;
    let most = 0;
    const { chain } = await serve((call, done) => {
      most = Math.max(most, ++now);
      setImmediate(() => {
        now--;
        half(call, done);
      });
    });
    await chain.join({ values: Array.from({ length: 40 }, (_, index) => index), limit: 3 });
    assert.equal(most, 3);
  });

  it("says which part is missing, and why, and gives the others", async () => {
    const { chain } = await serve((call, done) => {
      if (call.request.samples[0] === 2) done({ code: status.UNAVAILABLE, details: "away" });
      else half(call, done);
    });
    const { parts } = await chain.join({ values: [4, 2, 8] });
    assert.deepEqual(parts, [...answered(2).parts, { value: 0, missing: "UNAVAILABLE" }, ...answered(4).parts]);
  });

  for (const [code, expected, text] of [
    [
      status.UNAVAILABLE,
      "UNAVAILABLE",
      /^test\.chain\.v1\/r1: acme\.voice\.v1\.VoiceService\/Predict: UNAVAILABLE: why$/,
    ],
    [status.INVALID_ARGUMENT, "INVALID_ARGUMENT", /INVALID_ARGUMENT: why$/],
    [status.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", /RESOURCE_EXHAUSTED: why$/],
    [status.FAILED_PRECONDITION, "FAILED_PRECONDITION", /FAILED_PRECONDITION: why$/],
    [status.PERMISSION_DENIED, "INTERNAL", /^test\.chain\.v1\/r1: acme\.voice\.v1\.VoiceService\/Predict failed$/],
  ] as const) {
    it(`answers ${expected} where it lets a call through that failed with ${status[code]}`, async () => {
      const metadata = new Metadata();
      metadata.set("grpc-retry-pushback-ms", "70");
      const { chain } = await serve((_call, done) => done({ code, details: "why", metadata }));
      const error = await failure(chain.join({ values: [1], mood: "first" }));
      assert.equal(error.codeName, expected);
      assert.match(error.details, text);
      assert.equal(error.retryAfterMs, expected === "INTERNAL" ? undefined : 70);
    });
  }

  it("keeps what its code threw from the caller", async () => {
    const { chain } = await serve(half);
    const error = await failure(chain.join({ values: [], mood: "throw" }));
    assert.equal(error.codeName, "INTERNAL");
    assert.doesNotMatch(error.details, /secret/);
  });

  it("cancels the calls that it made once its caller gives up", async () => {
    const [came, cancelled] = [gate<Call>(), gate()];
    const { chain } = await serve((call) => {
      call.on("cancelled", () => cancelled.open());
      came.open(call);
    });
    const giveUp = new AbortController();
    const answer = failure(chain.join({ values: [1] }, { signal: giveUp.signal }));
    await came.opened;
    giveUp.abort();
    assert.equal((await answer).codeName, "CANCELLED");
    await cancelled.opened;
  });

  it("passes what is left of the time, and a cancellation, down a chain of compositions", async () => {
    const [came, cancelled] = [gate<Call>(), gate()];
    const voice = await startVoiceServer({
      predict: (call) => {
        call.on("cancelled", () => cancelled.open());
        came.open(call);
      },
    });
    const own = { reserveMs: 5000 };
    const settings = await chainSettings(voice.target, own);
    const callees = settings.callees.map((callee) => ({ ...callee, deadlineMs: 60_000 }));
    const inner = await startChain({ ...settings, callees });
    const outer = await startChain({ ...(await outerSettings(inner.address)), ...own });
    open.push(outer, inner, voice);
    const giveUp = new AbortController();
    const until = Date.now() + 25_000;
    const request = { values: [1], mood: "first" };
    const answer = failure(outer.chain.join(request, { signal: giveUp.signal, deadlineMs: until - Date.now() }));
    const deadline = Number((await came.opened).getDeadline());
    giveUp.abort();
    assert.equal((await answer).codeName, "CANCELLED");
    await cancelled.opened;
    // Each of the two keeps five seconds for itself; of these, one pays for what the way took.
    assert(until - deadline > 5000, `${until - deadline} ms earlier`);
  });

  it("cancels the calls that are still open once it has answered", async () => {
    const cancelled = gate();
    const { chain } = await serve((call, done) => {
      if (call.request.samples[0] === 1) call.on("cancelled", () => cancelled.open());
      else half(call, done);
    });
    await chain.join({ values: [1, 2], mood: "leave" });
    await cancelled.opened;
  });

  it("answers DEADLINE_EXCEEDED in time where its code never ends", async () => {
    const { server, chain } = await serve(half);
    const error = await failure(chain.join({ values: [], mood: "hang" }, { deadlineMs: 300 }));
    assert.equal(error.codeName, "DEADLINE_EXCEEDED");
    assert(await server.drain(5000), "the call was still open");
  });

  it("begins nothing for which no time is left once its reserve is taken off", async () => {
    let calls = 0;
    const { chain } = await serve(
      (call, done) => {
        calls++;
        half(call, done);
      },
      { reserveMs: 10_000 },
    );
    const error = await failure(chain.join({ values: [1] }, { deadlineMs: 5000 }));
    assert.match(error.details, /no time was left for the calls that it makes; it was not begun/);
    assert.equal(calls, 0);
  });

  it("refuses calls beyond its queue's size, and takes them again once others are answered", async () => {
    const [came, answer] = [gate(), gate()];
    const { chain } = await serve(
      async (call, done) => {
        came.open();
        await answer.opened;
        half(call, done);
      },
      { queueSize: 1 },
    );
    const first = chain.join({ values: [1] });
    await came.opened;
    const error = await failure(chain.join({ values: [1] }));
    assert.equal(error.codeName, "RESOURCE_EXHAUSTED");
    assert(error.retryAfterMs !== undefined);
    answer.open();
    await first;
    await chain.join({ values: [1] });
  });

  it("answers what is open when its server drains", async () => {
    const [came, answer] = [gate(), gate()];
    const { chain, server } = await serve(async (call, done) => {
      came.open();
      await answer.opened;
      half(call, done);
    });
    const first = chain.join({ values: [8] });
    await came.opened;
    const drained = server.drain(5000);
    answer.open();
    assert.deepEqual(await first, answered(4));
    assert(await drained);
  });

  it("says in its answer whom it called, which revision answered, and what the way there took", async () => {
    const trailers = new Metadata();
    trailers.set("flotilla-revision", "r7");
    trailers.set("flotilla-server-timing", "total=0.010");
    const { chain, hops } = await serve(({ request }, done) => {
      done(null, { speechProbability: request.samples[0]! }, trailers);
    });
    const over: Hop[] = [];
    await chain.join({ values: [1, 2, 3] }, { onHop: (hop) => over.push(hop) });
    assert.equal(over[0]!.hops.length, 1);
    const [made] = over[0]!.hops;
    assert.deepEqual([made!.to, made!.revision, made!.calls], ["acme.voice.v1", "r7", 3]);
    assert(made!.overheadMs > 0);
    const text = await hops.metrics();
    assert.match(
      text,
      /flotilla_hop_overhead_seconds_count\{from="test\.chain\.v1",to="acme\.voice\.v1",revision="r7"\} 3\n/,
    );
    assert.match(text, /flotilla_chain_overhead_seconds_count\{contract="test\.chain\.v1",revision="r1"\} 1\n/);
  });

  describe("is not served", () => {
    const problemOf = async (overrides: Partial<CompositionSettings>, address: string | undefined = "localhost:1") => {
      const settings = await chainSettings(address, overrides);
      const model = new ComposedModel(settings, { observer: SILENT_OBSERVER, onHop() {}, onChain() {} });
      await model.settled();
      assert.equal(model.state, "FAILED");
      await model.close();
      return model.problem!;
    };

    it("where its sources have another digest", async () => {
      assert.match(
        await problemOf({ sha256: "0".repeat(64) }),
        /chain\.ts: its sha256 is [0-9a-f]{64}, the fleet file says 0{64}/,
      );
    });

    it("where the one file of an image has another digest", async () => {
      const module = { path: CHAIN_MODULE, bundledSha256: "0".repeat(64) };
      assert.match(await problemOf({ module }), /the fleet file says 0{64}/);
    });

    it("where it has a client of a contract that it may not call", async () => {
      assert.match(
        await problemOf({ callees: [] }),
        /it calls acme\.voice\.v1, and the contracts that it may call are none/,
      );
    });

    it("where nobody says where a contract is that it calls", async () => {
      const { callees } = await chainSettings(undefined);
      assert.match(await problemOf({ callees }), /say where it is with --callee acme\.voice\.v1=host:port$/);
    });
  });
});

function answered(...values: number[]) {
  return { parts: values.map((value) => ({ value, missing: "" })) };
}

async function failure(call: Promise<unknown>): Promise<CallError> {
  return call.then(
    () => assert.fail("the call went well"),
    (error) => error as CallError,
  );
}
