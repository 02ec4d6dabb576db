import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { Metadata, status } from "@grpc/grpc-js";
import { readTrailers } from "../../src/client/hop.js";
import { type RelayFleet, startRelayFleet } from "../composition/relay-fleet.js";
import { JsonCodec, ROOT } from "../support/contract-fixture.js";
import { RawClient, type WireAnswer } from "../support/server.js";

const RELEASES = { old: "r1", new: "r2" };
const RELAY = "/test.relay.v1.RelayService/Predict";
const SCALE = "/test.scale.v1.ScaleService/Predict";

describe("a call that names a release", function () {
  this.timeout(120_000);
  let fleet: RelayFleet;
  let relay: RawClient;
  let scale: RawClient;
  let request: Buffer;
  before(async () => {
    fleet = await startRelayFleet(RELEASES);
    relay = new RawClient(fleet.relay.server.address);
    scale = new RawClient(fleet.scale.server.address);
    request = new JsonCodec(fleet.scale.contract.image).encode("test.scale.v1.PredictRequest", { x: [1, 2, 3] });
  });
  after(async () => {
    relay.close();
    scale.close();
    await fleet.close();
  });

  const headers = (release: string | undefined): { metadata: Record<string, string> } => ({
    metadata: release === undefined ? {} : { "x-flotilla-release": release },
  });
  /** Who answered along the chain, the model's first value, and the release that it all was of. */
  const chainOf = ({ message, trailers }: WireAnswer) => {
    const { revision, release, hops } = readTrailers(trailers, 0);
    const { y } = new JsonCodec(fleet.scale.contract.image).decode("test.scale.v1.PredictResponse", message!) as {
      y: number[];
    };
    return { chain: [revision, ...hops.map((hop) => hop.revision)].join(" "), y: y[0], release };
  };

  it("is answered by its revisions along the chain, and the trailer says so", async () => {
    for (const [release, chain, y] of [
      ["old", "r1 r1", 2],
      ["new", "r2 r2", 10],
    ] as const) {
      const answer = await relay.unary(RELAY, request, headers(release));
      assert.deepEqual(chainOf(answer), { chain, y, release });
    }
    assert.equal(chainOf(await relay.unary(RELAY, request)).release, undefined);
  });

  it("never gets an answer of two releases while a roll-out goes on", async () => {
    const loads = ["old", "new", undefined].map((release) => startLoad(release));
    await someMore(loads);
    // Whom is called goes first: in between, a call that names nothing is answered by both.
    await fleet.scale.shift("r2");
    await someMore(loads);
    await fleet.relay.shift("r2");
    await someMore(loads);
    const [old, fresh, unnamed] = await Promise.all(loads.map((load) => load.end()));
    assert.deepEqual(old, { "r1 r1, times 2": old!["r1 r1, times 2"] });
    assert.deepEqual(fresh, { "r2 r2, times 10": fresh!["r2 r2, times 10"] });
    assert.deepEqual(Object.keys(unnamed!), ["r1 r1, times 2", "r1 r2, times 10", "r2 r2, times 10"]);
  });

  it("is refused with FAILED_PRECONDITION where no release is called so", async () => {
    const { code, details, trailers } = await relay.unary(RELAY, request, headers("2027"));
    assert.equal(code, status.FAILED_PRECONDITION);
    assert.equal(details, 'release "2027" does not lead to test.relay.v1: it is in old, new');
    assert.deepEqual(trailers.get("flotilla-release"), []);
  });

  it("is refused where it asks for another revision beside it", async () => {
    const metadata = { "x-flotilla-release": "old", "flotilla-revision": "r2" };
    const { code, details } = await scale.unary(SCALE, request, { metadata });
    assert.equal(code, status.FAILED_PRECONDITION);
    assert.equal(details, 'release "old" has test.scale.v1 r1, and the call asks for r2: send one of the two');
  });

  for (const [what, client, method, calls] of [
    ["a model's", () => scale, "/test.scale.v1.ScaleService/PredictStream", 0],
    ["a composition's", () => relay, "/test.relay.v1.RelayService/PredictStream", 3],
  ] as const) {
    it(`may be a stream of ${what}, whose every message its revisions answer`, async () => {
      const codec = new JsonCodec(fleet.scale.contract.image);
      for (const [release, revision, y] of [
        ["old", "r1", 2],
        ["new", "r2", 10],
      ] as const) {
        const metadata = new Metadata();
        metadata.set("x-flotilla-release", release);
        const stream = client().stream(method, metadata);
        const ended = new Promise<Metadata>((resolve) => stream.on("status", (end) => resolve(end.metadata)));
        const answers: Buffer[] = [];
        stream.on("data", (answer: Buffer) => answers.push(answer));
        for (let message = 0; message < 3; message++) stream.write(request);
        stream.end();
        const trailers = readTrailers(await ended, 0);
        assert.deepEqual([trailers.revision, trailers.release], [revision, release]);
        const made = trailers.hops.map((hop) => [hop.to, hop.revision, hop.calls]);
        assert.deepEqual(made, calls === 0 ? [] : [["test.scale.v1", revision, calls]]);
        const decoded = answers.map((answer) => codec.decode("test.scale.v1.PredictStreamResponse", answer));
        assert.deepEqual(decoded, Array(3).fill({ y: [y, 2 * y, 3 * y] }));
      }
    });
  }

  it("may speak the Open Inference Protocol", async () => {
    const inference = new JsonCodec(readFileSync(path.join(ROOT, "generated/flotilla.binpb")));
    const infer = inference.encode("inference.ModelInferRequest", {
      modelName: "test.scale.v1",
      inputs: [{ name: "x", datatype: "FP32", shape: ["1", "3"], contents: { fp32Contents: [1, 2, 3] } }],
    });
    for (const [release, revision] of Object.entries(RELEASES)) {
      const { message, trailers } = await scale.unary(
        "/inference.GRPCInferenceService/ModelInfer",
        infer,
        headers(release),
      );
      const { modelVersion } = inference.decode("inference.ModelInferResponse", message!) as { modelVersion: string };
      assert.deepEqual([modelVersion, readTrailers(trailers, 0).release], [revision, release]);
    }
  });

  /** One call after another; each answer counts by who gave it. */
  function startLoad(release: string | undefined) {
    const counts: Record<string, number> = {};
    let answers = 0;
    let going = true;
    const run = (async () => {
      while (going) {
        const answer = await relay.unary(RELAY, request, headers(release));
        assert.equal(answer.code, status.OK, answer.details);
        const { chain, y } = chainOf(answer);
        counts[`${chain}, times ${y}`] = (counts[`${chain}, times ${y}`] ?? 0) + 1;
        answers++;
      }
      return counts;
    })();
    return {
      answers: () => answers,
      end: () => {
        going = false;
        return run;
      },
      failed: run,
    };
  }

  /** Until each has had answers to calls that began now or later. */
  async function someMore(loads: readonly ReturnType<typeof startLoad>[]): Promise<void> {
    const from = loads.map((load) => load.answers());
    const failure = Promise.race(loads.map((load) => load.failed));
    while (loads.some((load, index) => load.answers() < from[index]! + 20)) await Promise.race([rest(1), failure]);
  }
});
