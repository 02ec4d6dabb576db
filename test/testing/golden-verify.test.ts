import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Metadata, Server, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import type { Channel } from "../../src/client/call.js";
import { openChannel } from "../../src/client/connect.js";
import { rawMethod } from "../../src/grpc/raw-method.js";
import { type GoldenCase, type GoldenFile, readGoldenCases, toGoldenCase } from "../../src/testing/golden-case.js";
import { formatGolden, recordAnswers } from "../../src/testing/golden-record.js";
import { type GoldenResult, verifyGolden } from "../../src/testing/golden-verify.js";
import { sendCall } from "../../src/testing/send-call.js";
import { listen } from "../client/listen.js";
import { compileContract } from "../support/contract-fixture.js";
import { scaleModel } from "../support/onnx-builder.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { SCALE } from "../wire/contracts.js";

const NAME = "test.scale.v1";
const DOUBLED = { method: NAME, request: { x: [1, 2, 3] }, response: { y: [2, 4, 6] } };

describe("verifyGolden()", () => {
  const contract = compileContract(NAME, SCALE);
  let server: TestServer;
  let channel: Channel;

  before(async () => {
    const revisions = { r1: scaleModel({ factor: 2 }), r2: scaleModel({ factor: 10 }) };
    server = await startTestServer([{ contract, revisions }]);
    channel = openChannel(server.address);
  });
  after(async () => {
    channel.client.close();
    await server.close();
  });

  const golden = (file: GoldenFile, name = "case"): GoldenCase =>
    toGoldenCase(`/cases/${name}.json`, file, contract.image);
  const verify = async (file: GoldenFile, revision?: string): Promise<GoldenResult> =>
    (await verifyGolden(channel, [golden(file)], { revision }))[0]!;

  it("passes a revision that answers as it should, and says who that was", async () => {
    const { outcome, revision, compared } = await verify(DOUBLED);
    assert.deepEqual([outcome, revision, compared], ["passed", "r1", 3]);
  });

  it("fails one that answers otherwise, value by value", async () => {
    const { outcome, disagreements } = await verify(DOUBLED, "r2");
    assert.equal(outcome, "failed");
    assert.deepEqual(
      disagreements.map(({ path: at, expected, got }) => [at, expected, got]),
      [
        ["y[0]", 2, 10],
        ["y[1]", 4, 20],
        ["y[2]", 6, 30],
      ],
    );
  });

  it("holds a revision to its own answer where there is one, and to the common one otherwise", async () => {
    const file = { ...DOUBLED, responses: { r2: { y: [10, 20, 30] } } };
    assert.equal((await verify(file, "r1")).outcome, "passed");
    assert.equal((await verify(file, "r2")).outcome, "passed");
  });

  it("skips a case that is for other revisions, and does not send it", async () => {
    const { response, ...rest } = DOUBLED;
    const { outcome, elapsedMs } = await verify({ ...rest, responses: { r1: response } }, "r2");
    assert.deepEqual([outcome, elapsedMs], ["skipped", 0]);
  });

  it("compares each answer of a stream, and their number", async () => {
    const file = {
      method: `${NAME}/PredictStream`,
      request: [{ x: [1, 2, 3] }, { x: [0, 0, 1] }],
      response: [{ y: [2, 4, 6] }, { y: [0, 0, 3] }],
    };
    assert.deepEqual(
      (await verify(file)).disagreements.map((one) => one.path),
      ["[1].y[2]"],
    );
    assert.match((await verify({ ...file, response: [{}] })).problem!, /expected 1 answers, got 2/);
  });

  it("passes a refusal that has to be, and fails one that has not", async () => {
    const bad = { method: NAME, request: { x: [1] } };
    assert.equal((await verify({ ...bad, code: "INVALID_ARGUMENT" })).outcome, "passed");
    assert.match(
      (await verify({ ...bad, code: "NOT_FOUND" })).problem!,
      /expected NOT_FOUND, got INVALID_ARGUMENT: .*"x"/,
    );
    assert.match((await verify({ ...bad, response: {} })).problem!, /INVALID_ARGUMENT/);
    const { response, ...good } = DOUBLED;
    assert.match((await verify({ ...good, code: "INVALID_ARGUMENT" })).problem!, /got an answer/);
  });

  it("fails where another revision answers than the one asked for, as behind a mesh that does not know the header", async () => {
    const stubborn = new Server();
    const method = rawMethod(`/${NAME}.ScaleService/Predict`);
    const other = openChannel(server.address);
    stubborn.addService(
      { predict: method },
      {
        predict: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
          let trailers: Metadata | undefined;
          other.client
            .makeUnaryRequest(
              method.path,
              method.requestSerialize,
              method.responseDeserialize,
              call.request,
              (error, answer) => {
                setImmediate(() => done(error, answer ?? null, trailers));
              },
            )
            .on("status", (ended) => {
              trailers = ended.metadata;
            });
        },
      },
    );
    const listening = await listen(stubborn);
    const through = openChannel(listening.target);
    const [result] = await verifyGolden(through, [golden(DOUBLED)], { revision: "r2" });
    through.client.close();
    other.client.close();
    listening.close();
    assert.equal(result!.outcome, "failed");
    assert.match(result!.problem!, /r2 was asked for, and r1 answered/);
  });

  it("fails every case where nobody listens", async () => {
    const nowhere = openChannel("127.0.0.1:1");
    const [result] = await verifyGolden(nowhere, [golden(DOUBLED)], { deadlineMs: 2000 });
    nowhere.client.close();
    assert.match(result!.problem!, /UNAVAILABLE/);
  });

  describe("of what recordAnswers() wrote", () => {
    async function record(file: GoldenFile, revisions: readonly string[], isWhole: boolean): Promise<GoldenFile> {
      const answers = new Map<string, Awaited<ReturnType<typeof sendCall>>>();
      for (const revision of revisions) answers.set(revision, await sendCall(channel, golden(file), { revision }));
      return recordAnswers(golden(file), file, { answers, isWhole });
    }
    const request: GoldenFile = { method: NAME, request: { x: [1, 2, 3] } };

    it("passes; an answer for each revision where they differ", async () => {
      const file = await record(request, ["r1", "r2"], true);
      assert.deepEqual(file.responses, { r1: { y: [2, 4, 6] }, r2: { y: [10, 20, 30] } });
      assert.equal((await verify(file, "r1")).outcome, "passed");
      assert.equal((await verify(file, "r2")).outcome, "passed");
    });

    it("passes; one answer for all where they agree, the next revision's included", async () => {
      const file = await record({ ...request, request: { x: [0, 0, 0] } }, ["r1", "r2"], true);
      assert.deepEqual([file.response, file.responses], [{ y: [0, 0, 0] }, undefined]);
    });

    it("keeps what the file says of revisions that were not asked", async () => {
      const file = await record({ ...DOUBLED, responses: { r9: { y: [9] } } }, ["r2"], false);
      assert.deepEqual(file.response, DOUBLED.response);
      assert.deepEqual(file.responses, { r9: { y: [9] }, r2: { y: [10, 20, 30] } });
    });

    it("writes a refusal by its code, and not where others answer", async () => {
      const bad = { ...request, request: { x: [1] } };
      assert.equal((await record(bad, ["r1", "r2"], true)).code, "INVALID_ARGUMENT");
      await assert.rejects(record({ ...bad, response: { y: [2] } }, ["r1"], false), /refuses what others answer/);
    });
  });

  describe("of cases in files", () => {
    let root: string;
    let folder: string;
    beforeEach(() => {
      root = mkdtempSync(path.join(tmpdir(), "flotilla-golden-"));
      folder = path.join(root, "models/scale/golden");
      mkdirSync(folder, { recursive: true });
    });
    afterEach(() => rmSync(root, { recursive: true }));
    const write = (name: string, content: string) => writeFileSync(path.join(folder, name), content);
    const read = () => readGoldenCases(root, NAME, contract.image);

    it("reads requests from files beside them, and leaves cases of other contracts out", async () => {
      write("a.json", formatGolden({ ...DOUBLED, request: "@request.txt" }));
      write("request.txt", '{"x": [1, 2, 3]}');
      write("b.json", formatGolden({ ...DOUBLED, method: "test.scale.v2" }));
      assert.deepEqual(
        (await verifyGolden(channel, read())).map(({ name, outcome }) => [name, outcome]),
        [["a", "passed"]],
      );
    });

    it("has none where there is no folder", () => {
      rmSync(folder, { recursive: true });
      assert.deepEqual(read(), []);
    });

    const BAD: readonly [string, string, RegExp][] = [
      ["is no JSON", "{", /a\.json is no JSON/],
      [
        "has no answer",
        JSON.stringify({ method: NAME, request: {} }),
        /a\.json: expected `response` or `responses`, or else `code`/,
      ],
      ["has both", JSON.stringify({ ...DOUBLED, code: "NOT_FOUND" }), /or else `code`/],
      ["has an unknown field", JSON.stringify({ ...DOUBLED, answer: 1 }), /a\.json: .*"answer"/],
      [
        "does not fit the contract",
        JSON.stringify({ ...DOUBLED, response: { z: 1 } }),
        /a\.json: .*PredictResponse.*z/,
      ],
      [
        "names no method",
        JSON.stringify({ ...DOUBLED, method: `${NAME}/Guess` }),
        /a\.json: .*no method "Guess".*Predict/,
      ],
      ["has a list for one message", JSON.stringify({ ...DOUBLED, request: [] }), /a\.json: Predict takes one message/],
      [
        "has a tolerance for no field",
        JSON.stringify({ ...DOUBLED, tolerances: { z: {} } }),
        /a\.json: .*no field "z"/,
      ],
      [
        "names a file that is not there",
        JSON.stringify({ ...DOUBLED, request: "@gone.json" }),
        /a\.json: .*gone\.json.*no such file/,
      ],
    ];
    for (const [what, content, message] of BAD) {
      it(`names the file that ${what}`, () => {
        write("a.json", content);
        assert.throws(read, message);
      });
    }
  });
});
