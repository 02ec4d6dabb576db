import type { Broker, EventBroker, Subscription } from "../events/broker.js";
import { KafkaBroker } from "../events/kafka-broker.js";
import { NatsBroker } from "../events/nats-broker.js";
import type { EventOptions } from "./event-options.js";

/** How the events of a command are taken. */
export interface OpenEventsOptions {
  /** Name of those who share the work, and of what the broker remembers for them: a durable consumer, or a consumer group. */
  readonly name: string;
  readonly onProblem: (error: Error) => void;
  /** Told of the broker once it is connected: before its events are there, and even if they are not. */
  readonly onConnected: (broker: Broker) => void;
}

/**
 * Connects to the broker that the options name. Waits for one that isn't there yet.
 * @param name of the client, for the broker's operators
 * @throws Error where the credentials can't be read
 */
export function connectBroker(
  { servers, credentials, brokerTls: tls, sasl }: EventOptions,
  name: string,
  onProblem: (error: Error) => void,
): Promise<EventBroker> {
  const [scheme] = servers[0]!.split("://");
  if (scheme === "nats") return NatsBroker.connect({ servers, credentials, tls, name }, onProblem);
  const brokers = servers.map((server) => server.slice("kafka://".length));
  return KafkaBroker.connect({ brokers, credentials, tls, sasl, name }, onProblem);
}

/**
 * Connects to the broker that the options name, and takes events from it. Waits for a broker that isn't there yet.
 * @throws Error where the broker has no such place, or the credentials can't be read
 */
export async function openEvents(
  options: EventOptions,
  { name, onProblem, onConnected }: OpenEventsOptions,
): Promise<{ readonly broker: Broker; readonly subscription: Subscription }> {
  const { stream, subject, to, deadLetter, maxInFlight, orderBy } = options;
  const broker = await connectBroker(options, `flotilla bridge ${name}`, onProblem);
  onConnected(broker);
  await broker.checkPlaces([to, deadLetter]);
  const source = { stream, subject, durable: name, ackWaitMs: options.ackWait };
  const subscription = await broker.subscribe(source, { maxInFlight, isOrdered: orderBy !== undefined });
  return { broker, subscription };
}
