import assert from "node:assert/strict";
import sharp from "sharp";
import { sampleBytes } from "../models/sample.js";
import { call, type Orders, startLoad } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { measured } from "./support/measured.js";
import { applyRouting, chain, OCR, pictureOrders, RECOGNIZER, raisePipelineFleet } from "./support/pipeline-fleet.js";
import { eventually } from "./support/waiting.js";

const RELEASE = "x-flotilla-release";
const PIN = "x-flotilla-pin";

describe("17 a release", function () {
  this.timeout(300_000);
  let orders: Orders & { request: Buffer };
  before(raisePipelineFleet);
  before(async () => {
    await applyRouting({ recognizer: "r1" });
    // The first lines alone: what they say is another test's.
    const image = sharp(sampleBytes("ocr_detector", "invoice.png")).extract({
      left: 0,
      top: 0,
      width: 640,
      height: 180,
    });
    orders = await pictureOrders(OCR, await image.png().toBuffer());
    await untilChain({}, chain("r1", "r1"));
  });
  after(() => applyRouting({}));

  const ask = (headers: Record<string, string>, calls = 2) => call(LISTED, { ...orders, headers, calls });

  /** Until calls with these headers are answered by this chain alone. */
  async function untilChain(headers: Record<string, string>, expected: string): Promise<void> {
    await eventually(
      `calls are answered by ${expected}`,
      () => ask(headers),
      ({ chains }) => chains[expected] === 2,
    );
  }

  it("never mixes with another in one request, while a roll-out goes on hop by hop", async function () {
    const loads = ["old", "new"].map((release) => startLoad(LISTED, { ...orders, headers: { [RELEASE]: release } }));
    await applyRouting({ recognizer: "r2" }, [RECOGNIZER]);
    // Without a name a request is answered by old and new together: what a release is for.
    await untilChain({}, chain("r1", "r2"));
    await applyRouting({ ocr: "r2", recognizer: "r2" }, [OCR]);
    await untilChain({}, chain("r2", "r2"));
    await applyRouting({ recognizer: "r1" });
    await untilChain({}, chain("r1", "r1"));
    const [old, fresh] = await Promise.all(loads.map((load) => load.stop()));
    measured(this, `${old!.calls} and ${fresh!.calls} calls, ${JSON.stringify({ ...old!.codes })}`);
    assert.deepEqual(Object.keys(old!.chains), [chain("r1", "r1")], JSON.stringify(old!.details));
    assert.deepEqual(Object.keys(fresh!.chains), [chain("r2", "r2")], JSON.stringify(fresh!.details));
    for (const { codes, details } of [old!, fresh!]) {
      assert.equal(codes.FAILED_PRECONDITION, undefined, JSON.stringify(details));
    }
  });

  it("is refused with FAILED_PRECONDITION where no fleet file has it", async () => {
    const { codes, details } = await ask({ [RELEASE]: "2027" });
    assert.deepEqual(codes, { FAILED_PRECONDITION: 2 });
    assert.match(Object.keys(details).join(), /release "2027" does not lead to acme\.ocr\.v1: name one that/);
  });

  it("is refused beside a pin that leads elsewhere", async () => {
    const { codes } = await ask({ [RELEASE]: "new", [PIN]: `${OCR}=r1` });
    assert.deepEqual(codes, { FAILED_PRECONDITION: 2 });
  });

  it("is refused by the hop that has not heard of it, until it has: nothing else answers in its place", async () => {
    const state = { recognizer: "r1", releases: ["next"] };
    await applyRouting(state, [OCR]);
    const seen = await eventually(
      "the front has heard of it",
      () => ask({ [RELEASE]: "next" }),
      ({ details }) =>
        Object.keys(details).some((text) => text.includes('"next" does not lead to acme.ocr_detector.v1')),
    );
    assert.deepEqual(seen.codes, { FAILED_PRECONDITION: 2 });
    await applyRouting(state);
    await untilChain({ [RELEASE]: "next" }, chain("r2", "r2"));
  });
});
