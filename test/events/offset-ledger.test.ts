import assert from "node:assert/strict";
import { OffsetLedger } from "../../src/events/offset-ledger.js";

/** An event that a test settles. */
class Held {
  isSettled = false;

  constructor(
    readonly partition: number,
    readonly offset: number,
  ) {}
}

function filled(): { ledger: OffsetLedger<Held>; events: Held[] } {
  const ledger = new OffsetLedger<Held>();
  const events = [4, 5, 6, 7].map((offset) => new Held(0, offset));
  for (const event of events) ledger.add(event);
  return { ledger, events };
}

const offsets = (events: readonly Held[]) => events.map(({ offset }) => offset);

describe("OffsetLedger", () => {
  it("gives out what is settled once all before it in its partition is", () => {
    const { ledger, events } = filled();
    events[1]!.isSettled = true;
    events[2]!.isSettled = true;
    assert.deepEqual(ledger.takeSettled(9), []);
    events[0]!.isSettled = true;
    assert.deepEqual(offsets(ledger.takeSettled(9)), [4, 5, 6]);
    events[3]!.isSettled = true;
    assert.deepEqual(offsets(ledger.takeSettled(9)), [7]);
  });

  it("keeps no partition waiting for another one, and gives out no more than it is asked for", () => {
    const { ledger } = filled();
    for (const offset of [1, 2, 3]) {
      const event = new Held(1, offset);
      event.isSettled = true;
      ledger.add(event);
    }
    assert.deepEqual(offsets(ledger.takeSettled(2)), [1, 2]);
    assert.deepEqual(offsets(ledger.takeSettled(2)), [3]);
  });

  it("cuts a partition at an event, whatever is settled after it", () => {
    const { ledger, events } = filled();
    for (const index of [0, 2, 3]) events[index]!.isSettled = true;
    assert.deepEqual(offsets(ledger.cut(events[1]!)), [5, 6, 7]);
    assert.deepEqual(offsets(ledger.cut(events[1]!)), []);
    assert.deepEqual(offsets(ledger.takeSettled(9)), [4]);
  });

  it("is empty once it was cleared", () => {
    const { ledger, events } = filled();
    for (const event of events) event.isSettled = true;
    assert.deepEqual(offsets(ledger.clear()), [4, 5, 6, 7]);
    assert.deepEqual(ledger.takeSettled(9), []);
  });
});
