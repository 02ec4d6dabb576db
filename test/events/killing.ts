import assert from "node:assert/strict";
import { seededRandom } from "../../src/testing/seeded-random.js";
import { removeFleet } from "../support/fleet-process.js";
import { FlotillaProcess } from "../support/flotilla-process.js";
import { freePort } from "../support/free-port.js";
import { NatsServer } from "../support/nats-server.js";
import { CONTRACT, writeScoredFleet } from "./scored-fleet.js";
import { type StoredRecord, Streams, scoredEvent } from "./streams.js";

/** How much is killed, and over how many events. */
export interface KillingOptions {
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
  const nats = await NatsServer.start();
  const fleet = writeScoredFleet();
  const port = String(await freePort());
  const args = [`${fleet}/fleet.yaml`, "--only", `${CONTRACT}/r1`, "--port", port, "--metrics-port", "0"];
  const server = new FlotillaProcess("serve", ...args);
  const bridge = new FlotillaProcess("bridge", ...bridgeArgs(nats.url, `127.0.0.1:${port}`));
  const streams = await Streams.create(nats.url);
  try {
    await streams.publish("in.created", events(options.events));
    await server.raise();
    await bridge.raise();
    await kill({ nats, server, bridge, streams }, options);
    await streams.out(options.events);
    assertEachOnceInOrder(await streams.readOut(), options.events);
    assert.equal(await bridge.end(), 0, bridge.log);
  } finally {
    await streams.close();
    await bridge.end("SIGKILL");
    await server.end("SIGKILL");
    await nats.remove();
    removeFleet(fleet);
  }
}

function bridgeArgs(url: string, target: string): string[] {
  const places = ["--stream", "IN", "--subject", "in.created", "--to", "out.scored", "--dead-letter", "out.dead"];
  const how = ["--order-by", "partitionkey", "--window-size", "32", "--window-delay", "5ms", "--max-in-flight", "256"];
  const times = ["--ack-wait", "2s", "--backoff", "50ms", "--metrics-port", "0"];
  return [
    "--name",
    "scores",
    "--servers",
    url,
    "--target",
    target,
    "--contract",
    CONTRACT,
    ...places,
    ...how,
    ...times,
  ];
}

function* events(count: number) {
  for (let index = 0; index < count; index++) yield scoredEvent(index, KEYS);
}

interface Cast {
  readonly nats: NatsServer;
  readonly server: FlotillaProcess;
  readonly bridge: FlotillaProcess;
  readonly streams: Streams;
}

/** Each kill has its number of predictions, so that kills are spread over the events on a machine of any speed. */
async function kill(cast: Cast, { events: count, kills, seed, tell }: KillingOptions): Promise<void> {
  const random = seededRandom(seed);
  const left: Victim[] = [];
  for (let number = 0; number < kills; number++) {
    const at = Math.floor(((number + random()) / kills) * count * 0.95);
    if (left.length === 0) left.push(...VICTIMS);
    const victim = left.splice(Math.floor(random() * left.length), 1)[0]!;
    await cast.streams.out(at);
    tell(`kill ${number + 1} of ${kills}: ${victim}, after ${await cast.streams.outCount()} of ${count} predictions`);
    await killAndRaise(cast, victim);
  }
}

async function killAndRaise({ nats, server, bridge }: Cast, victim: Victim): Promise<void> {
  if (victim === "broker") {
    await nats.kill();
    return nats.raise();
  }
  const process = victim === "server" ? server : bridge;
  await process.end("SIGKILL");
  process.launch();
}

function assertEachOnceInOrder(records: readonly StoredRecord[], count: number): void {
  const dead = records.filter(({ subject }) => subject !== "out.scored");
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
