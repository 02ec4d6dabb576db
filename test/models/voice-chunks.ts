import type { PredictStreamRequest } from "../../generated/ts/acme/voice/v1/voice_service.js";
import { sampleBytes } from "./sample.js";

const CHUNK = 512;
const HEADER_BYTES = 44;

/** The sample recording as the messages of a stream. */
export function voiceChunks(): PredictStreamRequest[] {
  const file = sampleBytes("voice", "speech.wav");
  const samples = Array.from(
    { length: (file.length - HEADER_BYTES) / 2 },
    (_, index) => file.readInt16LE(HEADER_BYTES + 2 * index) / 32_768,
  );
  const count = Math.floor(samples.length / CHUNK);
  return Array.from({ length: count }, (_, index) => ({ samples: samples.slice(index * CHUNK, (index + 1) * CHUNK) }));
}
