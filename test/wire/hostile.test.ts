import assert from "node:assert/strict";
import type { JsonValue } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import * as wire from "../../generated/ts/inference/grpc_service.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SCALE } from "./contracts.js";

const TYPED = "/test.scale.v1.ScaleService/Predict";
const INFER = "/inference.GRPCInferenceService/ModelInfer";
/** Malformed requests of each kind: five kinds make ten thousand. */
const RUNS = 2000;
/** Sent at a time, so that the test is about the server, not about waiting. */
const AT_ONCE = 25;

/** What the server may answer to a request that is not in order. OK is for those that happen to be. */
const EXPECTED = [
  status.OK,
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.UNIMPLEMENTED,
  status.RESOURCE_EXHAUSTED,
];

const DIMENSION = fc.oneof(
  fc.integer({ min: -3, max: 5 }),
  fc.constantFrom(-(2 ** 53), 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52),
);

const INPUT = fc.record({
  name: fc.oneof(fc.constantFrom("x", "y", "", "../x", "x\0"), fc.string({ maxLength: 8 })),
  datatype: fc.oneof(
    fc.constantFrom("FP32", "FP16", "BYTES", "INT64", "BOOL", "fp32", ""),
    fc.string({ maxLength: 5 }),
  ),
  shape: fc.array(DIMENSION, { maxLength: 5 }),
  contents: fc.option(
    fc.record(
      {
        fp32Contents: fc.array(fc.float(), { maxLength: 8 }),
        intContents: fc.array(fc.integer(), { maxLength: 4 }),
        boolContents: fc.array(fc.boolean(), { maxLength: 3 }),
        bytesContents: fc.array(fc.uint8Array({ maxLength: 6 }).map(Buffer.from), { maxLength: 3 }),
      },
      { requiredKeys: [] },
    ),
    { nil: undefined },
  ),
});

const INFER_REQUEST = fc.record({
  modelName: fc.oneof(
    fc.constantFrom("test.scale.v1", "", "../../etc/passwd", "test.scale.v1/r1"),
    fc.string({ maxLength: 20 }),
  ),
  modelVersion: fc.oneof(fc.constantFrom("", "r1", "r9", "../r1", "-1"), fc.string({ maxLength: 5 })),
  id: fc.string({ maxLength: 10 }),
  inputs: fc.array(INPUT, { maxLength: 3 }),
  outputs: fc.array(fc.record({ name: fc.constantFrom("y", "x", "") }), { maxLength: 2 }),
  rawInputContents: fc.array(
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 3 },
  ),
});

describe("a server that meets malformed requests", () => {
  let folder: string;
  let fleet: FleetProcess;
  let client: RawClient;
  let json: JsonCodec;
  let sent = 0;
  let residentBefore = 0;

  before(async () => {
    folder = writeFleet({ "test.scale.v1": { body: SCALE, revisions: { r1: scaleModel({ factor: 2 }) } } });
    json = new JsonCodec(compileContract("test.scale.v1", SCALE).image);
    fleet = await FleetProcess.start(folder);
    client = new RawClient(fleet.served.address);
    // The first thousands of calls are the compiler's and the allocator's: memory is flat after them or never.
    for (let call = 0; call < 40; call++) await flood(TYPED, fc.sample(fc.uint8Array({ maxLength: 100 }), 100));
    residentBefore = await fleet.metric("process_resident_memory_bytes");
  });
  after(async () => {
    client.close();
    await fleet.end();
    removeFleet(folder);
  });

  const good = (): Buffer => json.encode("test.scale.v1.PredictRequest", { x: [1, 2, 3] });

  async function answersRightly(): Promise<void> {
    const { code, message } = await client.unary(TYPED, good());
    assert.equal(code, status.OK);
    assert.deepEqual(json.decode("test.scale.v1.PredictResponse", message!), { y: [2, 4, 6] } satisfies JsonValue);
  }

  /** Sends requests and checks that each gets an answer that blames the right side, and says why. */
  async function flood(method: string, requests: readonly Uint8Array[]): Promise<void> {
    for (let from = 0; from < requests.length; from += AT_ONCE) {
      const some = requests.slice(from, from + AT_ONCE).map((bytes) => Buffer.from(bytes));
      const answers = await Promise.all(
        some.map((request) => client.unary(method, request, { deadline: Date.now() + 10_000 })),
      );
      for (const [index, { code, details }] of answers.entries()) {
        const request = some[index]!.toString("hex");
        assert(EXPECTED.includes(code), `${status[code]} "${details}" for ${method} ${request}`);
        if (code !== status.OK) assert(details.length > 10, `no reason given for ${method} ${request}`);
      }
      sent += some.length;
    }
    await answersRightly();
  }

  /** A good message with some bytes changed, cut out or doubled. */
  const mutated = (message: () => Buffer) =>
    fc
      .array(
        fc.record({
          at: fc.nat(),
          value: fc.integer({ min: 0, max: 255 }),
          kind: fc.constantFrom("set", "cut", "double"),
        }),
        { minLength: 1, maxLength: 4 },
      )
      .map((changes) => changes.reduce((bytes, { at, value, kind }) => change(bytes, at, value, kind), message()));

  function change(bytes: Buffer, at: number, value: number, kind: string): Buffer {
    if (bytes.length === 0) return bytes;
    const index = at % bytes.length;
    if (kind === "cut") return Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + 1)]);
    if (kind === "double") return Buffer.concat([bytes, bytes.subarray(index)]);
    const copy = Buffer.from(bytes);
    copy[index] = value;
    return copy;
  }

  const KINDS: [string, string, fc.Arbitrary<Uint8Array>][] = [
    ["random bytes to a typed method", TYPED, fc.uint8Array({ maxLength: 300 })],
    ["damaged messages to a typed method", TYPED, mutated(good)],
    ["random bytes to ModelInfer", INFER, fc.uint8Array({ maxLength: 300 })],
    ["damaged messages to ModelInfer", INFER, mutated(goodInfer)],
    [
      "well-formed nonsense to ModelInfer",
      INFER,
      INFER_REQUEST.map((request) =>
        wire.ModelInferRequest.encode(wire.ModelInferRequest.fromPartial(request)).finish(),
      ),
    ],
  ];

  for (const [name, method, requests] of KINDS) {
    it(`answers ${RUNS} times ${name}, each with its reason, and then a good request rightly`, async () => {
      await flood(method, fc.sample(requests, { numRuns: RUNS, seed: 20_26 }));
    }).timeout(120_000);
  }

  it("has met ten thousand of them with the same process, the same worker and flat memory", async () => {
    assert(sent >= 5 * RUNS);
    assert.equal(fleet.process.exitCode, null);
    assert.equal(await fleet.metric("flotilla_worker_restarts_total"), 0);
    const grown = (await fleet.metric("process_resident_memory_bytes")) - residentBefore;
    assert(grown < 64 * 2 ** 20, `memory grew by ${Math.round(grown / 2 ** 20)} MiB`);
    assert.doesNotMatch(fleet.log, /"level":"error"/);
  });
});

function goodInfer(): Buffer {
  return Buffer.from(
    wire.ModelInferRequest.encode(
      wire.ModelInferRequest.fromPartial({
        modelName: "test.scale.v1",
        inputs: [{ name: "x", datatype: "FP32", shape: [1, 3] }],
        rawInputContents: [Buffer.from(new Float32Array([1, 2, 3]).buffer)],
      }),
    ).finish(),
  );
}
