import assert from "node:assert/strict";
import sharp from "sharp";
import { type Corner, OcrServiceClient } from "../../generated/ts/acme/ocr/v1/ocr_service.js";
import type { CallError } from "../../src/client/call-error.js";
import { type Connection, connect } from "../../src/client/connect.js";
import type { Hop } from "../../src/client/hop.js";
import { FleetProcess } from "../support/fleet-process.js";
import { sampleBytes, sampleJson } from "./sample.js";

interface Page {
  readonly file: string;
  readonly lines: readonly { readonly text: string; readonly corners: readonly Corner[] }[];
}

describe("acme.ocr.v1", function () {
  this.timeout(120_000);
  let fleet: FleetProcess;
  let ocr: Connection<typeof OcrServiceClient.service>;
  before(async () => {
    fleet = await FleetProcess.start("fleet.yaml");
    ocr = connect(OcrServiceClient, fleet.served.address, { deadlineMs: 30_000 });
  });
  after(async () => {
    ocr?.close();
    await fleet?.end();
  });

  const pages = sampleJson<Page[]>("ocr_detector", "expected.json");
  // Spaces apart: the model is known to miss some between words of Latin letters.
  const letters = (line: string) => line.replaceAll(" ", "");

  for (const revision of ["r1", "r2"]) {
    for (const { file, lines } of pages) {
      it(`reads every line of ${file} where it is, by ${revision}`, async () => {
        const answer = await ocr.read({ image: sampleBytes("ocr_detector", file) }, { revision });
        assert.deepEqual(
          answer.lines.map(({ text }) => letters(text!.content)),
          lines.map(({ text }) => letters(text)),
        );
        assert.equal(answer.missingLines, 0);
        for (const [index, { corners }] of answer.lines.entries()) {
          const [got, expected] = [corners[0]!, lines[index]!.corners[0]!];
          assert(Math.hypot(got.x - expected.x, got.y - expected.y) < 30, `line ${index} is elsewhere`);
        }
      });
    }
  }

  it("says that an empty page has no line", async () => {
    const image = await sharp({ create: { width: 320, height: 200, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    assert.deepEqual(await ocr.read({ image }), { lines: [], missingLines: 0, width: 320, height: 200 });
  });

  it("says of each line that nobody could read who is missing, and gives where it is", async () => {
    const callees = [`acme.ocr_detector.v1=${fleet.served.address}`, "acme.ocr_recognizer.v1=127.0.0.1:1"];
    const flags = callees.flatMap((callee) => ["--callee", callee]);
    const alone = await FleetProcess.start("fleet.yaml", "--only", "acme.ocr.v1/r1", ...flags);
    const client = connect(OcrServiceClient, alone.served.address, { deadlineMs: 30_000 });
    try {
      const { file, lines } = pages[0]!;
      const answer = await client.read({ image: sampleBytes("ocr_detector", file) });
      assert.equal(answer.missingLines, lines.length);
      for (const { text, missing, corners } of answer.lines) {
        assert.deepEqual([text, missing?.code, corners.length], [undefined, "UNAVAILABLE", 4]);
      }
    } finally {
      client.close();
      await alone.end();
    }
  });

  it("says of what is no picture who refused it, and why", async () => {
    const error = await ocr.read({ image: Buffer.from("hello") }).then(
      () => assert.fail("it was read"),
      (failed: CallError) => failed,
    );
    assert.equal(error.codeName, "INVALID_ARGUMENT");
    assert.match(error.details, /acme\.ocr_detector\.v1.*image: expected a PNG, JPEG or WebP file/);
  });

  it("is answered by the revisions of the release that the caller names", async () => {
    const over: Hop[] = [];
    const onHop = (hop: Hop) => over.push(hop);
    const image = sampleBytes("ocr_detector", "photo.jpg");
    for (const release of ["upright", "turned"]) await ocr.read({ image }, { release, onHop });
    assert.deepEqual(
      over.map(({ release, revision, hops }) => [release, revision, ...hops.map((hop) => hop.revision)]),
      [
        ["upright", "r1", "r1", "r1"],
        ["turned", "r2", "r1", "r1"],
      ],
    );
    await assert.rejects(
      ocr.read({ image }, { release: "sideways" }),
      /FAILED_PRECONDITION.*it is in upright, turned$/,
    );
  });

  it("says whom it called for its answer, and counts each hop", async () => {
    const over: Hop[] = [];
    await ocr.read({ image: sampleBytes("ocr_detector", "photo.jpg") }, { onHop: (hop) => over.push(hop) });
    assert.deepEqual(
      over[0]!.hops.map(({ to, revision, calls }) => [to, revision, calls]),
      [
        ["acme.ocr_detector.v1", "r1", 1],
        ["acme.ocr_recognizer.v1", "r1", 8],
      ],
    );
    assert((await fleet.metric("flotilla_hop_overhead_seconds_count")) >= 9);
  });
});
