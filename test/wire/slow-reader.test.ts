import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SCALE } from "./contracts.js";

/** `make test-soak` sends a million. */
const MESSAGES = Number(process.env.STREAM_MESSAGES ?? 10_000);
const VALUES = 300;
/** What lies between writer and reader: the windows of both ends, and what each end of Node holds beside them. */
const MOST_BYTES_BETWEEN = 8 * 2 ** 20;
const MOST_GROWTH_BYTES = 128 * 2 ** 20;
const MIB = 2 ** 20;

/** Messages by number, so that an answer says which one it is to. */
describe(`a stream of ${MESSAGES} messages whose reader is slow`, () => {
  let folder: string;
  let fleet: FleetProcess;
  let client: RawClient;
  let json: JsonCodec;

  before(async () => {
    folder = writeFleet({ "test.scale.v1": { body: SCALE, revisions: { r1: scaleModel({ factor: 2 }) } } });
    json = new JsonCodec(compileContract("test.scale.v1", SCALE).image);
    fleet = await FleetProcess.start(folder);
    client = new RawClient(fleet.served.address);
  });
  after(async () => {
    client.close();
    await fleet.end("SIGKILL");
    removeFleet(folder);
  });

  it("slows its writer, is answered whole and in order, and takes the server no more memory", async function () {
    // What it takes is not what is looked at here.
    this.timeout(0);
    const residentBytes = () => fleet.metric("process_resident_memory_bytes");
    const call = client.stream("/test.scale.v1.ScaleService/PredictStream");
    const template = json.encode("test.scale.v1.PredictStreamRequest", { x: Array(VALUES).fill(1) });
    let sent = 0;
    let read = 0;
    let stalls = 0;
    let most = 0;

    const write = async () => {
      for (; sent < MESSAGES; sent++) {
        most = Math.max(most, sent - read);
        if (call.write(numbered(template, sent))) continue;
        stalls += 1;
        await once(call, "drain");
      }
      call.end();
    };
    const writing = write();
    const answers = call[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    // A client of grpc-js that has read nothing yet takes all that comes; from the first answer on it reads as it is read.
    assert.equal(numberOf((await answers.next()).value), 0);
    read = 1;
    // No more is read yet: the writer has to come to a stand by itself.
    const stoodAt = await standstill(() => sent);
    assert(stoodAt < MESSAGES, `all ${MESSAGES} messages were taken while nobody read`);
    const before = await residentBytes();
    let peak = before;
    for (let next = await answers.next(); !next.done; next = await answers.next()) {
      assert.equal(numberOf(next.value), 2 * read);
      read += 1;
      if (read % 100 === 0) await delay(1);
      if (read % 5000 === 0) peak = Math.max(peak, await residentBytes());
      if (read % 100_000 === 0) console.error(`      ${read} read, ${Math.round(peak / MIB)} MiB resident`);
    }
    await writing;

    assert.deepEqual([sent, read], [MESSAGES, MESSAGES]);
    assert(stalls > 1, "the writer was never stopped");
    const between = most * template.length;
    assert(between < MOST_BYTES_BETWEEN, `${most} messages, ${between} bytes, were on the way at a time`);
    const grown = Math.max(peak, await residentBytes()) - before;
    assert(grown < MOST_GROWTH_BYTES, `the server grew by ${Math.round(grown / MIB)} MiB`);
  });
});

/** A figure once it has stood still for a while. */
async function standstill(read: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = read();
    if (now === before) return now;
    before = now;
    await delay(500);
  }
}

/** The message with its first value replaced: the floats are the last bytes of it. */
function numbered(template: Buffer, number: number): Buffer {
  const message = Buffer.from(template);
  message.writeFloatLE(number, message.length - 4 * VALUES);
  return message;
}

function numberOf(answer: Buffer): number {
  return answer.readFloatLE(answer.length - 4 * VALUES);
}
