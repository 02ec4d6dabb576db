import assert from "node:assert/strict";
import { PredictStreamRequest, PredictStreamResponse } from "../../generated/ts/acme/voice/v1/voice_service.js";
import { assertClose } from "../models/closeness.js";
import { sampleJson } from "../models/sample.js";
import { voiceChunks } from "../models/voice-chunks.js";
import { LISTED } from "./support/callers.js";
import { measured } from "./support/measured.js";
import { deleteStreamsPod, listen, raiseVoiceFleet } from "./support/voice-fleet.js";

/** Errors of rounding add up along a stream. */
const TOLERANCE = 1e-4;

describe("20 a stream", function () {
  this.timeout(300_000);
  before(raiseVoiceFleet);

  it("goes on with its state at another pod where its own is deleted, as if nothing had happened", async function () {
    const requests = voiceChunks().map((chunk) => PredictStreamRequest.encode(chunk).finish());
    const whole = await listen(LISTED, { requests, pauseMs: 0 });
    assert.deepEqual(whole.ends, []);
    const probabilities = whole.answers.map((answer) => {
      return PredictStreamResponse.decode(Buffer.from(answer, "base64")).speechProbability;
    });
    const { speechProbability } = sampleJson<{ speechProbability: number[] }>("voice", "expected.json");
    assertClose(probabilities, speechProbability, TOLERANCE);

    const [broken] = await Promise.all([listen(LISTED, { requests, pauseMs: 150 }), deleteStreamsPod()]);
    measured(this, broken.ends.join(", "));
    assert.deepEqual(broken.ends, ["UNAVAILABLE DRAINING"]);
    assert.deepEqual(broken.answers, whole.answers);
  });
});
