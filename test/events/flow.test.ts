import assert from "node:assert/strict";
import { backoffMs, pause, STOPPED } from "../../src/events/backoff.js";
import { Lanes } from "../../src/events/lanes.js";
import { type GatedEvent, OrderGate } from "../../src/events/order-gate.js";
import { Pace } from "../../src/events/pace.js";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("backoffMs()", () => {
  const retries = { attempts: 9, backoffMs: 100, maxBackoffMs: 1500 };

  it("doubles with each failure up to its bound, and is never less than half of that", () => {
    for (const [failures, longest] of [
      [1, 100],
      [2, 200],
      [4, 800],
      [5, 1500],
      [5000, 1500],
    ] as const) {
      const waits = Array.from({ length: 200 }, () => backoffMs(retries, failures));
      assert(waits.every((ms) => ms >= longest / 2 && ms <= longest));
      assert(new Set(waits).size > 1, "those who failed together come back together");
    }
  });

  it("is given up where a bridge stops", async () => {
    const stopping = new AbortController();
    const waiting = pause(60_000, stopping.signal);
    stopping.abort();
    await assert.rejects(waiting, (error) => error === STOPPED);
    await assert.rejects(pause(0, stopping.signal), (error) => error === STOPPED);
  });
});

describe("Pace", () => {
  it("lets no more calls begin than it allows, and each that ends lets another one in", async () => {
    const pace = new Pace(2);
    const begun: number[] = [];
    const rounds = [0, 1, 2].map(async (index) => {
      const round = await pace.begin();
      begun.push(index);
      return round;
    });
    await turn();
    assert.deepEqual(begun, [0, 1]);
    pace.end(await rounds[0]!, "failed");
    await rounds[2];
    assert.deepEqual(begun, [0, 1, 2]);
  });

  it("halves once for a round of refusals, down to one, and rises by one for a round that is answered", async () => {
    const pace = new Pace(8);
    let rounds = await Promise.all(Array.from({ length: 8 }, () => pace.begin()));
    for (const round of rounds) pace.end(round, "overloaded");
    assert.equal(pace.limit, 4);
    for (let times = 0; times < 5; times++) pace.end(await pace.begin(), "overloaded");
    assert.equal(pace.limit, 1);
    pace.end(await pace.begin(), "answered");
    assert.equal(pace.limit, 2);
    rounds = await Promise.all([pace.begin(), pace.begin()]);
    for (const round of rounds) pace.end(round, "answered");
    pace.end(await pace.begin(), "answered");
    assert.equal(pace.limit, 3);
    for (let times = 0; times < 100; times++) pace.end(await pace.begin(), "answered");
    assert.equal(pace.limit, 8, "more than it may");
  });
});

describe("Lanes", () => {
  it("run what is of one key in order, whatever fails, and the rest beside it", async () => {
    const lanes = new Lanes();
    const done: string[] = [];
    let finish = () => {};
    const first = lanes.run("a", () => new Promise<void>((resolve) => (finish = resolve)).then(() => done.push("a1")));
    const failed = lanes.run("a", async () => {
      done.push("a2");
      throw new Error("a2 fails");
    });
    const third = lanes.run("a", async () => done.push("a3"));
    await lanes.run("b", async () => done.push("b1"));
    await lanes.run(undefined, async () => done.push("any"));
    assert.deepEqual(done, ["b1", "any"]);
    finish();
    await assert.rejects(failed, /a2 fails/);
    await Promise.all([first, third]);
    assert.deepEqual(done, ["b1", "any", "a1", "a2", "a3"]);
    assert.equal(await lanes.run("a", async () => 4), 4);
  });
});

describe("OrderGate", () => {
  const event = (sequence: number, delivery: number, isAcking = false): GatedEvent => ({
    sequence,
    delivery,
    isAcking,
  });

  it("is shut until all that the server has delivered is in hand, and lets events on in the stream's order", () => {
    const gate = new OrderGate<GatedEvent>();
    const [late, early] = [event(7, 2), event(4, 3)];
    gate.note(2);
    assert.deepEqual(gate.pass(late), []);
    assert.deepEqual(gate.settle({ pending: 2, delivered: 3 }, [late]), [], "another one is with nobody");
    gate.note(3);
    assert.deepEqual(gate.pass(early), []);
    assert.deepEqual(gate.settle({ pending: 2, delivered: 3 }, [late, early]), [early, late]);
    assert(!gate.isShut);
    const next = event(8, 4);
    gate.note(4);
    assert.deepEqual(gate.pass(next), [next]);
  });

  it("shuts where a delivery is missing", () => {
    const gate = new OrderGate<GatedEvent>();
    gate.settle({ pending: 0, delivered: 0 }, []);
    gate.note(1);
    assert(!gate.isShut);
    gate.note(3);
    assert(gate.isShut);
  });

  it("counts neither what is being acknowledged nor what came after the server spoke", () => {
    const gate = new OrderGate<GatedEvent>();
    gate.note(1);
    assert.deepEqual(gate.settle({ pending: 1, delivered: 2 }, [event(1, 1, true), event(3, 3)]), []);
    assert(gate.isShut);
    gate.settle({ pending: 1, delivered: 2 }, [event(1, 1, true), event(2, 2), event(3, 3)]);
    assert(!gate.isShut);
  });
});
