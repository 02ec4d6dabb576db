import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { findInImage } from "../../src/client/find-method.js";
import { contractImage } from "../../src/fleet/protos.js";
import { FleetProcess, removeFleet } from "../support/fleet-process.js";
import { FlotillaProcess } from "../support/flotilla-process.js";
import { BROKERS } from "./brokers.js";
import { type EventPlace, type StoredRecord, scoredEvent, type TestBroker, untilOut } from "./event-place.js";
import { CONTRACT, RELEASE, writeScoredFleet } from "./scored-fleet.js";

const TRACE = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

for (const kind of BROKERS)
  describe(`flotilla bridge with ${kind.name}`, () => {
    let broker: TestBroker;
    let place: EventPlace;
    let folder: string;
    let fleet: FleetProcess;

    before(async function () {
      this.timeout(120_000);
      if (!kind.isThere) this.skip();
      broker = await kind.start();
      folder = writeScoredFleet();
      fleet = await FleetProcess.start(`${folder}/fleet.yaml`);
    });
    beforeEach(async () => {
      place = await broker.open();
    });
    afterEach(async () => {
      await place?.close();
    });
    after(async () => {
      await fleet?.end();
      await broker?.remove();
      if (folder) removeFleet(folder);
    });

    const args = (command: string, ...more: string[]) => [
      command,
      ...[...place.source, "--target", fleet.served.address, "--contract", CONTRACT],
      ...["--dead-letter", place.nameOf("dead"), "--output", "json", ...more],
    ];

    /** Runs a bridge until OUT holds so many records, and drains it. */
    async function bridged(count: number, ...more: string[]): Promise<StoredRecord[]> {
      const bridge = new FlotillaProcess(
        ...args("bridge", "--to", place.nameOf("scored"), "--metrics-port", "0", ...more),
      );
      const { metrics } = JSON.parse(await bridge.raise()) as { metrics: string };
      await untilOut(place, count);
      assert.equal((await fetch(metrics.replace("/metrics", "/readyz"))).status, 200);
      assert.match(await (await fetch(metrics)).text(), /flotilla_event_lag\{.*\} 0/);
      assert.equal(await bridge.end(), 0, bridge.log);
      return place.readOut();
    }

    it("publishes a prediction that says who made it, of what, and in which trace", async () => {
      await place.publish([{ ...scoredEvent(21, 1), "ce-traceparent": TRACE }]);
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
      await place.publish([...mixed, unknown!, absurd!]);
      const records = await bridged(10, "--window-size", "8");
      const scored = records.filter(({ to }) => to === "scored");
      const answers = scored.map(({ headers, text }) => {
        const [, index] = headers["ce-causeid"]!.split("-e-");
        const { "ce-revision": revision, "ce-flotillarelease": release } = headers;
        return { factor: JSON.parse(text).scores[0].y / Number(index), revision, release };
      });
      const by = (asked: string | undefined) => answers.filter(({ release }) => release === asked);
      assert.deepEqual(by(undefined), Array(4).fill({ factor: 2, revision: "r1", release: undefined }));
      assert.deepEqual(by(RELEASE), Array(4).fill({ factor: 3, revision: "r2", release: RELEASE }));
      const dead = records.filter(({ to }) => to === "dead");
      assert.deepEqual(dead.map(({ headers }) => headers["flotilla-reason"]).sort(), ["MALFORMED", "REFUSED"]);
    });

    if (kind.name === "NATS")
      it("predicts an event once that was published twice", async () => {
        await place.publish([scoredEvent(1, 1), scoredEvent(1, 1), scoredEvent(2, 1)]);
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
      await place.publish([...poison, scoredEvent(2, 1)]);
      const records = await bridged(poison.length + 1, "--window-size", "4");
      const dead = records.filter(({ to }) => to === "dead");
      const reasons = ["WRONG_DATA", "WRONG_DATA", "REFUSED", "WRONG_DATA", "MALFORMED", "MALFORMED"];
      assert.deepEqual(
        dead.map(({ headers, text }) => [text, headers["flotilla-reason"]]).sort(),
        poison.map(({ body }, index) => [body, reasons[index]]).sort(),
      );
      assert.equal(records.find(({ to }) => to === "scored")?.headers["ce-causeid"], "e-2");
    });

    it("reads structured events, and writes them, with protobuf in base64", async () => {
      const body = JSON.stringify({
        ...{ specversion: "1.0", id: "s-1", source: "/test", type: "test.created" },
        data: { instances: [{ x: 4 }, { x: 5 }] },
      });
      await place.publish([{ "content-type": "application/cloudevents+json", body }]);
      const [{ text } = assert.fail()] = await bridged(1, "--mode", "structured", "--format", "protobuf");
      const event = JSON.parse(text) as Record<string, string>;
      assert.equal(event.causeid, "s-1");
      assert.equal(event.datacontenttype, "application/protobuf");
      const found = findInImage(await contractImage(folder, CONTRACT), { contract: CONTRACT, method: "Predict" });
      const answer = fromBinary(found.method.output, Buffer.from(event.data_base64!, "base64"));
      assert.deepEqual(toJson(found.method.output, answer), { scores: [{ y: 8 }, { y: 10 }] });
    });

    it("says which place of its events is missing", async () => {
      const nowhere = kind.name === "NATS" ? ["--stream", "NONE"] : ["--subject", "none"];
      const missing =
        kind.name === "NATS" ? /NATS has no stream NONE: make it first/ : /Kafka has no topic none: make it/;
      const to = ["--to", place.nameOf("scored"), "--metrics-port", "0"];
      await assert.rejects(new FlotillaProcess(...args("bridge", ...nowhere, ...to)).raise(), missing);
    });

    it("says which place of its predictions is missing", async () => {
      const bridge = new FlotillaProcess(...args("bridge", "--to", "nowhere.scored", "--metrics-port", "0"));
      await assert.rejects(bridge.raise(), /has no (topic|stream with) nowhere.scored: make it first/);
    });

    describe("flotilla replay-events", () => {
      /** A pod of r2, as the mesh picks it by the pin. */
      let second: FleetProcess;

      before(async () => {
        second = await FleetProcess.start(`${folder}/fleet.yaml`, "--only", `${CONTRACT}/r2`);
      });
      after(() => second?.end());

      const replay = (...more: string[]) =>
        new FlotillaProcess(...args("replay-events", "--revision", "r2", "--to", place.nameOf("again"), ...more));

      /** Runs a replay to its end. */
      async function replayed(...more: string[]): Promise<{ events: number; isComplete: boolean }> {
        const said = await replay("--target", second.served.address, ...more).raise();
        return JSON.parse(said) as { events: number; isComplete: boolean };
      }

      it("ends where another revision answers than the one that was asked for, and publishes nothing of it", async () => {
        await place.publish([scoredEvent(1, 1)]);
        await assert.rejects(replay().raise(), /asked for revision r2, and r1 answered/);
        assert.equal(await place.outCount(), 0);
      });

      if (kind.name === "NATS")
        it("predicts a range by another revision, beside the live predictions, and what is left of it the next time", async () => {
          await place.publish(Array.from({ length: 10 }, (_, index) => scoredEvent(index, 3)));
          await bridged(10);
          assert.deepEqual(await replayed("--from-sequence", "3", "--to-sequence", "6"), {
            ...{ revision: "r2", to: place.nameOf("again"), events: 4, isComplete: true },
          });
          assert.equal((await replayed("--to-sequence", "8")).events, 2);
          assert.equal((await replayed("--to-sequence", "8")).events, 0);
          const again = (await place.readOut()).filter(({ to }) => to === "again");
          const answers = again.map(({ headers, text }) => [headers["ce-causeid"], headers["ce-revision"], text]);
          assert.deepEqual(
            answers.sort(),
            [2, 3, 4, 5, 6, 7].map((index) => [`e-${index}`, "r2", `{"scores":[{"y":${3 * index}}]}`]),
          );
        });

      it("goes on where it was killed, and predicts each event once", async () => {
        const count = 3000;
        await place.publish(Array.from({ length: count }, (_, index) => scoredEvent(index, 7)));
        const killed = replay("--target", second.served.address, "--max-in-flight", "16");
        killed.launch();
        await untilOut(place, 200);
        await killed.end("SIGKILL");
        const before = (await place.outCount())!;
        assert(before < count, "all was done before it was killed");
        const { events, isComplete } = await replayed();
        assert(isComplete && events < count, `${events} events, ${before} before`);
        const causes = (await place.readOut()).map(({ headers }) => headers["ce-causeid"]!);
        assert.equal(causes.length, count);
        assert.equal(new Set(causes).size, count);
      });

      it("predicts what was stored between two times by another revision, once", async () => {
        const index = (from: number) => Array.from({ length: 5 }, (_, offset) => scoredEvent(from + offset, 3));
        const tick = async () => {
          await delay(20);
          const time = new Date().toISOString();
          await delay(20);
          return time;
        };
        await place.publish(index(0));
        const since = await tick();
        await place.publish(index(5));
        const until = await tick();
        await place.publish(index(10));
        const range = ["--since", since, "--until", until];
        assert.deepEqual(await replayed(...range), {
          ...{ revision: "r2", to: place.nameOf("again"), events: 5, isComplete: true },
        });
        assert.equal((await replayed(...range)).events, 0);
        assert.equal((await replayed(...range, "--again")).events, 5);
        await untilOut(place, kind.name === "NATS" ? 5 : 10);
        const causes = (await place.readOut()).map(({ headers }) => headers["ce-causeid"]);
        assert.deepEqual([...new Set(causes)].sort(), ["e-5", "e-6", "e-7", "e-8", "e-9"]);
      });
    });
  }).timeout(120_000);
