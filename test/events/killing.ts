import assert from "node:assert/strict";
import { seededRandom } from "../../src/testing/seeded-random.js";
import { removeFleet } from "../support/fleet-process.js";
import { FlotillaProcess } from "../support/flotilla-process.js";
import { freePort } from "../support/free-port.js";
import type { BrokerKind } from "./brokers.js";
import { type EventPlace, type StoredRecord, scoredEvent, type TestBroker, untilOut } from "./event-place.js";
import { CONTRACT, writeScoredFleet } from "./scored-fleet.js";

/** How much is killed, and over how many events. */
export interface KillingOptions {
  readonly kind: BrokerKind;
  readonly events: number;
  readonly kills: number;
  readonly seed: number;
  readonly tell: (line: string) => void;
}

const KEYS = 97;
type Victim = "bridge" | "server" | "broker";
const VICTIMS: readonly Victim[] = ["bridge", "server", "broker"];

/** Kills bridge, server and broker by turns of chance while events go through; asserts that each has one prediction, in order. */
export async function killWhileEventsFlow(options: KillingOptions): Promise<void> {
  const broker = await options.kind.start();
  const place = await broker.open();
  const fleet = writeScoredFleet();
  const port = String(await freePort());
  const args = [`${fleet}/fleet.yaml`, "--only", `${CONTRACT}/r1`, "--port", port, "--metrics-port", "0"];
  const server = new FlotillaProcess("serve", ...args);
  const bridge = new FlotillaProcess("bridge", ...bridgeArgs(place, `127.0.0.1:${port}`));
  try {
    await place.publish(events(options.events));
    await server.raise();
    await bridge.raise();
    await kill({ broker, server, bridge, place }, options);
    await untilOut(place, options.events);
    assertEachOnceInOrder(await place.readOut(), options.events);
    assert.equal(await bridge.end(), 0, bridge.log);
  } finally {
    await place.close();
    await bridge.end("SIGKILL");
    await server.end("SIGKILL");
    await broker.remove();
    removeFleet(fleet);
  }
}

function bridgeArgs(place: EventPlace, target: string): string[] {
  const places = [...place.source, "--to", place.nameOf("scored"), "--dead-letter", place.nameOf("dead")];
  const how = ["--order-by", "partitionkey", "--window-size", "32", "--window-delay", "5ms", "--max-in-flight", "256"];
  const times = ["--ack-wait", "2s", "--backoff", "50ms", "--metrics-port", "0"];
  return [...places, "--target", target, "--contract", CONTRACT, ...how, ...times];
}

function* events(count: number) {
  for (let index = 0; index < count; index++) yield scoredEvent(index, KEYS);
}

interface Cast {
  readonly broker: TestBroker;
  readonly server: FlotillaProcess;
  readonly bridge: FlotillaProcess;
  readonly place: EventPlace;
}

/** Each kill has its number of predictions, so that kills are spread over the events on a machine of any speed. */
async function kill(cast: Cast, { events: count, kills, seed, tell }: KillingOptions): Promise<void> {
  const random = seededRandom(seed);
  const left: Victim[] = [];
  for (let number = 0; number < kills; number++) {
    const at = Math.floor(((number + random()) / kills) * count * 0.95);
    if (left.length === 0) left.push(...VICTIMS);
    const victim = left.splice(Math.floor(random() * left.length), 1)[0]!;
    await untilOut(cast.place, at);
    tell(`kill ${number + 1} of ${kills}: ${victim}, after ${await cast.place.outCount()} of ${count} predictions`);
    await killAndRaise(cast, victim);
  }
}

async function killAndRaise({ broker, server, bridge }: Cast, victim: Victim): Promise<void> {
  if (victim === "broker") {
    await broker.kill();
    return broker.raise();
  }
  const process = victim === "server" ? server : bridge;
  await process.end("SIGKILL");
  process.launch();
}

function assertEachOnceInOrder(records: readonly StoredRecord[], count: number): void {
  const dead = records.filter(({ to }) => to !== "scored");
  assert.deepEqual(dead.slice(0, 3), [], `${dead.length} dead letters`);
  assert.equal(records.length, count);
  assert.equal(new Set(records.map(({ headers }) => headers["ce-causeid"])).size, count);
  assert.equal(new Set(records.map(({ headers }) => headers["ce-id"])).size, count);
  const last = new Map<string, number>();
  for (const { headers, text } of records) {
    const index = Number(headers["ce-causeid"]!.slice("e-".length));
    assert.deepEqual(JSON.parse(text), { scores: [{ y: 2 * index }] });
    const key = headers["ce-partitionkey"]!;
    assert.equal(key, `key-${index % KEYS}`);
    assert((last.get(key) ?? -1) < index, `${key}: e-${index} came after e-${last.get(key)}`);
    last.set(key, index);
  }
}
