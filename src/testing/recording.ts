import { createReadStream } from "node:fs";
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { BinaryWriter, sizeDelimitedPeek } from "@bufbuild/protobuf/wire";
import { RecordedCall } from "../../generated/ts/flotilla/v1/recording.js";
import type { FoundMethod } from "../client/find-method.js";
import { shownFile } from "../fleet/findings.js";

/** Longer than any call that a recorder lets through: what says that it is longer is no recording. */
const MAX_CALL_BYTES = 2 ** 30;
/** A varint is never longer. */
const MAX_PREFIX_BYTES = 10;

/** A call as it lies in a recording: its length, then itself. */
export function encodeRecorded(call: RecordedCall): Uint8Array {
  const writer = new BinaryWriter();
  RecordedCall.encode(call, writer.fork()).join();
  return writer.finish();
}

/**
 * Reads a recording call by call; no more than one is held in memory.
 * @param onCut told how many bytes at the file's end are no whole call, as where its recorder was cut off
 * @throws Error that names the file where it is none, or is not a recording
 */
export async function* readRecording(
  file: string,
  onCut: (byteLength: number) => void = () => {},
): AsyncGenerator<RecordedCall> {
  let held: Buffer = Buffer.alloc(0);
  let position = 0;
  for await (const chunk of openFile(file)) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let frame = nextFrame(held, file, position);
    while (frame) {
      yield parseCall(frame.content, file, position);
      position += frame.byteLength;
      held = held.subarray(frame.byteLength);
      frame = nextFrame(held, file, position);
    }
  }
  // Of a file with no whole call nobody knows what it is.
  if (held.length > 0 && position === 0) throw notARecording(file, 0);
  if (held.length > 0) onCut(held.length);
}

/** A recorded call's requests, as messages of its method. */
export function recordedRequests({ requests }: RecordedCall, { method }: FoundMethod): Message[] {
  return requests.map(({ content }) => fromBinary(method.input, content));
}

/** A recorded call's answers. */
export function recordedResponses({ responses }: RecordedCall, { method }: FoundMethod): Message[] {
  return responses.map(({ content }) => fromBinary(method.output, content));
}

async function* openFile(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: 2 ** 20 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`${shownFile(file)}: ${code === "ENOENT" ? "there is no such file" : message}`);
  }
}

interface Frame {
  readonly content: Buffer;
  /** With its length before it. */
  readonly byteLength: number;
}

/** Undefined where it is not there whole. */
function nextFrame(held: Buffer, file: string, position: number): Frame | undefined {
  if (held.length === 0) return undefined;
  const { eof, size, offset } = peek(held, file, position);
  if (eof) return undefined;
  if (size! > MAX_CALL_BYTES) throw notARecording(file, position);
  const byteLength = offset! + size!;
  return held.length < byteLength ? undefined : { content: held.subarray(offset!, byteLength), byteLength };
}

function peek(held: Buffer, file: string, position: number): ReturnType<typeof sizeDelimitedPeek> {
  try {
    return sizeDelimitedPeek(held.subarray(0, MAX_PREFIX_BYTES));
  } catch {
    throw notARecording(file, position);
  }
}

function parseCall(content: Buffer, file: string, position: number): RecordedCall {
  let call: RecordedCall;
  try {
    call = RecordedCall.decode(content);
  } catch {
    throw notARecording(file, position);
  }
  if (!/^\/[\w.]+\/\w+$/.test(call.method)) throw notARecording(file, position);
  return call;
}

function notARecording(file: string, position: number): Error {
  return new Error(`${shownFile(file)} is no recording of \`flotilla record\`: no call begins at byte ${position}`);
}
