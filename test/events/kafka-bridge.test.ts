import assert from "node:assert/strict";
import { removeFleet } from "../support/fleet-process.js";
import { FlotillaProcess } from "../support/flotilla-process.js";
import { HAS_KAFKA } from "../support/kafka-server.js";
import { scoredEvent, untilOut } from "./event-place.js";
import { KafkaBrokerOfTests, type KafkaPlace } from "./kafka-place.js";
import { CONTRACT, writeScoredFleet } from "./scored-fleet.js";
import { ScriptedServer } from "./scripted-server.js";

const KEYS = 13;

describe("bridges that share a topic of Kafka", () => {
  let folder: string;
  let broker: KafkaBrokerOfTests;
  let place: KafkaPlace;
  let server: ScriptedServer;
  const bridges: FlotillaProcess[] = [];

  before(async function () {
    if (!HAS_KAFKA) this.skip();
    folder = writeScoredFleet();
    broker = await KafkaBrokerOfTests.start();
  });
  beforeEach(async () => {
    place = await broker.open();
    server = await ScriptedServer.start(folder, async (xs) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return xs.map((x) => 2 * x);
    });
  });
  afterEach(async () => {
    for (const bridge of bridges.splice(0)) await bridge.end("SIGKILL");
    server.close();
    await place.close();
  });
  after(async () => {
    await broker?.remove();
    if (folder) removeFleet(folder);
  });

  async function raise(...more: string[]): Promise<{ bridge: FlotillaProcess; metrics: string }> {
    const bridge = new FlotillaProcess(
      ...["bridge", ...place.source, "--target", server.target, "--contract", CONTRACT, "--metrics-port", "0"],
      ...["--to", place.nameOf("scored"), "--dead-letter", place.nameOf("dead"), "--order-by", "partitionkey"],
      ...["--output", "json", "--ack-wait", "6s", ...more],
    );
    bridges.push(bridge);
    const { metrics } = JSON.parse(await bridge.raise()) as { metrics: string };
    return { bridge, metrics };
  }

  async function predicted(metrics: string): Promise<number> {
    const text = await (await fetch(metrics)).text();
    return Number(/flotilla_events_total\{.*outcome="predicted".*\} (\d+)/.exec(text)?.[1] ?? 0);
  }

  const events = (count: number) => Array.from({ length: count }, (_, index) => scoredEvent(index, KEYS));

  async function assertOnceInOrder(count: number): Promise<void> {
    const records = await place.readOut();
    assert.equal(new Set(records.map(({ headers }) => headers["ce-causeid"])).size, count);
    assert.equal(records.length, count);
    for (let key = 0; key < KEYS; key++) {
      const own = records.filter((record) => record.key === `key-${key}`);
      const order = own.map(({ headers }) => Number(headers["ce-causeid"]!.slice("e-".length)));
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
    }
  }

  it("predict each event once, in the order of its key, while one comes and another goes", async () => {
    await place.publish(events(1500));
    const first = await raise();
    await untilOut(place, 100);
    const second = await raise();
    await untilOut(place, 900);
    assert.equal(await first.bridge.end(), 0, first.bridge.log);
    await untilOut(place, 1500);
    assert((await predicted(second.metrics)) > 0);
    await assertOnceInOrder(1500);
  });

  it("go on with the events of one that is killed, and predict none of them twice", async () => {
    await place.publish(events(1500));
    const first = await raise();
    await raise();
    await untilOut(place, 500);
    await first.bridge.end("SIGKILL");
    await untilOut(place, 1500);
    await assertOnceInOrder(1500);
  });

  it("predict nothing of a transaction that was given up, though it is longer than what is read at once", async () => {
    const long = Array.from({ length: 60 }, (_, index) => scoredEvent(index, 1));
    await place.abandon(long.map((event) => ({ ...event, body: `${" ".repeat(50_000)}${event.body}` })));
    await place.publish([100, 101, 102].map((index) => scoredEvent(index, 1)));
    const { bridge } = await raise();
    await untilOut(place, 3);
    assert.equal(await bridge.end(), 0, bridge.log);
    const causes = (await place.readOut()).map(({ headers }) => headers["ce-causeid"]);
    assert.deepEqual(causes, ["e-100", "e-101", "e-102"]);
  });
}).timeout(180_000);
