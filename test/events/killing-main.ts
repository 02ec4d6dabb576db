import { BROKERS } from "./brokers.js";
import { killWhileEventsFlow } from "./killing.js";

const events = Number(process.env.EVENTS || 100_000);
const kills = Number(process.env.KILLS || 30);
const seed = Number(process.env.SEED || Date.now() % 1e6);

const kind = BROKERS.find(({ name }) => name === (process.env.BROKER || "NATS"));
if (!kind?.isThere)
  throw new Error(`BROKER: expected NATS or Kafka, installed by make tools; got ${process.env.BROKER}`);

const startedMs = performance.now();
console.log(`${kind.name}: ${events} events, ${kills} kills; SEED=${seed}`);
await killWhileEventsFlow({ kind, events, kills, seed, tell: console.log });
const seconds = (performance.now() - startedMs) / 1e3;
console.log(`each of ${events} events has exactly one prediction, in the order of its key; ${seconds.toFixed(0)} s`);
