import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { measured } from "./support/measured.js";
import { seenBy, setMood, setMoods } from "./support/moods.js";
import { moody, ordersFor, pathOf, raiseMoodyFleet } from "./support/moody-fleet.js";
import { podsOf } from "./support/pods.js";
import { eventually } from "./support/waiting.js";

const PODS = moody("moody.breaker.v1", "r1");
const ORDERS = { ...ordersFor(PODS.contract), connections: 1, concurrency: 4 };
/** What the fleet file allows to be open, `maxRequests`, and a load of three times as much. */
const ALLOWED = 20;
const OVERLOAD = 60;
const DELAY_MS = 200;

async function countOf(pod: string): Promise<number> {
  return (await seenBy(PODS, pod))[pathOf(PODS.contract)] ?? 0;
}

describe("5 a circuit breaker", function () {
  this.timeout(180_000);
  before(raiseMoodyFleet);
  afterEach(() => setMoods(PODS, {}));

  it("ejects one bad pod of three after the errors that the fleet file allows, and takes it back when it is well", async function () {
    const [bad] = (await podsOf(PODS)) as [string];
    // Envoy joins changes of who is well within a second: one just before would delay this one.
    await call(LISTED, { ...ORDERS, seconds: 2 });
    await setMood(PODS, bad, { failPercent: 100 });
    const failing = await call(LISTED, { ...ORDERS, seconds: 4 });
    const failed = failing.calls - (failing.codes.OK ?? 0);
    measured(this, `${failed} of ${failing.calls} failed`);
    // Three in a row eject it, with the calls that are open at that moment; no sooner than after 5 s it is tried again.
    assert(failed > 0 && failed <= 3 + ORDERS.concurrency + 1, `${failed} of ${failing.calls} failed`);
    await setMood(PODS, bad, {});
    const healed = Date.now();
    await eventually(
      "the pod gets calls again",
      async () => {
        const before = await countOf(bad);
        await call(LISTED, { ...ORDERS, calls: 300 });
        return (await countOf(bad)) - before;
      },
      (count) => count > 30,
      { withinMs: 40_000 },
    );
    measured(this, `back ${((Date.now() - healed) / 1000).toFixed(0)} s after it is well`);
  });

  it("refuses what is too much at once, and whom it accepts does not wait: p99 within twice the calm one", async function () {
    // A promise about time: a machine with other work to do may break it once, a fault breaks it each time.
    this.retries(2);
    await setMoods(PODS, { delayMs: DELAY_MS });
    const calm = await call(LISTED, { ...ORDERS, connections: 4, concurrency: ALLOWED / 2, seconds: 4 });
    assert.deepEqual(calm.codes, { OK: calm.calls });
    const { codes, latency } = await call(LISTED, {
      ...ORDERS,
      connections: 4,
      concurrency: OVERLOAD,
      seconds: 6,
      pauseMs: 100,
    });
    const [before, accepted, refused] = [calm.latency.OK!, latency.OK!, latency.UNAVAILABLE!];
    assert.deepEqual(Object.keys(codes).sort(), ["OK", "UNAVAILABLE"]);
    measured(this, `p99 of the accepted ${accepted.p99Ms.toFixed(0)} ms, calm ${before.p99Ms.toFixed(0)} ms`);
    measured(this, `${codes.UNAVAILABLE} refused, p50 ${refused.p50Ms.toFixed(0)} ms`);
    assert(accepted.p99Ms <= 2 * before.p99Ms);
    assert(refused.p50Ms < DELAY_MS / 2);
  });
});
