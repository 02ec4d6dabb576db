import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import {
  type PredictStreamRequest,
  type PredictStreamResponse,
  VoiceServiceService,
} from "../../generated/ts/acme/voice/v1/voice_service.js";
import { type FleetServer, startFleetServer } from "../../src/cli/fleet-server.js";
import { CallError } from "../../src/client/call-error.js";
import { type Connection, connect } from "../../src/client/connect.js";
import { type ResumeOptions, resumeStream, type StreamCall } from "../../src/client/resume-stream.js";
import { loadFleet } from "../../src/fleet/load.js";
import { sampleJson } from "../models/sample.js";
import { voiceChunks } from "../models/voice-chunks.js";

type Voice = StreamCall<PredictStreamRequest, PredictStreamResponse>;

const OPTIONS: ResumeOptions = { contract: "acme.voice.v1", state: "kept" };

describe("resumeStream()", () => {
  const opened: { close(): unknown }[] = [];
  const chunks = voiceChunks();
  const { speechProbability: expected } = sampleJson<{ speechProbability: number[] }>("voice", "expected.json");

  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });

  async function serve(): Promise<{ server: FleetServer; voices: Connection<typeof VoiceServiceService> }> {
    const selection = { contract: "acme.voice.v1", revision: "r1" };
    const server = await startFleetServer(loadFleet("fleet.yaml"), selection);
    const voices = connect({ service: VoiceServiceService }, server.target);
    opened.push(server, voices);
    return { server, voices };
  }

  it("goes on at another server where one drains, with the answers of a stream that nothing happened to", async () => {
    const [first, second] = [await serve(), await serve()];
    const calls: Voice[] = [first.voices.predictStream, second.voices.predictStream];
    const stream: Voice = (requests, options) => (calls.shift() ?? second.voices.predictStream)(requests, options);
    const causes: CallError[] = [];
    const answers: number[] = [];
    const options = { ...OPTIONS, onResume: (cause: CallError) => causes.push(cause) };
    for await (const { speechProbability } of resumeStream(stream, chunks, options)) {
      answers.push(speechProbability);
      if (answers.length === 30) void first.server.close();
    }
    assert.deepEqual(
      causes.map(({ code, metadata }) => [code, metadata.get("flotilla-reason")[0]]),
      [[status.UNAVAILABLE, "DRAINING"]],
    );
    const whole: number[] = [];
    for await (const { speechProbability } of second.voices.predictStream(chunks)) whole.push(speechProbability);
    assert.deepEqual(answers, whole);
    assert.equal(answers.length, expected.length);
    for (const [index, answer] of answers.entries())
      assert(Math.abs(answer - expected[index]!) < 1e-4, `chunk ${index}: ${answer}, in Python ${expected[index]}`);
  });

  it("gives up where the state went down with its server, rather than go on from another", async () => {
    const { voices } = await serve();
    const stream: Voice = async function* (requests, options) {
      for await (const answer of voices.predictStream(requests, options)) {
        yield answer;
        throw new CallError({ code: status.UNAVAILABLE, details: "connection lost", method: "", target: "" });
      }
    };
    await assert.rejects(collect(resumeStream(stream, chunks, OPTIONS)), { code: status.UNAVAILABLE });
  });

  it("gives up after some streams that fail without an answer", async () => {
    const nowhere = connect({ service: VoiceServiceService }, "127.0.0.1:1");
    opened.push(nowhere);
    const causes: CallError[] = [];
    const options = { ...OPTIONS, attempts: 3, backoffMs: 1, onResume: (cause: CallError) => causes.push(cause) };
    await assert.rejects(collect(resumeStream(nowhere.predictStream, chunks, options)), { code: status.UNAVAILABLE });
    assert.equal(causes.length, 2);
  });

  for (const [what, change, code, text] of [
    ["is damaged", (token: Buffer) => token.fill(1, 70, 71), status.INVALID_ARGUMENT, /its seal is broken/],
    ["is cut", (token: Buffer) => token.subarray(1), status.INVALID_ARGUMENT, /expected \d+ bytes, got \d+/],
    ["is far too long", () => Buffer.alloc(6000), status.INVALID_ARGUMENT, /expected \d+ bytes, got 6000/],
  ] as const) {
    it(`is refused a state that ${what}`, async () => {
      const { voices } = await serve();
      const { server, voices: drained } = await serve();
      let token: Buffer | undefined;
      const draining = drained.predictStream(chunks, { metadata: { "flotilla-resume-bin": Buffer.alloc(0) } });
      await assert.rejects(
        (async () => {
          for await (const _ of draining) void server.close();
        })(),
        (error: CallError) => {
          token = error.metadata.get("flotilla-resume-bin")[0] as Buffer;
          return true;
        },
      );
      const metadata = { "flotilla-resume-bin": change(Buffer.from(token!)) };
      await assert.rejects(collect(voices.predictStream(chunks, { metadata })), (error: CallError) => {
        assert.equal(error.code, code);
        assert.match(error.details, text);
        return true;
      });
    });
  }
});

async function collect<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const message of messages) all.push(message);
  return all;
}
