import assert from "node:assert/strict";
import { type Calls, call } from "./support/caller.js";
import { fleet, LISTED, ordersFor } from "./support/fleet.js";
import { type Mood, podsOf, setMood } from "./support/moody-fleet.js";
import { eventually } from "./support/waiting.js";

const CONTRACT = "stage.fallback.v1";
const ORDERS = { ...ordersFor(CONTRACT), connections: 2, concurrency: 4 };
/** Of the calls, while the primary goes bad. */
const MOST_FAILED = 0.01;

async function setPrimary(mood: Mood): Promise<void> {
  for (const pod of await podsOf(fleet, CONTRACT, "r1")) await setMood(fleet, pod, mood);
}

function assertAnswered({ calls, codes, details }: Calls): void {
  const failed = calls - (codes.OK ?? 0);
  assert(failed <= calls * MOST_FAILED, `${failed} of ${calls} failed: ${JSON.stringify(details)}`);
}

async function untilPrimaryAnswers(): Promise<void> {
  await eventually(
    "the primary answers all calls",
    () => call(LISTED, { ...ORDERS, calls: 100 }),
    ({ revisions }) => revisions.r1 === 100,
    { withinMs: 30_000 },
  );
}

describe("a fallback", function () {
  this.timeout(120_000);

  afterEach(() => setPrimary({}));

  it("gets no calls while the primary is well", async () => {
    assert.deepEqual((await call(LISTED, { ...ORDERS, calls: 400 })).revisions, { r1: 400 });
  });

  for (const [how, mood] of [
    ["slower than its budget", { delayMs: 400 }],
    ["dead", { failPercent: 100 }],
    ["failing by mistake (INTERNAL)", { failPercent: 100, code: 13 }],
  ] as const) {
    it(`answers when the primary is ${how}, and gives back when it is well`, async () => {
      await setPrimary(mood);
      const bad = await call(LISTED, { ...ORDERS, seconds: 8 });
      assertAnswered(bad);
      assert((bad.revisions.r0 ?? 0) > bad.calls / 2, JSON.stringify(bad.revisions));
      await setPrimary({});
      await untilPrimaryAnswers();
    });
  }
});
