import assert from "node:assert/strict";
import { contractImage } from "../../src/fleet/protos.js";
import { sampleBytes, sampleJson } from "../models/sample.js";
import { JsonCodec, ROOT } from "../support/contract-fixture.js";
import { call, type Orders } from "./support/caller.js";
import { LISTED, STRANGER } from "./support/callers.js";
import { kubectl } from "./support/kubectl.js";
import {
  applyRouting,
  chain,
  DETECTOR,
  OCR,
  PIPELINE,
  pictureOrders,
  RECOGNIZER,
  raisePipelineFleet,
} from "./support/pipeline-fleet.js";
import { podOf, serverMetrics } from "./support/pods.js";
import { untilReady } from "./support/stage.js";
import { eventually } from "./support/waiting.js";

interface Page {
  readonly file: string;
  readonly lines: readonly { readonly text: string }[];
}

describe("16 a pipeline", function () {
  this.timeout(300_000);
  let orders: Orders & { request: Buffer };
  before(raisePipelineFleet);
  before(async () => {
    await applyRouting({});
    orders = await pictureOrders(OCR, sampleBytes("ocr_detector", "invoice.png"));
  });

  /** Chains of some calls, all of which went well. */
  async function chains(headers: Record<string, string> = {}, calls = 3): Promise<Record<string, number>> {
    const { codes, chains: seen, details } = await call(LISTED, { ...orders, headers, calls });
    assert.deepEqual(codes, { OK: calls }, JSON.stringify(details));
    return seen;
  }

  it("reads every line of a picture, each hop through the mesh", async () => {
    const { codes, kept, details } = await call(LISTED, { ...orders, keep: true });
    assert.deepEqual(codes, { OK: 1 }, JSON.stringify(details));
    const codec = new JsonCodec(await contractImage(ROOT, OCR));
    const answer = codec.decode(`${OCR}.ReadResponse`, Buffer.from(kept!, "base64")) as {
      lines: { text: { content: string } }[];
      missingLines: number;
    };
    const { lines } = sampleJson<Page[]>("ocr_detector", "expected.json").find(({ file }) => file === "invoice.png")!;
    // Spaces apart: the model is known to miss some between words of Latin letters.
    const letters = (text: string) => text.replaceAll(" ", "");
    assert.deepEqual(
      answer.lines.map(({ text }) => letters(text.content)),
      lines.map(({ text }) => letters(text)),
    );
    assert.equal(answer.missingLines, 0);
  });

  it("lets those in whom the fleet file lists at its front, and nobody but its own code further on", async () => {
    assert.deepEqual((await call(STRANGER, { ...orders, calls: 3 })).codes, { PERMISSION_DENIED: 3 });
    for (const contract of [DETECTOR, RECOGNIZER]) {
      const direct = await pictureOrders(contract, sampleBytes("ocr_recognizer", "word.png"));
      assert.deepEqual((await call(LISTED, { ...direct, calls: 3 })).codes, { PERMISSION_DENIED: 3 }, contract);
    }
    assert.deepEqual(await chains(), { [chain("r1", "r1")]: 3 });
  });

  it("passes pins and cohorts on to those whom it calls", async () => {
    const pin = `${OCR}=r2, ${RECOGNIZER}=r2`;
    assert.deepEqual(await chains({ "x-flotilla-pin": pin }), { [chain("r2", "r2")]: 3 });
    assert.deepEqual(await chains({ "x-flotilla-pin": `${RECOGNIZER}=r2` }), { [chain("r1", "r2")]: 3 });
    assert.deepEqual(await chains({ "x-flotilla-cohort": "beta" }), { [chain("r1", "r2")]: 3 });
  });

  it("counts what the mesh added to each of its hops, and to the whole", async () => {
    await chains();
    const pod = await podOf({ namespace: PIPELINE, contract: OCR, revision: "r1" });
    const text = await serverMetrics({ namespace: PIPELINE, pod });
    for (const to of [DETECTOR, RECOGNIZER]) {
      assert.match(
        text,
        new RegExp(`^flotilla_hop_overhead_seconds_count\\{from="${OCR}",to="${to}",revision="r1"\\} [1-9]`, "m"),
      );
    }
    assert.match(
      text,
      new RegExp(`^flotilla_chain_overhead_seconds_count\\{contract="${OCR}",revision="r1"\\} [1-9]`, "m"),
    );
  });

  it("is answered by the fallback of one whom it calls, while that one has no pod", async () => {
    const deployment = ["deployment/acme-ocr--recognizer-v1-r1", "-n", PIPELINE];
    await kubectl(["scale", ...deployment, "--replicas=0"]);
    try {
      await eventually(
        "the fallback reads the lines",
        () => call(LISTED, { ...orders, calls: 2 }),
        ({ chains: seen }) => seen[chain("r1", "r2")] === 2,
        { withinMs: 120_000 },
      );
    } finally {
      await kubectl(["scale", ...deployment, "--replicas=1"]);
      await untilReady(PIPELINE);
    }
    await eventually(
      "the recognizer reads the lines itself",
      () => call(LISTED, { ...orders, calls: 2 }),
      ({ chains: seen }) => seen[chain("r1", "r1")] === 2,
      { withinMs: 120_000 },
    );
  });
});
