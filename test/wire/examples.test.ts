import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { DigitsServiceClient } from "../../generated/ts/acme/digits/v1/digits_service.js";
import { LanguageServiceClient } from "../../generated/ts/acme/language/v1/language_service.js";
import { OcrDetectorServiceClient } from "../../generated/ts/acme/ocr_detector/v1/ocr_detector_service.js";
import { OcrRecognizerServiceClient } from "../../generated/ts/acme/ocr_recognizer/v1/ocr_recognizer_service.js";
import { PredictRequest, PredictResponse, TumorServiceClient } from "../../generated/ts/acme/tumor/v1/tumor_service.js";
import { VoiceServiceClient } from "../../generated/ts/acme/voice/v1/voice_service.js";
import { connect } from "../../src/client/connect.js";
import { assertClose } from "../models/closeness.js";
import { sampleBytes, sampleJson } from "../models/sample.js";
import { FleetProcess } from "../support/fleet-process.js";

/** Answers that were rounded to six places in their files, of sums whose order may differ. */
const TOLERANCE = 1e-4;
const CHUNK = 512;

describe("the example fleet, served and called as a user would", () => {
  let fleet: FleetProcess;

  before(async () => {
    fleet = await FleetProcess.start("fleet.yaml");
  });
  after(() => fleet.end());

  it("is ready as a whole", () => {
    assert.deepEqual(
      fleet.served.models.filter(({ state }) => state !== "READY"),
      [],
    );
    assert(fleet.served.models.length >= 7);
  });

  it("diagnoses each sample as Python did, by either revision, alone and in a batch", async () => {
    const tumor = connect(TumorServiceClient, fleet.served.address);
    const { instances } = PredictRequest.fromJSON(sampleJson("tumor", "request.json"));
    for (const revision of ["r1", "r2"]) {
      const expected = PredictResponse.fromJSON(
        sampleJson<Record<string, object>>("tumor", "expected.json")[revision],
      ).diagnoses;
      const { diagnoses } = await tumor.predict({ instances }, { revision });
      assert.deepEqual(
        diagnoses.map(({ label }) => label),
        expected.map(({ label }) => label),
      );
      assertClose(
        diagnoses.map((one) => one.malignantProbability),
        expected.map((one) => one.malignantProbability),
        TOLERANCE,
      );
      // All at once: the server joins them.
      const alone = await Promise.all(
        instances.map((instance) => tumor.predict({ instances: [instance] }, { revision })),
      );
      assertClose(
        alone.map((answer) => answer.diagnoses[0]!.malignantProbability),
        expected.map((one) => one.malignantProbability),
        TOLERANCE,
      );
    }
    tumor.close();
  });

  it("reads the digits of PNG and JPEG files", async () => {
    const digits = connect(DigitsServiceClient, fleet.served.address);
    const files = readdirSync("models/digits/samples").filter((file) => /\.(png|jpg)$/.test(file));
    const { readings } = await digits.predict({ images: files.map((file) => sampleBytes("digits", file)) });
    assert.deepEqual(
      readings.map(({ digit }) => digit),
      files.map((file) => Number(file[0])),
    );
    digits.close();
  });

  it("tells languages apart", async () => {
    const language = connect(LanguageServiceClient, fleet.served.address);
    const { texts } = sampleJson<{ texts: string[] }>("language", "request.json");
    const expected = sampleJson<{ language: string; confidence: number }[]>("language", "expected.json");
    const { identifications } = await language.predict({ texts });
    assert.deepEqual(
      identifications.map((one) => one.language),
      expected.map((one) => one.language),
    );
    assertClose(
      identifications.map((one) => one.confidence),
      expected.map((one) => one.confidence),
      1e-3,
    );
    language.close();
  });

  it("hears speech over a stream, its state carried by the server, as Python did", async () => {
    const voice = connect(VoiceServiceClient, fleet.served.address);
    const sound = readWav(sampleBytes("voice", "speech.wav"));
    const chunks = Array.from({ length: Math.floor(sound.length / CHUNK) }, (_, index) => [
      ...sound.subarray(index * CHUNK, (index + 1) * CHUNK),
    ]);
    const heard: number[] = [];
    for await (const answer of voice.predictStream(chunks.map((samples) => ({ samples }))))
      heard.push(answer.speechProbability);
    const { speechProbability } = sampleJson<{ speechProbability: number[] }>("voice", "expected.json");
    assertClose(heard, speechProbability.slice(0, heard.length), TOLERANCE);
    assert.equal(heard.length, chunks.length);
    voice.close();
  });

  it("finds each line of text in a picture", async () => {
    const detector = connect(OcrDetectorServiceClient, fleet.served.address, { deadlineMs: 30_000 });
    for (const { file, lines } of sampleJson<{ file: string; lines: { corners: { x: number; y: number }[] }[] }[]>(
      "ocr_detector",
      "expected.json",
    )) {
      const { boxes } = await detector.predict({ image: sampleBytes("ocr_detector", file) });
      assert.equal(boxes.length, lines.length, file);
      for (const [index, line] of lines.entries()) {
        const [left, right] = [
          Math.min(...line.corners.map(({ x }) => x)),
          Math.max(...line.corners.map(({ x }) => x)),
        ];
        const middle = boxes[index]!.corners.reduce((sum, { x }) => sum + x / 4, 0);
        assert(middle > left && middle < right, `${file}: line ${index}`);
      }
    }
    detector.close();
  });

  it("reads lines of text, to the letter", async () => {
    const recognizer = connect(OcrRecognizerServiceClient, fleet.served.address, { deadlineMs: 30_000 });
    for (const { file, text } of sampleJson<{ file: string; text: string }[]>("ocr_recognizer", "expected.json")) {
      assert.equal((await recognizer.predict({ image: sampleBytes("ocr_recognizer", file) })).text, text);
    }
    recognizer.close();
  });
});

/** The samples of a 16-bit mono WAV file with the plain 44-byte head, from -1 to 1. */
function readWav(file: Buffer): Float32Array {
  const samples = new Int16Array(new Uint8Array(file.subarray(44)).buffer);
  return Float32Array.from(samples, (sample) => sample / 32768);
}
