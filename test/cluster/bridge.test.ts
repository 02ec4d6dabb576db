import assert from "node:assert/strict";
import {
  PredictRequest,
  PredictResponse,
  TumorServiceService,
} from "../../generated/ts/acme/tumor/v1/tumor_service.js";
import { startFleetServer } from "../../src/cli/fleet-server.js";
import { connect } from "../../src/client/connect.js";
import type { StoredRecord } from "../events/event-place.js";
import type { NatsPlace } from "../events/nats-place.js";
import { assertClose } from "../models/closeness.js";
import { sampleJson } from "../models/sample.js";
import { call } from "./support/caller.js";
import { LISTED, STRANGER } from "./support/callers.js";
import { binomial } from "./support/chance.js";
import {
  applyTraffic,
  BRIDGE,
  bridgePods,
  CONTRACT,
  EVENTS,
  eventFleet,
  MOODY,
  PATH,
  RETRIES,
  raiseEventFleet,
  TARGET,
} from "./support/event-fleet.js";
import { EXAMPLE } from "./support/images.js";
import { kubectl } from "./support/kubectl.js";
import { measured, skip } from "./support/measured.js";
import { setMoods } from "./support/moods.js";
import { NATS_IMAGE } from "./support/nats.js";
import { untilReady } from "./support/stage.js";
import { eventually } from "./support/waiting.js";

const TRACE = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
const KEYS = 97;
const { instances } = sampleJson<{ instances: object[] }>("tumor", "request.json");

/** An event of a run: its data are one of the samples. */
function eventOf(run: string, index: number) {
  return {
    "ce-specversion": "1.0",
    "ce-id": `${run}-${index}`,
    "ce-source": "/test",
    "ce-type": "test.created",
    "ce-partitionkey": `key-${index % KEYS}`,
    "content-type": "application/json",
    body: JSON.stringify({ instances: [instances[index % instances.length]] }),
  };
}

/** Events that are joined go through the model as one batch, which may add up in another order. */
const TOLERANCE = 1e-5;
const labelsOf = ({ diagnoses }: PredictResponse) => diagnoses.map(({ label }) => label);
const probabilitiesOf = ({ diagnoses }: PredictResponse) => diagnoses.map((one) => one.malignantProbability);
const indexOf = ({ headers }: StoredRecord) => Number((headers["ce-causeid"] ?? headers["ce-id"])!.split("-")[1]);
const isPrediction = ({ to }: StoredRecord) => to === "scored";

describe("19 a bridge", function () {
  this.timeout(300_000);
  let streams: NatsPlace;

  before(async function () {
    if (NATS_IMAGE === undefined) skip(this, "FLOTILLA_TEST_NATS names no image: test/cluster/images/nats makes one");
    this.timeout(600_000);
    streams = await raiseEventFleet();
  });

  /** Lets so many events of a new run through. @returns what came of each, in the order of their ends */
  async function predicted(run: string, count: number, meanwhile = async (_done: () => Promise<number>) => {}) {
    const before = (await streams.outCount())!;
    const done = async () => (await streams.outCount())! - before;
    const events = Array.from({ length: count }, (_, index) => eventOf(run, index));
    await Promise.all([streams.publish(events), meanwhile(done)]);
    await streams.acknowledged(BRIDGE);
    const records = (await streams.readOut()).slice(before);
    const indexes = records.map(indexOf);
    assert.deepEqual(
      [...indexes].sort((a, b) => a - b),
      Array.from({ length: count }, (_, index) => index),
      `${run}: each event once`,
    );
    return records;
  }

  /** What a server of a revision answers to an event's data. */
  async function answersOf(revision: string): Promise<PredictResponse[]> {
    const server = await startFleetServer(EXAMPLE, { contract: CONTRACT, revision });
    const tumors = connect({ service: TumorServiceService }, server.target);
    try {
      const requests = instances.map((instance) => PredictRequest.fromJSON({ instances: [instance] }));
      return await Promise.all(requests.map((request) => tumors.predict(request)));
    } finally {
      tumors.close();
      await server.close();
    }
  }

  it("publishes for each event what a revision answers, and which: contract, revision, digest, cause and trace", async () => {
    const before = (await streams.outCount())!;
    await streams.publish(instances.map((_, index) => ({ ...eventOf("traced", index), "ce-traceparent": TRACE })));
    await streams.acknowledged(BRIDGE);
    const records = (await streams.readOut()).slice(before);
    assert.equal(records.length, instances.length);
    const { revisions } = eventFleet().contracts[0]!;
    const answers: Record<string, PredictResponse[]> = { r1: await answersOf("r1"), r2: await answersOf("r2") };
    for (const record of records) {
      const { headers, text } = record;
      const revision = revisions.find(({ name }) => name === headers["ce-revision"]);
      assert(revision, headers["ce-revision"]);
      assert.equal(headers["ce-contract"], CONTRACT);
      assert.equal(headers["ce-modeldigest"], revision.sha256);
      assert.equal(headers["ce-traceparent"], TRACE);
      const [got, expected] = [PredictResponse.fromJSON(JSON.parse(text)), answers[revision.name]![indexOf(record)]!];
      assert.deepEqual(labelsOf(got), labelsOf(expected));
      assertClose(probabilitiesOf(got), probabilitiesOf(expected), TOLERANCE);
    }
  });

  it("is let in by its identity, and nobody else is", async () => {
    for (const caller of [LISTED, STRANGER]) {
      assert.deepEqual((await call(caller, { target: TARGET, path: PATH, calls: 3 })).codes, { PERMISSION_DENIED: 3 });
    }
  });

  it("has its events split as the fleet file says, within the 99.9 % interval", async function () {
    const count = 2000;
    const records = await predicted("split", count);
    const r2 = records.filter(({ headers }) => headers["ce-revision"] === "r2").length;
    const { least, most } = binomial(count, 0.5);
    measured(this, `r2 ${r2} of ${count}, expected ${least} to ${most}`);
    assert(records.every(isPrediction));
    assert(r2 >= least && r2 <= most);
  });

  it("loses and doubles nothing, and keeps each key's order, where its pod is deleted and where it is killed", async function () {
    const count = 4000;
    const seen: number[] = [];
    const records = await predicted("deleted", count, async (done) => {
      for (const how of [["--wait=false"], ["--grace-period=0", "--force"]]) {
        const begun = seen.at(-1) ?? 0;
        seen.push(await eventually("events are predicted", done, (now) => now > begun + 200, { everyMs: 50 }));
        await kubectl(["delete", "-n", EVENTS, ...(await bridgePods()), ...how]);
      }
    });
    measured(this, `deleted after ${seen.join(" and ")} of ${count}`);
    assert(seen.at(-1)! < count, "all was done before the pod was deleted");
    assert(records.every(isPrediction));
    const last = new Map<number, number>();
    for (const index of records.map(indexOf)) {
      assert(index > (last.get(index % KEYS) ?? -1), `key ${index % KEYS}: ${index} after ${last.get(index % KEYS)}`);
      last.set(index % KEYS, index);
    }
  });

  it("tries again what a bad revision fails, and puts what fails too often to the dead letters", async function () {
    const count = 600;
    await untilReady(EVENTS);
    await setMoods({ namespace: EVENTS, contract: CONTRACT, revision: MOODY }, { failPercent: 100 });
    await applyTraffic({ r1: 50, [MOODY]: 50 });
    await eventually(
      "the bad revision gets events",
      () => predicted(`bad${Date.now()}`, 20),
      (records) => !records.every(isPrediction),
      { everyMs: 100 },
    );
    const records = await predicted("bad", count);
    await applyTraffic();
    const dead = records.filter((record) => !isPrediction(record));
    const { least, most } = binomial(count, 0.5 ** (RETRIES + 1));
    measured(this, `${dead.length} of ${count} dead, expected ${least} to ${most}`);
    assert(dead.length >= least && dead.length <= most);
    for (const record of dead) {
      const { headers, text } = record;
      assert.equal(headers["flotilla-reason"], "FAILED");
      assert.equal(headers["flotilla-attempts"], String(RETRIES + 1));
      assert.equal(text, eventOf("bad", indexOf(record)).body);
    }
    const revisions = new Set(records.filter(isPrediction).map(({ headers }) => headers["ce-revision"]));
    assert.deepEqual([...revisions], ["r1"]);
  });
});
