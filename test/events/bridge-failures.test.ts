import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { ROOT } from "../support/contract-fixture.js";
import { removeFleet } from "../support/fleet-process.js";
import { FlotillaProcess } from "../support/flotilla-process.js";
import { freePort } from "../support/free-port.js";
import { BROKERS } from "./brokers.js";
import { type EventPlace, type Out, type StoredRecord, scoredEvent, type TestBroker, untilOut } from "./event-place.js";
import { CONTRACT, writeScoredFleet } from "./scored-fleet.js";
import { type Script, ScriptedServer } from "./scripted-server.js";
import { Supervised } from "./supervised.js";

const double = (xs: readonly number[]) => xs.map((x) => 2 * x);

for (const kind of BROKERS)
  describe(`flotilla bridge with ${kind.name}, where things fail,`, () => {
    let folder: string;
    let broker: TestBroker;
    let place: EventPlace;
    let server: ScriptedServer;
    let bridge: FlotillaProcess;
    let metricsUrl: string;

    before(async function () {
      if (!kind.isThere) this.skip();
      broker = await kind.start();
      folder = writeScoredFleet();
    });
    beforeEach(async () => {
      place = await broker.open();
    });
    afterEach(async () => {
      await bridge?.end("SIGKILL");
      server?.close();
      await place?.close();
    });
    after(async () => {
      await broker?.remove();
      if (folder) removeFleet(folder);
    });

    async function start(script: Script, ...more: string[]): Promise<void> {
      server = await ScriptedServer.start(folder, script);
      await startBridge(server.target, ...more);
    }

    async function startBridge(target: string, ...more: string[]): Promise<void> {
      bridge = new FlotillaProcess(
        ...["bridge", ...place.source, "--target", target, "--contract", CONTRACT, "--metrics-port", "0"],
        ...["--to", place.nameOf("scored"), "--dead-letter", place.nameOf("dead")],
        ...["--backoff", "20ms", "--max-backoff", "100ms", "--output", "json", ...more],
      );
      metricsUrl = (JSON.parse(await bridge.raise()) as { metrics: string }).metrics;
    }

    async function metric(name: string): Promise<number> {
      const text = await (await fetch(metricsUrl)).text();
      const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    }

    const events = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => scoredEvent(from + index, 1));
    const causes = (records: readonly StoredRecord[], out: Out) =>
      records.filter(({ to }) => to === out).map(({ headers }) => headers["ce-causeid"]);

    it("tries an event again, as often as it may, and then sends it to the dead letters with what the server said", async () => {
      let sevens = 0;
      await start(
        async (xs) => {
          if (xs.includes(7) && ++sevens <= 2) return { code: status.INTERNAL };
          return xs.includes(13) ? { code: status.INTERNAL } : double(xs);
        },
        ...["--retries", "3"],
      );
      await place.publish(events(1, 15));
      await untilOut(place, 15);
      const records = await place.readOut();
      const [dead = assert.fail(), ...others] = records.filter(({ to }) => to === "dead");
      assert.deepEqual(others, []);
      assert.equal(dead.headers["ce-id"], "e-13");
      assert.equal(dead.headers["flotilla-reason"], "FAILED");
      assert.equal(dead.headers["flotilla-attempts"], "4");
      assert.equal(decodeURIComponent(dead.headers["flotilla-error"]!), "INTERNAL: INTERNAL of 13");
      assert.equal(server.calls.filter((xs) => xs.includes(13)).length, 4);
      assert(causes(records, "scored").includes("e-7"));
    });

    it("slows down for a server that is overloaded, and loses nothing", async () => {
      let open = 0;
      await start(async (xs) => {
        if (open >= 4) return { code: status.RESOURCE_EXHAUSTED, pushbackMs: 5 };
        open += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
        open -= 1;
        return double(xs);
      });
      await place.publish(events(1, 200));
      await untilOut(place, 200);
      assert.equal(causes(await place.readOut(), "scored").length, 200);
      const allowed = await metric("flotilla_event_calls_allowed");
      assert(allowed < 64, `${allowed} calls are allowed still`);
      assert((await metric("flotilla_event_retries_total")) > 0);
    });

    it("sends an event that the server dies of to the dead letters, and those behind and beside it on their way", async () => {
      const port = await freePort();
      const program = path.join(ROOT, "dist/test/events/mortal-server.js");
      const mortal = new Supervised(program, folder, String(port));
      await mortal.start();
      try {
        await startBridge(
          `127.0.0.1:${port}`,
          ...["--retries", "2", "--window-size", "8", "--order-by", "partitionkey", "--max-backoff", "1s"],
        );
        const indexes = Array.from({ length: 20 }, (_, index) => 60 + index);
        await place.publish(indexes.map((index) => scoredEvent(index, 4)));
        await untilOut(place, 20);
        const records = await place.readOut();
        const dead = records.filter(({ to }) => to === "dead");
        assert.deepEqual(
          dead.map(({ headers }) => [headers["ce-id"], headers["flotilla-reason"]]),
          [["e-66", "FAILED"]],
        );
        assert.deepEqual(
          causes(records, "scored").sort(),
          indexes.filter((index) => index !== 66).map((index) => `e-${index}`),
        );
      } finally {
        await mortal.stop();
      }
    });

    it("goes on where the broker was away while all that it may have in hand was being predicted", async () => {
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      await start(
        async (xs) => {
          await released;
          return double(xs);
        },
        ...["--max-in-flight", "4", "--ack-wait", "2s", "--order-by", "partitionkey"],
      );
      await place.publish(events(1, 12));
      while (server.calls.length === 0) await delay(50);
      await broker.kill();
      // Longer than any client tries.
      await delay(6000);
      await broker.raise();
      release();
      await untilOut(place, 12);
      const order = Array.from({ length: 12 }, (_, index) => `e-${index + 1}`);
      assert.deepEqual(causes(await place.readOut(), "scored"), order);
    });

    if (kind.name === "NATS")
      it("sends headers that nobody can read to the dead letters, and goes on", async () => {
        await start(async (xs) => double(xs));
        const [, port] = /:(\d+)$/.exec(place.source[1]!)!;
        await publishRaw(Number(port), "in.created", "NATS/1.0\r\nbad name\u0001: x\r\n\r\n", "{}");
        await place.publish(events(1, 1));
        await untilOut(place, 2);
        const records = await place.readOut();
        assert.deepEqual(causes(records, "scored"), ["e-1"]);
        assert.equal(records.find(({ to }) => to === "dead")?.headers["flotilla-reason"], "MALFORMED");
      });

    it("sends an event to the dead letters whose prediction is longer than its stream takes, without it where it is too", async () => {
      await place.limitOut(1000);
      await start(async (xs) => double(xs));
      const long = { ...scoredEvent(1, 1), body: JSON.stringify({ instances: Array(100).fill({ x: 1 }) }) };
      await place.publish([long]);
      await untilOut(place, 1);
      const [dead = assert.fail()] = await place.readOut();
      assert.equal(dead.to, "dead");
      assert.equal(dead.headers["flotilla-reason"], "TOO_LARGE");
      assert.equal(dead.headers["flotilla-body"], `left out, ${long.body.length} bytes`);
    });

    it("joins events into one call, as many as a window holds", async () => {
      await start(async (xs) => double(xs), "--window-size", "10", "--window-delay", "10s");
      await place.publish(events(1, 30));
      await untilOut(place, 30);
      assert.deepEqual(
        server.calls.map((xs) => xs.length),
        [10, 10, 10],
      );
      for (const { headers, text } of await place.readOut())
        assert.deepEqual(JSON.parse(text), { scores: [{ y: 2 * Number(headers["ce-causeid"]!.slice(2)) }] });
    });

    it("ends a window by its time, and keeps the order of each key", async () => {
      await start(
        async (xs) => double(xs),
        ...["--window-size", "64", "--window-delay", "5ms", "--order-by", "partitionkey"],
      );
      await place.publish(Array.from({ length: 60 }, (_, index) => scoredEvent(index, 3)));
      await untilOut(place, 60);
      const records = await place.readOut();
      for (const key of ["key-0", "key-1", "key-2"]) {
        const own = records.filter(({ headers }) => headers["ce-partitionkey"] === key);
        const order = own.map(({ headers }) => Number(headers["ce-causeid"]!.slice(2)));
        assert.equal(order.length, 20);
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        );
      }
    });
  }).timeout(120_000);

/** Publishes bytes as headers that no client would write. */
async function publishRaw(port: number, subject: string, head: string, body: string): Promise<void> {
  const socket = connectSocket(port, "127.0.0.1");
  const lengths = `${Buffer.byteLength(head)} ${Buffer.byteLength(head + body)}`;
  socket.write('CONNECT {"verbose":false,"headers":true}\r\n');
  socket.write(`HPUB ${subject} ${lengths}\r\n${head}${body}\r\nPING\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.on("data", (chunk) => String(chunk).includes("PONG") && resolve());
    socket.on("error", reject);
  });
  socket.destroy();
}
