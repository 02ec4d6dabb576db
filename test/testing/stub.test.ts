import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import {
  type Finding,
  findingToJSON,
  type PredictRequest,
  TumorServiceClient,
} from "../../generated/ts/acme/tumor/v1/tumor_service.js";
import { RecordedCall } from "../../generated/ts/flotilla/v1/recording.js";
import type { CallError } from "../../src/client/call-error.js";
import { connect } from "../../src/client/connect.js";
import { findInImage } from "../../src/client/find-method.js";
import { loadContract } from "../../src/contract/contract.js";
import { parseLatency } from "../../src/fleet/latency-profile.js";
import { loadFleet } from "../../src/fleet/load.js";
import { contractImage } from "../../src/fleet/protos.js";
import { generateAnswer } from "../../src/testing/generated-answer.js";
import { encodeRecorded } from "../../src/testing/recording.js";
import { seededRandom } from "../../src/testing/seeded-random.js";
import { type Stub, type StubOptions, startStub } from "../../src/testing/start-stub.js";
import { drawError, drawLatencyMs, parseErrors } from "../../src/testing/stub-profile.js";
import { sampleJson } from "../models/sample.js";
import { ROOT } from "../support/contract-fixture.js";
import { RawClient } from "../support/server.js";

const CONTRACT = "acme.tumor.v1";

describe("startStub()", () => {
  const sample = sampleJson<PredictRequest>("tumor", "request.json");
  const made = { instances: sample.instances.slice(0, 2) };
  let stubs: Stub[] = [];

  afterEach(async () => {
    await Promise.all(stubs.map((stub) => stub.close()));
    stubs = [];
  });

  async function start(options: StubOptions = {}) {
    const stub = await startStub(CONTRACT, { root: ROOT, ...options });
    stubs.push(stub);
    return { stub, tumors: connect(TumorServiceClient, stub.target) };
  }

  it("answers as the golden cases say where it knows the request, by the revision that is asked for", async () => {
    const { tumors } = await start();
    const { diagnoses } = await tumors.predict(sample);
    assert.equal(diagnoses.length, 10);
    assert(Math.abs(diagnoses[0]!.malignantProbability - 0.78625953) < 1e-6);
    const other = await start({ revision: "r2" });
    assert(Math.abs((await other.tumors.predict(sample)).diagnoses[0]!.malignantProbability - 0.8445842) < 1e-6);
    tumors.close();
    other.tumors.close();
  });

  it("makes up an answer that fits the contract elsewhere: a record for each row, classes that there are", async () => {
    const { tumors } = await start();
    const { diagnoses } = await tumors.predict(made);
    assert.equal(diagnoses.length, 2);
    for (const { label, malignantProbability } of diagnoses) {
      assert.match(findingToJSON(label as Finding), /^FINDING_(BENIGN|MALIGNANT)$/);
      assert(malignantProbability >= 0 && malignantProbability < 1);
    }
    tumors.close();
  });

  it("makes up the same answer each time and in another process, and another one with another seed", async () => {
    const [one, again, other] = [await start(), await start(), await start({ seed: 2 })];
    const first = await one.tumors.predict(made);
    await one.tumors.predict({ instances: sample.instances.slice(0, 1) });
    assert.deepEqual(await one.tumors.predict(made), first);
    assert.deepEqual(await again.tumors.predict(made), first);
    assert.notDeepEqual(await other.tumors.predict(made), first);
    for (const { tumors } of [one, again, other]) tumors.close();
  });

  it("answers as its test says, before all else", async () => {
    const response = { diagnoses: [{ label: "FINDING_BENIGN", malignantProbability: 0.25 }] };
    const answers = [
      { method: CONTRACT, request: sample, response },
      { method: CONTRACT, request: made, code: "UNAVAILABLE" },
    ];
    const { tumors } = await start({ answers });
    assert.equal((await tumors.predict(sample)).diagnoses[0]!.malignantProbability, 0.25);
    await assert.rejects(tumors.predict(made), { code: status.UNAVAILABLE });
    tumors.close();
  });

  it("refuses what the contract refuses, in the server's words", async () => {
    const { tumors, stub } = await start();
    const bad = { instances: [{ ...sample.instances[0]!, meanRadius: Number.NaN }] };
    await assert.rejects(tumors.predict(bad), (error: CallError) => {
      assert.equal(error.code, status.INVALID_ARGUMENT);
      assert.equal(
        error.details,
        `${CONTRACT}/Predict: field "instances[0].mean_radius": expected a finite number, got NaN`,
      );
      return true;
    });
    assert.deepEqual(stub.calls, []);
    tumors.close();
  });

  it("refuses what it does not know where it is told to", async () => {
    const { tumors } = await start({ otherwise: "refuse" });
    await assert.rejects(tumors.predict(made), { code: status.NOT_FOUND });
    assert.equal((await tumors.predict(sample)).diagnoses.length, 10);
    tumors.close();
  });

  it("tells a test what was sent, and a caller that no model answered", async () => {
    const { tumors, stub } = await start();
    let revision: string | undefined;
    await tumors.predict(made, {
      onHop: (hop) => {
        revision = hop.revision;
      },
    });
    assert.equal(revision, "stub");
    const [{ contract, method, request }] = stub.calls as [Stub["calls"][number]];
    assert.deepEqual([contract, method], [CONTRACT, "Predict"]);
    assert.equal((request as { instances: { meanRadius: number }[] }).instances[0]!.meanRadius, 14.25);
    tumors.close();
  });

  it("fails the share of calls that its profile says, in the same order for the same seed", async () => {
    const outcomes = async () => {
      const { tumors } = await start({ errors: "UNAVAILABLE=20%,RESOURCE_EXHAUSTED=10%" });
      const codes: string[] = [];
      for (let count = 0; count < 100; count++) {
        codes.push(
          await tumors.predict(made).then(
            () => "OK",
            (error: CallError) => error.codeName,
          ),
        );
      }
      tumors.close();
      return codes;
    };
    const codes = await outcomes();
    const count = (code: string) => codes.filter((one) => one === code).length;
    assert(count("UNAVAILABLE") > 8 && count("UNAVAILABLE") < 35, codes.join(" "));
    assert(count("RESOURCE_EXHAUSTED") > 2 && count("OK") > 50);
    assert.deepEqual(await outcomes(), codes);
  });

  it("takes its time, and gives it up where the caller does", async () => {
    const { tumors } = await start({ latency: "60ms" });
    const startMs = performance.now();
    await tumors.predict(made);
    // A timer may be a millisecond early by another clock.
    assert(performance.now() - startMs >= 58);
    await assert.rejects(tumors.predict(made, { deadlineMs: 10 }), { code: status.DEADLINE_EXCEEDED });
    tumors.close();
  });

  describe("with a recording", () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(path.join(tmpdir(), "flotilla-stub-"));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it("answers what was answered then, refusals and each message of a stream included", async () => {
      const image = await contractImage(ROOT, "acme.voice.v1");
      const found = findInImage(image, { contract: "acme.voice.v1", method: "PredictStream" });
      const chunk = (value: number) => ({ samples: new Array(512).fill(value) });
      const request = (value: number) =>
        Buffer.from(toBinary(found.method.input, fromJson(found.method.input, chunk(value))));
      const answer = (speechProbability: number) =>
        Buffer.from(toBinary(found.method.output, fromJson(found.method.output, { speechProbability })));
      const method = "/acme.voice.v1.VoiceService/PredictStream";
      const content = (bytes: Buffer) => ({ content: bytes });
      const calls = [
        {
          method,
          requests: [request(0.1), request(0.2)].map(content),
          responses: [answer(0.25), answer(0.75)].map(content),
        },
        { method, requests: [content(request(0.3))], code: status.RESOURCE_EXHAUSTED, details: "the queue is full" },
      ].map((call) => encodeRecorded(RecordedCall.fromPartial(call)));
      const file = path.join(folder, "recorded.binpb");
      writeFileSync(file, Buffer.concat(calls));
      const stub = await startStub("acme.voice.v1", { root: ROOT, golden: false, recordings: [file] });
      stubs.push(stub);
      assert.equal(stub.known, 3);
      const client = new RawClient(stub.target);
      const stream = client.stream(method);
      stream.write(request(0.2));
      stream.write(request(0.1));
      stream.end();
      assert.deepEqual(await stream.toArray(), [answer(0.75), answer(0.25)]);
      const full = client.stream(method);
      full.write(request(0.3));
      const [error] = await once(full, "error");
      assert.deepEqual([error.code, error.details], [status.RESOURCE_EXHAUSTED, "the queue is full"]);
      client.close();
    });
  });

  it("answers for every contract of the example fleet, and each answer is one of its contract", async () => {
    const fleet = loadFleet("fleet.yaml");
    for (const { name } of fleet.contracts) {
      const contract = loadContract(await contractImage(fleet.root, name), name);
      for (const bound of contract.methods) {
        const found = findInImage(contract.image, { contract: contract.service, method: bound.name });
        const request = fromBinary(found.method.input, new Uint8Array());
        for (let seed = 0; seed < 20; seed++) {
          const answer = generateAnswer({ found, bound: contract.signature && bound, request }, seededRandom(seed));
          assert.deepEqual(fromBinary(found.method.output, toBinary(found.method.output, answer)), answer, name);
        }
      }
    }
  });

  it("says which contract, answer or profile is not good", async () => {
    await assert.rejects(startStub("acme.none.v1", { root: ROOT }), /no \.proto files for acme\.none\.v1/);
    const answers = [{ method: "acme.other.v1", request: {}, response: {} }];
    await assert.rejects(startStub(CONTRACT, { root: ROOT, answers }), /acme\.other\.v1, and that is not served/);
    await assert.rejects(startStub(CONTRACT, { root: ROOT, latency: "soon" }), /p50=20ms,p99=200ms, got "soon"/);
  });
});

describe("parseLatency()", () => {
  const draw = (text: string, count = 4000): number[] => {
    const random = seededRandom(7);
    return Array.from({ length: count }, () => drawLatencyMs(parseLatency(text), random)).sort((a, b) => a - b);
  };

  it("reads one time, a range, and a median with a tail, which is then what is drawn", () => {
    assert.deepEqual(new Set(draw("20ms")), new Set([20]));
    const range = draw("20ms..80ms");
    assert(range[0]! >= 20 && range.at(-1)! <= 80 && Math.abs(range[2000]! - 50) < 3);
    const tail = draw("p50=20ms,p99=200ms");
    assert(Math.abs(tail[2000]! - 20) < 2, String(tail[2000]));
    assert(tail[3960]! > 130 && tail[3960]! < 300, String(tail[3960]));
  });

  it("refuses what is none", () => {
    for (const text of ["", "20", "80ms..20ms", "p50=0ms,p99=1s", "p50=2s,p99=1s", "..", "20ms..x"]) {
      assert.throws(() => parseLatency(text), /expected/, text);
    }
  });
});

describe("parseErrors()", () => {
  it("reads codes and their share, and draws each as often as that", () => {
    const profile = parseErrors("UNAVAILABLE=25%, INTERNAL=5");
    const random = seededRandom(3);
    const drawn = Array.from({ length: 4000 }, () => drawError(profile, random));
    const share = (code: status | undefined) => drawn.filter((one) => one === code).length / drawn.length;
    assert(Math.abs(share(status.UNAVAILABLE) - 0.25) < 0.03);
    assert(Math.abs(share(status.INTERNAL) - 0.05) < 0.02);
    assert(Math.abs(share(undefined) - 0.7) < 0.03);
  });

  it("refuses codes that there are not, OK, and more than all", () => {
    for (const text of ["", "SAD=1%", "OK=1%", "UNAVAILABLE", "UNAVAILABLE=60%,INTERNAL=60%"]) {
      assert.throws(() => parseErrors(text), /expected/, text);
    }
  });
});

describe("flotilla stub", () => {
  const FLOTILLA = path.join(ROOT, "dist/src/bin/flotilla.js");

  it("serves until it is told to end, is healthy, and `flotilla call` needs nothing else", async () => {
    const child = spawn(process.execPath, [FLOTILLA, "stub", CONTRACT, "--port", "0"]);
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const [address] = await once(child.stdout, "data");
    const target = String(address).trim();
    const args = ["call", CONTRACT, "@models/tumor/samples/request.json", "--target", target];
    const called = spawnSync(process.execPath, [FLOTILLA, ...args], { encoding: "utf8" });
    assert.match(called.stdout, /FINDING_MALIGNANT +0\.78626/, called.stderr);
    assert.match(called.stderr, /acme\.tumor\.v1 stub answered/);
    const health = new RawClient(target);
    const answer = await health.unary(
      "/grpc.health.v1.Health/Check",
      Buffer.from(`\n${String.fromCharCode(26)}acme.tumor.v1.TumorService`),
    );
    assert.deepEqual(answer.message, Buffer.from([8, 1]));
    health.close();
    child.kill("SIGTERM");
    assert.equal((await once(child, "exit"))[0], 0);
    assert.match(said, /answers to \d+ requests are known, others are made up/);
  });

  for (const [what, args, code, message] of [
    ["an unknown contract", ["acme.none.v1"], 1, /no \.proto files/],
    ["a bad latency", [CONTRACT, "--latency", "soon"], 2, /p50=20ms/],
    ["a bad error", [CONTRACT, "--errors", "SAD=1"], 2, /UNAVAILABLE=2%/],
    ["no contract", [], 2, /missing required argument/],
  ] as const) {
    it(`refuses ${what} with exit code ${code}, and says why`, () => {
      const ended = spawnSync(process.execPath, [FLOTILLA, "stub", "--port", "0", ...args], { encoding: "utf8" });
      assert.equal(ended.status, code, ended.stderr);
      assert.match(ended.stderr, message);
    });
  }
}).timeout(30_000);
