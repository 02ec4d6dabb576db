import { HAS_KAFKA } from "../support/kafka-server.js";
import { HAS_NATS } from "../support/nats-server.js";
import type { TestBroker } from "./event-place.js";
import { KafkaBrokerOfTests } from "./kafka-place.js";
import { NatsBrokerOfTests } from "./nats-place.js";

/** A kind of broker. */
export interface BrokerKind {
  readonly name: "NATS" | "Kafka";
  /** Whether `make tools` could install it. */
  readonly isThere: boolean;
  start(): Promise<TestBroker>;
}

/** The brokers that bridges know. */
export const BROKERS: readonly BrokerKind[] = [
  { name: "NATS", isThere: HAS_NATS, start: () => NatsBrokerOfTests.start() },
  { name: "Kafka", isThere: HAS_KAFKA, start: () => KafkaBrokerOfTests.start() },
];
