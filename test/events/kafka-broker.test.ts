import assert from "node:assert/strict";
import { Admin } from "@platformatic/kafka";
import { KafkaBroker } from "../../src/events/kafka-broker.js";
import { committedOffsets } from "../../src/events/kafka-offsets.js";
import { HAS_KAFKA } from "../support/kafka-server.js";
import { scoredEvent } from "./event-place.js";
import { KafkaBrokerOfTests, type KafkaPlace } from "./kafka-place.js";

const EVENTS = 7;
const GROUP = "replayed";

describe("KafkaBroker", () => {
  let server: KafkaBrokerOfTests;
  let place: KafkaPlace;

  before(async function () {
    if (!HAS_KAFKA) this.skip();
    server = await KafkaBrokerOfTests.start();
    place = await server.open();
  });
  after(async () => {
    await place?.close();
    await server?.remove();
  });

  it("begins a replay again while a transaction of the one that was killed is still open", async () => {
    await place.publish(Array.from({ length: EVENTS }, (_, index) => scoredEvent(index, 3)));
    const { address, topic } = place.events;
    const giveUp = await place.holdOffset(GROUP);
    const admin = new Admin({ clientId: "tests", bootstrapBrokers: [address], retries: 0 });
    const broker = await KafkaBroker.connect({ brokers: [address], name: "tests" }, assert.ifError);
    try {
      await assert.rejects(committedOffsets(admin, GROUP, { topic, partitions: [0] }), "the transaction is not open");
      const { total } = await broker.replay(
        { subject: topic, durable: GROUP },
        {},
        { maxInFlight: 1, isOrdered: false },
      );
      assert.equal(total, EVENTS);
    } finally {
      await broker.close();
      await admin.close();
      await giveUp();
    }
  });
}).timeout(120_000);
