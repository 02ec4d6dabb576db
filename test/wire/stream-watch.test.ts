import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../../src/contract/fault.js";
import { StreamWatch } from "../../src/grpc/stream-watch.js";

const ENDLESS = {
  idleMs: 600_000,
  drainMs: 1000,
  maxMessages: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};
const watching = (limits: Partial<typeof ENDLESS>, draining?: AbortSignal) =>
  new StreamWatch({ ...ENDLESS, ...limits }, { label: "acme.voice.v1", draining, onClose: () => {} });

describe("StreamWatch", () => {
  it("does not take a stream for idle while a message of it is at work, however long", async () => {
    const watch = watching({ idleMs: 10 });
    watch.began(1);
    await delay(100);
    assert.equal(watch.ending.aborted, false);
    watch.answered();
    await once(watch.ending, "abort");
    assert.equal((watch.ending.reason as Fault).reason, "STREAM_IDLE");
    watch.close();
  });

  it("leaves a stream alone that is over", async () => {
    const draining = new AbortController();
    const watch = watching({ idleMs: 10 }, draining.signal);
    watch.close();
    draining.abort();
    await delay(100);
    assert.equal(watch.ending.aborted, false);
  });

  it("ends a stream that begins while the server drains", () => {
    const watch = watching({}, AbortSignal.abort());
    assert(watch.ending.reason instanceof Fault);
    assert.equal(watch.ending.reason.reason, "DRAINING");
    watch.close();
  });
});
