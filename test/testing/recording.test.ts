import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { RecordedCall } from "../../generated/ts/flotilla/v1/recording.js";
import { encodeRecorded, readRecording } from "../../src/testing/recording.js";

describe("readRecording()", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-recording-"));
    file = path.join(folder, "recorded.binpb");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const call = (size: number) =>
    RecordedCall.fromPartial({
      method: "/acme.fraud.v1.FraudService/Predict",
      startedAt: new Date(1764000000000),
      elapsedMs: 1.5,
      requests: [{ content: Buffer.alloc(size, size), afterMs: 0 }],
      responses: [{ content: Buffer.from([1, 2]), afterMs: 1.25 }],
      revision: "r1",
    });
  async function read(cuts: number[] = []): Promise<RecordedCall[]> {
    const calls: RecordedCall[] = [];
    for await (const one of readRecording(file, (bytes) => cuts.push(bytes))) calls.push(one);
    return calls;
  }

  it("gives back what was written, calls larger than a block of the file among them", async () => {
    const calls = [call(3), call(3 * 2 ** 20), call(0), call(200)];
    writeFileSync(file, Buffer.concat(calls.map(encodeRecorded)));
    assert.deepEqual(await read(), calls);
  });

  it("gives the whole calls of a file that was cut off, and says how much is left over", async () => {
    const bytes = Buffer.concat([encodeRecorded(call(10)), encodeRecorded(call(20))]);
    for (const cut of [1, 20, encodeRecorded(call(20)).length - 1]) {
      writeFileSync(file, bytes.subarray(0, bytes.length - cut));
      const cuts: number[] = [];
      assert.deepEqual(await read(cuts), [call(10)]);
      assert.deepEqual(cuts, [encodeRecorded(call(20)).length - cut]);
    }
  });

  it("has no call in an empty file", async () => {
    writeFileSync(file, "");
    assert.deepEqual(await read(), []);
  });

  const NONE: readonly [string, Buffer][] = [
    ["JSON", Buffer.from('{"instances": []}')],
    ["zeros", Buffer.alloc(100)],
    ["a length beyond all", Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ["other protobuf", Buffer.from([2, 8, 1])],
  ];
  for (const [what, bytes] of NONE) {
    it(`refuses ${what} by name, and says where`, async () => {
      writeFileSync(file, bytes);
      await assert.rejects(read(), /recorded\.binpb is no recording of `flotilla record`: no call begins at byte 0/);
    });
  }

  it("names a file that is not there", async () => {
    await assert.rejects(read(), /recorded\.binpb: there is no such file/);
  });
});
