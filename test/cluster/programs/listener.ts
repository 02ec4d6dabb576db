// Sends the messages of a stream with src/client's resumeStream, as code does that keeps a stream's state, and prints what
// came of it as JSON: the answers in base64, and why the stream was opened anew each time. Its orders are JSON on stdin:
//   {"target", "path", "contract", "pauseMs": rest before each message, "requests": [base64]}
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { type Channel, callStream, type Messages } from "../../../src/client/call.js";
import type { CallError } from "../../../src/client/call-error.js";
import type { CallOptions } from "../../../src/client/call-options.js";
import { openChannel } from "../../../src/client/connect.js";
import { resumeStream } from "../../../src/client/resume-stream.js";

interface Orders {
  readonly target: string;
  readonly path: string;
  readonly contract: string;
  readonly pauseMs: number;
  readonly requests: readonly string[];
}

const identity = (bytes: Buffer) => bytes;
const { target, path, contract, pauseMs, requests } = JSON.parse(await text(process.stdin)) as Orders;
const channel: Channel = openChannel(target);
const method = { path, requestSerialize: identity, responseDeserialize: identity };

async function* paced(): AsyncGenerator<Buffer, void, undefined> {
  for (const request of requests) {
    await delay(pauseMs);
    yield Buffer.from(request, "base64");
  }
}

const stream = (messages: Messages<Buffer>, options: CallOptions = {}) =>
  callStream(channel, method, messages, options);
const ends: string[] = [];
const onResume = ({ codeName, metadata }: CallError) => {
  ends.push(`${codeName} ${metadata.get("flotilla-reason")[0] ?? ""}`.trim());
};
const answers: string[] = [];
for await (const answer of resumeStream(stream, paced(), { contract, state: "kept", onResume }))
  answers.push(answer.toString("base64"));
console.log(JSON.stringify({ answers, ends }));
process.exit();
