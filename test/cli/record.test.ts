import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Metadata, Server, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type { RecordedCall } from "../../generated/ts/flotilla/v1/recording.js";
import { rawMethod } from "../../src/grpc/raw-method.js";
import { reflectionServices } from "../../src/grpc/reflection.js";
import { readRecording } from "../../src/testing/recording.js";
import { gate, type ListeningServer, listen } from "../client/listen.js";
import { compileContract, compileProto, JsonCodec, protoText, ROOT } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SCALE } from "../wire/contracts.js";

const FLOTILLA = path.join(ROOT, "dist/src/bin/flotilla.js");
const NAME = "test.scale.v1";
const PREDICT = `/${NAME}.ScaleService/Predict`;
const STREAM = `/${NAME}.ScaleService/PredictStream`;

/** `flotilla record` as a process of its own. */
class RecordProcess {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #log: string[];

  private constructor(child: ChildProcess, address: string, log: string[]) {
    this.#child = child;
    this.address = address;
    this.#log = log;
  }

  static async start(...args: string[]): Promise<RecordProcess> {
    const child = spawn(process.execPath, [FLOTILLA, "record", "--port", "0", ...args], {
      env: { ...process.env, NO_COLOR: "1" },
    });
    const log: string[] = [];
    child.stderr!.on("data", (chunk) => log.push(String(chunk)));
    for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
      return new RecordProcess(child, String(chunk).trim(), log);
    }
    throw new Error(`flotilla record ended: ${log.join("")}`);
  }

  /** Ends it as Ctrl-C does; returns what it said. */
  async end(): Promise<string> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGINT");
    const [code] = await closed;
    assert.equal(code, 0);
    return this.#log.join("");
  }
}

async function read(file: string): Promise<RecordedCall[]> {
  const calls: RecordedCall[] = [];
  for await (const call of readRecording(file)) calls.push(call);
  return calls;
}

describe("flotilla record", () => {
  const codec = new JsonCodec(compileContract(NAME, SCALE).image);
  const request = (...x: number[]) => codec.encode(`${NAME}.PredictRequest`, { x });
  let folder: string;
  let file: string;
  let fleetFolder: string;
  let fleet: FleetProcess;

  before(async () => {
    const revisions = { r1: scaleModel({ factor: 2 }), r2: scaleModel({ factor: 10 }) };
    fleetFolder = writeFleet({ [NAME]: { body: SCALE, revisions } });
    fleet = await FleetProcess.start(fleetFolder);
  });
  after(async () => {
    await fleet.end();
    removeFleet(fleetFolder);
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-record-"));
    file = path.join(folder, "recorded.binpb");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function flotilla(...args: string[]) {
    const env = { ...process.env, NO_COLOR: "1" };
    const {
      status: code,
      stdout,
      stderr,
    } = spawnSync(process.execPath, [FLOTILLA, ...args], { env, encoding: "utf8" });
    return { code, stdout, stderr };
  }
  const record = (...args: string[]) => RecordProcess.start("--target", fleet.served.address, "--file", file, ...args);

  it("passes calls on as they are: answers, refusals, trailers and the revision that is asked for", async () => {
    const recorder = await record();
    const client = new RawClient(recorder.address);
    const answer = await client.unary(PREDICT, request(1, 2, 3), { metadata: { "flotilla-revision": "r2" } });
    assert.deepEqual(codec.decode(`${NAME}.PredictResponse`, answer.message!), { y: [10, 20, 30] });
    assert.deepEqual(answer.trailers.get("flotilla-revision"), ["r2"]);
    assert.match(String(answer.trailers.get("flotilla-server-timing")), /total=/);
    const refused = await client.unary(PREDICT, request(1));
    assert.equal(refused.code, status.INVALID_ARGUMENT);
    assert.match(refused.details, /"x"/);
    client.close();
    assert.match(await recorder.end(), /2 calls recorded; .*recorded\.binpb has \d+ B/);
    const [one, other] = await read(file);
    assert.deepEqual([one!.method, one!.code, one!.revision, one!.modelDigest.length], [PREDICT, 0, "r2", 64]);
    assert.deepEqual(one!.requests[0]!.content, request(1, 2, 3));
    assert.deepEqual(one!.responses[0]!.content, answer.message);
    assert(one!.elapsedMs > 0 && one!.responses[0]!.afterMs <= one!.elapsedMs);
    assert.deepEqual([other!.code, other!.details, other!.responses], [status.INVALID_ARGUMENT, refused.details, []]);
    assert.equal(statSync(file).mode & 0o077, 0, "others can read the file");
  });

  it("passes a stream on message by message, and records it whole", async () => {
    const recorder = await record();
    const client = new RawClient(recorder.address);
    const stream = client.stream(STREAM);
    const answers = stream[Symbol.asyncIterator]();
    for (const value of [1, 2, 3]) {
      // The next one is not sent before the answer to the last has come.
      stream.write(request(value, 0, 0));
      const { value: bytes } = await answers.next();
      assert.deepEqual(codec.decode(`${NAME}.PredictResponse`, bytes), { y: [value * 2, 0, 0] });
    }
    stream.end();
    assert.equal((await answers.next()).done, true);
    client.close();
    await recorder.end();
    const [call] = await read(file);
    assert.deepEqual([call!.requests.length, call!.responses.length], [3, 3]);
    assert(call!.requests[2]!.afterMs >= call!.responses[1]!.afterMs);
  });

  it("leaves out what the contract calls sensitive, in requests and answers", async () => {
    const body = `
      message PredictRequest { string name = 1 [(flotilla.v1.sensitive) = true]; float age = 2; }
      message PredictResponse { string letter = 1 [(flotilla.v1.sensitive) = true]; float risk = 2; }
      service PatientService { rpc Predict(PredictRequest) returns (PredictResponse); }`;
    const image = compileProto("test.patient.v1", protoText("test.patient.v1", body));
    const patients = new JsonCodec(image);
    const answer = patients.encode("test.patient.v1.PredictResponse", { letter: "Dear Ada", risk: 0.5 });
    const upstream = await serve(image, "test.patient.v1.PatientService", (_, done) => done(null, answer));
    const recorder = await RecordProcess.start("--target", upstream.target, "--file", file);
    const client = new RawClient(recorder.address);
    const sent = patients.encode("test.patient.v1.PredictRequest", { name: "Ada Lovelace", age: 36 });
    const got = await client.unary("/test.patient.v1.PatientService/Predict", sent);
    assert.deepEqual(got.message, answer, "the caller gets all of it");
    // What is no message of the contract might hold it anywhere.
    await client.unary("/test.patient.v1.PatientService/Predict", Buffer.from("\xffAda", "latin1"));
    client.close();
    assert.match(await recorder.end(), /1 calls recorded; 1 left out/);
    upstream.close();
    const [call] = await read(file);
    assert.deepEqual(patients.decode("test.patient.v1.PredictRequest", call!.requests[0]!.content), {
      name: "",
      age: 36,
    });
    assert.deepEqual(patients.decode("test.patient.v1.PredictResponse", call!.responses[0]!.content), {
      letter: "",
      risk: 0.5,
    });
    assert(!readFileSync(file).includes("Ada"));
  });

  it("passes headers, deadline and cancellation on", async () => {
    const seen = gate<{ metadata: Metadata; deadlineMs: number }>();
    const cancelled = gate();
    const image = compileContract(NAME, SCALE).image;
    const upstream = await serve(image, `${NAME}.ScaleService`, (call) => {
      seen.open({ metadata: call.metadata, deadlineMs: Number(call.getDeadline()) });
      call.on("cancelled", () => cancelled.open());
    });
    const recorder = await RecordProcess.start("--target", upstream.target, "--file", file);
    const client = new RawClient(recorder.address);
    const metadata = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
    const deadline = Date.now() + 5000;
    const answer = client.unary(PREDICT, request(1, 2, 3), { metadata, deadline });
    const got = await seen.opened;
    assert.deepEqual(got.metadata.get("traceparent"), [metadata.traceparent]);
    assert(Math.abs(got.deadlineMs - deadline) < 1000, `${got.deadlineMs - deadline}`);
    client.close();
    upstream.close();
    await recorder.end();
    await answer;
    await cancelled.opened;
  });

  it("takes a share of the calls, and stops when the file is full, but passes all of them on", async () => {
    const recorder = await record("--sample", "50", "--max-size", "0.0005");
    const client = new RawClient(recorder.address);
    const answers = await Promise.all(Array.from({ length: 40 }, () => client.unary(PREDICT, request(1, 2, 3))));
    assert(answers.every(({ code }) => code === status.OK));
    client.close();
    const said = await recorder.end();
    const [, recorded, skipped, leftOut] = /(\d+) calls recorded; (\d+) not in the sample; (\d+) left out/.exec(said)!;
    assert.equal(Number(recorded) + Number(skipped) + Number(leftOut), 40);
    assert(Number(skipped) > 3 && Number(skipped) < 37, said);
    assert.match(said, /has 0\.0005 MiB: calls are passed on and no longer recorded/);
    assert(statSync(file).size <= 0.0005 * 2 ** 20);
    assert.equal((await read(file)).length, Number(recorded));
  });

  it("does not hold a call that is too long", async () => {
    const recorder = await record("--max-call-size", "0.00001");
    const client = new RawClient(recorder.address);
    assert.equal((await client.unary(PREDICT, request(1, 2, 3))).code, status.OK);
    client.close();
    assert.match(await recorder.end(), /0 calls recorded; 1 left out/);
  });

  it("goes on with a file by --append, and never overwrites one", async () => {
    for (const extra of [[], ["--append"]]) {
      const recorder = await record(...extra);
      const client = new RawClient(recorder.address);
      await client.unary(PREDICT, request(1, 2, 3));
      client.close();
      await recorder.end();
    }
    assert.equal((await read(file)).length, 2);
    const refused = flotilla("record", "--target", fleet.served.address, "--file", file);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /recorded\.binpb is there already/);
  });

  describe("and flotilla replay", () => {
    async function recordSome(): Promise<void> {
      const recorder = await record();
      const client = new RawClient(recorder.address);
      for (let value = 0; value < 5; value++) await client.unary(PREDICT, request(value, 1, 1));
      await client.unary(PREDICT, request(1));
      const stream = client.stream(STREAM);
      stream.write(request(1, 2, 3));
      stream.end();
      await stream.toArray();
      client.close();
      await recorder.end();
    }
    const replay = (...args: string[]) => flotilla("replay", file, "--target", fleet.served.address, ...args);

    it("find nothing where the server answers as it did, refusals and streams included", async () => {
      await recordSome();
      const { code, stdout, stderr } = replay("--output", "json", "--max-disagreement", "0", "--rate", "200");
      assert.equal(code, 0, stderr);
      const { requests, disagreeing, newFailures, fields } = JSON.parse(stdout);
      assert.deepEqual([requests, disagreeing, newFailures, fields[0].compared], [7, 0, 0, 18]);
    });

    it("find each value that another revision answers otherwise", async () => {
      await recordSome();
      const { code, stdout } = replay("--revision", "r2", "--max-disagreement", "10", "--only", NAME);
      assert.equal(code, 1);
      assert.match(stdout, /6 of 7 requests are answered differently/);
      assert.match(stdout, /\[0\]\.y\[1\]: expected 4, got 20/);
      assert.match(stdout, /requests that disagree: 85\.7 %, at most 10 % allowed/);
      assert.equal(
        replay("--revision", "r2", "--tolerance", "y=1000", "--only", NAME, "--max-disagreement", "0").code,
        0,
      );
      assert.equal(replay("--revision", "recorded", "--max-disagreement", "0").code, 0);
    });

    it("begin no call before its time", async () => {
      const recorder = await record();
      const client = new RawClient(recorder.address);
      await client.unary(PREDICT, request(1, 2, 3));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await client.unary(PREDICT, request(1, 2, 3));
      client.close();
      await recorder.end();
      const startMs = performance.now();
      assert.equal(replay("--rate", "1x").code, 0);
      const elapsedMs = performance.now() - startMs;
      // A timer may be a millisecond early by another clock.
      assert(elapsedMs >= 1495, String(elapsedMs));
    });

    const WRONG: readonly [string, string[], number, RegExp][] = [
      ["no recording", ["replay", "package.json", "--target", "localhost:1"], 1, /package\.json is no recording/],
      ["a bad rate", ["replay", "x", "--target", "localhost:1", "--rate", "fast"], 2, /calls a second/],
      ["no target", ["replay", "x"], 2, /--target/],
      ["a tolerance without its contract", ["replay", "x", "--target", "a:1", "--tolerance", "y=1"], 1, /--only/],
    ];
    for (const [what, args, code, message] of WRONG) {
      it(`refuse ${what} with exit code ${code}, and say why`, () => {
        const ended = flotilla(...args);
        assert.equal(ended.code, code, ended.stderr);
        assert.match(ended.stderr, message);
      });
    }
  });

  it("says where the target can't be reached, and writes no file", () => {
    const ended = flotilla("record", "--target", "127.0.0.1:1", "--file", file);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /127\.0\.0\.1:1/);
    assert.throws(() => statSync(file));
  });

  it("refuses a port that is taken, and says which option chooses another", () => {
    writeFileSync(path.join(folder, "x"), "");
    const port = fleet.served.address.split(":")[1]!;
    const ended = flotilla(
      "record",
      "--target",
      fleet.served.address,
      "--file",
      path.join(folder, "y"),
      "--port",
      port,
    );
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /is taken by another program; choose one with --port/);
  });
}).timeout(60_000);

type Answer = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void;

/** A server of one unary method that reflects on itself. */
async function serve(image: Uint8Array, service: string, predict: Answer): Promise<ListeningServer> {
  const server = new Server();
  for (const { definition, implementation } of reflectionServices([image]))
    server.addService(definition, implementation);
  server.addService({ predict: rawMethod(`/${service}/Predict`) }, { predict });
  return listen(server);
}
