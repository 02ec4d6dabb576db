import assert from "node:assert/strict";
import { VoiceServiceService } from "../../generated/ts/acme/voice/v1/voice_service.js";
import { type FleetServer, startFleetServer } from "../../src/cli/fleet-server.js";
import { type Connection, connect } from "../../src/client/connect.js";
import { loadFleet } from "../../src/fleet/load.js";
import { assertClose } from "./closeness.js";
import { runScript } from "./python-run.js";
import { voiceChunks } from "./voice-chunks.js";

interface Heard {
  readonly speechProbability: number[];
  readonly segments: object[];
  readonly streamedSegments: object[];
}

const STREAMS = 3;
/** Errors of rounding add up along a stream. */
const TOLERANCE = 1e-4;

describe("a stream of acme.voice.v1", () => {
  let server: FleetServer;
  let voices: Connection<typeof VoiceServiceService>;

  before(async () => {
    server = await startFleetServer(loadFleet("fleet.yaml"), { contract: "acme.voice.v1", revision: "r1" });
    voices = connect({ service: VoiceServiceService }, server.target);
  });
  after(async () => {
    voices?.close();
    await server?.close();
  });

  async function listen(): Promise<number[]> {
    const answers: number[] = [];
    for await (const { speechProbability } of voices.predictStream(voiceChunks())) answers.push(speechProbability);
    return answers;
  }

  it("hears in a recording what Silero's rules hear in Python, also beside other streams", async () => {
    for (const streamed of await Promise.all(Array.from({ length: STREAMS }, listen))) {
      const heard = runScript("listen.py", { wav: "models/voice/samples/speech.wav", streamed }) as Heard;
      assertClose(streamed, heard.speechProbability, TOLERANCE);
      assert.equal(heard.segments.length, 2);
      assert.deepEqual(heard.streamedSegments, heard.segments);
    }
  });
}).timeout(60_000);
