import assert from "node:assert/strict";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { findInImage } from "../../src/client/find-method.js";
import { contractImage } from "../../src/fleet/protos.js";
import { FleetProcess, removeFleet } from "../support/fleet-process.js";
import { FlotillaProcess } from "../support/flotilla-process.js";
import { HAS_NATS, NatsServer } from "../support/nats-server.js";
import { CONTRACT, RELEASE, writeScoredFleet } from "./scored-fleet.js";
import { type StoredRecord, Streams, scoredEvent } from "./streams.js";

const TRACE = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

describe("flotilla bridge", () => {
  let nats: NatsServer;
  let streams: Streams;
  let folder: string;
  let fleet: FleetProcess;

  before(async function () {
    this.timeout(120_000);
    if (!HAS_NATS) this.skip();
    folder = writeScoredFleet();
    fleet = await FleetProcess.start(`${folder}/fleet.yaml`);
  });
  beforeEach(async () => {
    nats = await NatsServer.start();
    streams = await Streams.create(nats.url);
  });
  afterEach(async () => {
    await streams?.close();
    await nats?.remove();
  });
  after(async () => {
    await fleet?.end();
    if (folder) removeFleet(folder);
  });

  const args = (command: string, ...more: string[]) => [
    command,
    ...["--servers", nats.url, "--target", fleet.served.address, "--contract", CONTRACT, "--stream", "IN"],
    ...["--subject", "in.created", "--dead-letter", "out.dead", "--output", "json", ...more],
  ];

  /** Runs a bridge until OUT holds so many records, and drains it. */
  async function bridged(count: number, ...more: string[]): Promise<StoredRecord[]> {
    const bridge = new FlotillaProcess(...args("bridge", "--to", "out.scored", "--metrics-port", "0", ...more));
    const { metrics } = JSON.parse(await bridge.raise()) as { metrics: string };
    await streams.out(count);
    assert.equal((await fetch(metrics.replace("/metrics", "/readyz"))).status, 200);
    assert.match(await (await fetch(metrics)).text(), /flotilla_event_lag\{.*\} 0/);
    assert.equal(await bridge.end(), 0, bridge.log);
    return streams.readOut();
  }

  it("publishes a prediction that says who made it, of what, and in which trace", async () => {
    await streams.publish("in.created", [{ ...scoredEvent(21, 1), "ce-traceparent": TRACE }]);
    const [{ headers, text } = assert.fail()] = await bridged(1);
    assert.deepEqual(JSON.parse(text), { scores: [{ y: 42 }] });
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["ce-contract"], CONTRACT);
    assert.equal(headers["ce-revision"], "r1");
    assert.match(headers["ce-modeldigest"]!, /^[0-9a-f]{64}$/);
    assert.equal(headers["ce-causeid"], "e-21");
    assert.equal(headers["ce-traceparent"], TRACE);
    assert.equal(headers["ce-type"], "test.scored.v1.PredictResponse");
  });

  it("has events answered by the release that they name, joined with others or not, and by no other", async () => {
    const events = (kind: string, attributes: Readonly<Record<string, string>>) =>
      [1, 2, 3, 4].map((index) => ({ ...scoredEvent(index, 1), "ce-id": `${kind}-e-${index}`, ...attributes }));
    const plain = events("plain", {});
    const released = events("released", { "ce-flotillarelease": RELEASE });
    const [unknown] = events("unknown", { "ce-flotillarelease": "2020-01" });
    const [absurd] = events("absurd", { "ce-flotillarelease": "no release" });
    const mixed = plain.flatMap((event, index) => [event, released[index]!]);
    await streams.publish("in.created", [...mixed, unknown!, absurd!]);
    const records = await bridged(10, "--window-size", "8");
    const scored = records.filter(({ subject }) => subject === "out.scored");
    const answers = scored.map(({ headers, text }) => {
      const [, index] = headers["ce-causeid"]!.split("-e-");
      const { "ce-revision": revision, "ce-flotillarelease": release } = headers;
      return { factor: JSON.parse(text).scores[0].y / Number(index), revision, release };
    });
    const by = (asked: string | undefined) => answers.filter(({ release }) => release === asked);
    assert.deepEqual(by(undefined), Array(4).fill({ factor: 2, revision: "r1", release: undefined }));
    assert.deepEqual(by(RELEASE), Array(4).fill({ factor: 3, revision: "r2", release: RELEASE }));
    const dead = records.filter(({ subject }) => subject === "out.dead");
    assert.deepEqual(dead.map(({ headers }) => headers["flotilla-reason"]).sort(), ["MALFORMED", "REFUSED"]);
  });

  it("predicts an event once that was published twice", async () => {
    await streams.publish("in.created", [scoredEvent(1, 1), scoredEvent(1, 1), scoredEvent(2, 1)]);
    const records = await bridged(2);
    assert.deepEqual(records.map(({ headers }) => headers["ce-causeid"]).sort(), ["e-1", "e-2"]);
  });

  it("sends what can't be predicted to the dead letters as it came, with the reason, and goes on", async () => {
    const good = scoredEvent(1, 1);
    const { "ce-id": _, ...nameless } = good;
    const poison = [
      { ...good, body: "{" },
      { ...good, body: '{"instances":[{"nothing":1}]}' },
      { ...good, body: '{"instances":[]}' },
      { ...good, "content-type": "image/png" },
      nameless,
      { body: "no event at all" },
    ];
    await streams.publish("in.created", [...poison, scoredEvent(2, 1)]);
    const records = await bridged(poison.length + 1, "--window-size", "4");
    const dead = records.filter(({ subject }) => subject === "out.dead");
    const byPosition = dead.sort(
      (a, b) => Number(a.headers["flotilla-position"]) - Number(b.headers["flotilla-position"]),
    );
    assert.deepEqual(
      byPosition.map(({ headers }) => headers["flotilla-reason"]),
      ["WRONG_DATA", "WRONG_DATA", "REFUSED", "WRONG_DATA", "MALFORMED", "MALFORMED"],
    );
    assert.deepEqual(
      byPosition.map(({ text }) => text),
      poison.map(({ body }) => body),
    );
    assert.equal(records.find(({ subject }) => subject === "out.scored")?.headers["ce-causeid"], "e-2");
  });

  it("reads structured events, and writes them, with protobuf in base64", async () => {
    const body = JSON.stringify({
      ...{ specversion: "1.0", id: "s-1", source: "/test", type: "test.created" },
      data: { instances: [{ x: 4 }, { x: 5 }] },
    });
    await streams.publish("in.created", [{ "content-type": "application/cloudevents+json", body }]);
    const [{ text } = assert.fail()] = await bridged(1, "--mode", "structured", "--format", "protobuf");
    const event = JSON.parse(text) as Record<string, string>;
    assert.equal(event.causeid, "s-1");
    assert.equal(event.datacontenttype, "application/protobuf");
    const found = findInImage(await contractImage(folder, CONTRACT), { contract: CONTRACT, method: "Predict" });
    const answer = fromBinary(found.method.output, Buffer.from(event.data_base64!, "base64"));
    assert.deepEqual(toJson(found.method.output, answer), { scores: [{ y: 8 }, { y: 10 }] });
  });

  it("says which stream is missing", async () => {
    const bridge = new FlotillaProcess(
      ...args("bridge", "--stream", "NONE", "--to", "out.scored", "--metrics-port", "0"),
    );
    await assert.rejects(bridge.raise(), /NATS has no stream NONE: make it first/);
  });

  it("says which subject no stream holds", async () => {
    const bridge = new FlotillaProcess(...args("bridge", "--to", "nowhere.scored", "--metrics-port", "0"));
    await assert.rejects(bridge.raise(), /NATS has no stream with nowhere.scored: make it first/);
  });

  describe("flotilla replay-events", () => {
    /** A pod of r2, as the mesh picks it by the pin. */
    let second: FleetProcess;

    before(async () => {
      second = await FleetProcess.start(`${folder}/fleet.yaml`, "--only", `${CONTRACT}/r2`);
    });
    after(() => second?.end());

    const replay = (...more: string[]) =>
      new FlotillaProcess(...args("replay-events", "--revision", "r2", "--to", "out.again", ...more));

    /** Runs a replay to its end. */
    async function replayed(...more: string[]): Promise<{ events: number; isComplete: boolean }> {
      const said = await replay("--target", second.served.address, ...more).raise();
      return JSON.parse(said) as { events: number; isComplete: boolean };
    }

    it("ends where another revision answers than the one that was asked for, and publishes nothing of it", async () => {
      await streams.publish("in.created", [scoredEvent(1, 1)]);
      await assert.rejects(replay().raise(), /asked for revision r2, and r1 answered/);
      assert.equal(await streams.outCount(), 0);
    });

    it("predicts a range by another revision, beside the live predictions, and what is left of it the next time", async () => {
      await streams.publish(
        "in.created",
        Array.from({ length: 10 }, (_, index) => scoredEvent(index, 3)),
      );
      await bridged(10);
      assert.deepEqual(await replayed("--from-sequence", "3", "--to-sequence", "6"), {
        ...{ revision: "r2", to: "out.again", events: 4, isComplete: true },
      });
      assert.equal((await replayed("--to-sequence", "8")).events, 2);
      assert.equal((await replayed("--to-sequence", "8")).events, 0);
      const again = (await streams.readOut()).filter(({ subject }) => subject === "out.again");
      const answers = again.map(({ headers, text }) => [headers["ce-causeid"], headers["ce-revision"], text]);
      assert.deepEqual(
        answers.sort(),
        [2, 3, 4, 5, 6, 7].map((index) => [`e-${index}`, "r2", `{"scores":[{"y":${3 * index}}]}`]),
      );
    });
  });
}).timeout(120_000);
