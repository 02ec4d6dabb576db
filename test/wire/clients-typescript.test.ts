import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { findingToJSON, PredictRequest, TumorServiceClient } from "../../generated/ts/acme/tumor/v1/tumor_service.js";
import { VoiceServiceClient } from "../../generated/ts/acme/voice/v1/voice_service.js";
import { CallError } from "../../src/client/call-error.js";
import { connect } from "../../src/client/connect.js";
import type { Hop } from "../../src/client/hop.js";
import { type ClientFacts, checkFacts, expectedLines, type Prediction } from "../clients/client-facts.js";
import { type ExampleServers, startExampleServers } from "../clients/example-servers.js";
import { run } from "../clients/programs.js";
import { ROOT } from "../support/contract-fixture.js";

const CHUNK_SAMPLES = 512;
const WAV_HEADER_BYTES = 44;
const REQUEST = PredictRequest.fromJSON(
  JSON.parse(readFileSync(path.join(ROOT, "models/tumor/samples/request.json"), "utf8")),
);

describe("a client in TypeScript", function () {
  this.timeout(60_000);
  let servers: ExampleServers;

  before(async () => {
    servers = await startExampleServers();
  });
  after(() => servers.end());

  it("gets the right answers, trailers, errors and stream through src/client", async () => {
    checkFacts(await collectFacts(servers));
  });

  it("runs as docs/examples/typescript shows", async () => {
    const tsx = path.join(ROOT, "node_modules", ".bin", "tsx");
    const output = await run(tsx, ["docs/examples/typescript/predict.ts", servers.tumor]);
    assert.deepEqual(output.trim().split("\n"), expectedLines());
  });
});

async function collectFacts(servers: ExampleServers): Promise<ClientFacts> {
  const tumors = connect(TumorServiceClient, servers.tumor);
  const voices = connect(VoiceServiceClient, servers.voice);
  const predict = async (revision: string): Promise<Prediction> => {
    let hop: Hop | undefined;
    const onHop = (over: Hop) => {
      hop = over;
    };
    const { diagnoses } = await tumors.predict(REQUEST, { revision, onHop });
    return {
      labels: diagnoses.map(({ label }) => findingToJSON(label)),
      probabilities: diagnoses.map(({ malignantProbability }) => malignantProbability),
      trailers: {
        "flotilla-revision": hop!.revision!,
        "flotilla-model-digest": hop!.modelDigest!,
        "flotilla-server-timing": `queue=${hop!.server!.queueMs}, infer=${hop!.server!.inferMs}, total=${hop!.server!.totalMs}`,
      },
    };
  };
  const speech: number[] = [];
  for await (const { speechProbability } of voices.predictStream(chunks())) speech.push(speechProbability);
  const facts = {
    r1: await predict("r1"),
    r2: await predict("r2"),
    empty: await refusal(tumors.predict({ instances: [] })),
    unknownRevision: await refusal(tumors.predict(REQUEST, { revision: "r9" })),
    speech,
  };
  tumors.close();
  voices.close();
  return facts;
}

async function refusal(call: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await call.then(
    () => assert.fail("the call was answered"),
    (reason: unknown) => reason,
  );
  assert(error instanceof CallError);
  return { code: error.codeName, message: error.details };
}

function* chunks(): Generator<{ samples: number[] }> {
  const sound = readFileSync(path.join(ROOT, "models/voice/samples/speech.wav")).subarray(WAV_HEADER_BYTES);
  for (let start = 0; start + 2 * CHUNK_SAMPLES <= sound.length; start += 2 * CHUNK_SAMPLES) {
    yield { samples: Array.from({ length: CHUNK_SAMPLES }, (_, i) => sound.readInt16LE(start + 2 * i) / 32768) };
  }
}
