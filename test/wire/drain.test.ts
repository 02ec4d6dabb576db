import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { slowModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SLOW } from "./contracts.js";

const PREDICT = "/test.slow.v1.SlowService/Predict";
const CALLS = 1000;

describe("on SIGTERM", () => {
  let folder: string;
  let fleet: FleetProcess;
  let client: RawClient;
  let json: JsonCodec;

  before(() => {
    folder = writeFleet({
      "test.slow.v1": { body: SLOW, revisions: { r1: slowModel() }, revisionFields: { queue: { size: 2 * CALLS } } },
    });
    json = new JsonCodec(compileContract("test.slow.v1", SLOW).image);
  });
  after(() => removeFleet(folder));
  beforeEach(async () => {
    fleet = await FleetProcess.start(folder);
    client = new RawClient(fleet.served.address);
  });
  afterEach(async () => {
    client.close();
    await fleet.end("SIGKILL");
  });

  const request = (type: string, iterations: number, value: number) =>
    json.encode(`test.slow.v1.${type}`, { iterations: [String(iterations)], x: [value] });

  /** Resolves once the server has taken that many calls on. */
  async function taken(calls: number): Promise<void> {
    while ((await fleet.metric("flotilla_requests_in_flight")) < calls)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  it("answers every one of 1 000 requests that it has taken, and exits with 0", async () => {
    const calls = Array.from({ length: CALLS }, (_, value) =>
      client.unary(PREDICT, request("PredictRequest", 10, value)),
    );
    while (
      (await fleet.metric("flotilla_requests_in_flight")) + (await fleet.metric("flotilla_requests_total")) <
      CALLS
    );
    const open = await fleet.metric("flotilla_requests_in_flight");
    assert(open > CALLS / 2, `${open} calls were open`);
    const exit = fleet.end("SIGTERM");
    for (const [value, { code, details, message }] of (await Promise.all(calls)).entries()) {
      assert.equal(code, status.OK, `call ${value}: ${details}`);
      assert.deepEqual(json.decode("test.slow.v1.PredictResponse", message!), { y: [value] });
    }
    assert.equal(await exit, 0);
  });

  it("turns health to NOT_SERVING before the last call is answered", async () => {
    const watch = client.serverStream("/grpc.health.v1.Health/Watch", Buffer.alloc(0));
    const states: number[] = [];
    watch.on("data", (message: Buffer) => states.push(message[1] ?? 0));
    const first = new Promise((resolve) => watch.once("data", resolve));
    await first;
    let answered = false;
    const call = client.unary(PREDICT, request("PredictRequest", 1500, 1)).then((answer) => {
      answered = true;
      return answer;
    });
    await taken(1);
    const turned = new Promise<boolean>((resolve) => watch.on("data", () => resolve(!answered)));
    const exit = fleet.end("SIGTERM");
    assert.equal(await turned, true, "health turned while the call was open");
    assert.deepEqual(states, [1, 2]);
    assert.equal((await call).code, status.OK);
    assert.equal(await exit, 0);
  });

  it("ends streams with UNAVAILABLE once what they sent is answered", async () => {
    const stream = client.stream("/test.slow.v1.SlowService/PredictStream");
    const answers: Buffer[] = [];
    stream.on("data", (message: Buffer) => answers.push(message));
    stream.on("error", () => {});
    const ended = new Promise<{ code: number; details: string }>((resolve) => stream.on("status", resolve));
    for (let value = 0; value < 5; value++) stream.write(request("PredictStreamRequest", 200, value));
    await taken(5);
    const exit = fleet.end("SIGTERM");
    const { code, details } = await ended;
    assert.equal(code, status.UNAVAILABLE);
    assert.match(details, /draining: open the stream anew/);
    assert.equal(answers.length, 5);
    assert.equal(await exit, 0);
  });

  it("does not wait for a connection that never said a word", async () => {
    const { hostname, port } = new URL(`http://${fleet.served.address}`);
    const silent = connect(Number(port), hostname);
    silent.on("error", () => {});
    await once(silent, "connect");
    assert.equal(await fleet.end("SIGTERM"), 0);
    assert.doesNotMatch(fleet.log, /cut off/);
    silent.destroy();
  });

  it("ends on Ctrl-C as well", async () => {
    assert.equal(await fleet.end("SIGINT"), 0);
  });
});
