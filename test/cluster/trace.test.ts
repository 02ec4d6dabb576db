import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { serviceName } from "../../src/fleet/names.js";
import { call } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { FRONT, liveOrders, MIDDLE, MODEL, raiseLiveFleet } from "./support/live-fleet.js";
import { measured } from "./support/measured.js";
import { addTracingProvider } from "./support/mesh-config.js";
import { newSpans, raiseCollector, type Span } from "./support/spans.js";
import { eventually } from "./support/waiting.js";

/** Through which proxies a call of FRONT goes, once it has left its caller's. */
const WAY = [FRONT, FRONT, MIDDLE, MIDDLE, MODEL].map((contract, index) => {
  return `${serviceName(contract)} ${index % 2 === 0 ? "server" : "client"}`;
});

function placeOf({ service, kind }: Span): string {
  return `${service.split(".")[0]} ${kind}`;
}

/** The spans of a trace, from the first to the last: each is the parent of the next. */
function inOrder(spans: readonly Span[]): Span[] {
  const byParent = new Map(spans.map((span) => [span.parentSpanId, span]));
  const known = new Set(spans.map(({ spanId }) => spanId));
  const first = spans.find(({ parentSpanId }) => !known.has(parentSpanId));
  const ordered: Span[] = [];
  for (let span = first; span !== undefined; span = byParent.get(span.spanId)) ordered.push(span);
  return ordered;
}

/**
 * The spans of the first trace that has one for each proxy on the way. Some of the model's pods hear later than others
 * that spans are wanted, so that there are calls until a trace is whole.
 * @param callOnce makes one more call each time
 */
async function wholeTrace(isOurs: (span: Span) => boolean, callOnce = async () => {}): Promise<Span[]> {
  const traces = new Map<string, Span[]>();
  const isWhole = (spans: readonly Span[]) => spans.length >= WAY.length;
  const { spans } = await eventually(
    "the spans of a call",
    async () => {
      await callOnce();
      // Proxies keep a few spans until there are more.
      await call(LISTED, { ...(await liveOrders(FRONT)), calls: 5 });
      for (const span of (await newSpans()).filter(isOurs)) {
        traces.set(span.traceId, [...(traces.get(span.traceId) ?? []), span]);
      }
      return { spans: [...traces.values()].find(isWhole) ?? [], parts: [...traces.values()] };
    },
    ({ spans }) => isWhole(spans),
    { everyMs: 1000 },
  );
  return spans;
}

describe("11 a trace", function () {
  this.timeout(120_000);
  before(raiseLiveFleet);
  before(async function () {
    this.timeout(300_000);
    await raiseCollector();
    await addTracingProvider();
    await wholeTrace(() => true);
  });

  it("is one for a call through three services: each proxy on the way is a span of it, in order", async function () {
    const spans = await wholeTrace(() => true);
    measured(this, `${spans.length} spans of trace ${spans[0]!.traceId}`);
    assert.deepEqual(inOrder(spans).map(placeOf), WAY);
  });

  it("is the caller's own where it has begun one", async () => {
    const parents = new Map<string, string>();
    const callOnce = async () => {
      const [id, parent] = [randomBytes(16).toString("hex"), randomBytes(8).toString("hex")];
      const headers = { traceparent: `00-${id}-${parent}-01` };
      parents.set(id, parent);
      assert.deepEqual((await call(LISTED, { ...(await liveOrders(FRONT)), headers })).codes, { OK: 1 });
    };
    const spans = inOrder(await wholeTrace(({ traceId }) => parents.has(traceId), callOnce));
    assert.deepEqual(spans.map(placeOf), WAY);
    assert.equal(spans[0]!.parentSpanId, parents.get(spans[0]!.traceId));
  });

  it("is another for each call", async () => {
    const [one, other] = [await wholeTrace(() => true), await wholeTrace(() => true)];
    assert.notEqual(one[0]!.traceId, other[0]!.traceId);
  });
});
