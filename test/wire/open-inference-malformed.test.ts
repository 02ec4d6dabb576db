import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { credentials, makeClientConstructor, type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { ModelInferRequest, ModelInferResponse } from "../../generated/ts/inference/grpc_service.js";
import { DATATYPES } from "../../src/contract/datatype.js";
import { rawMethod } from "../../src/grpc/raw-method.js";
import { type OpenInferenceServer, startOpenInferenceServer } from "./open-inference-server.js";

const TIMEOUT_MS = 180_000;
const REQUESTS = 10_000;
const AT_ONCE = 50;
/** What the heap may grow by, warmed up and collected: far less than a leak of one request's size each would add. */
const MAX_GROWTH_BYTES = 32 * 2 ** 20;

/** What a caller at fault may be told. Anything else would be a fault of ours. */
const ALLOWED = new Set([
  status.OK,
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.UNIMPLEMENTED,
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
]);

type Send = (request: Buffer) => Promise<{ code: status; details: string; answer: Buffer | undefined }>;

const shape = fc.array(
  fc.oneof(fc.integer({ min: -3, max: 4 }), fc.constantFrom(2 ** 31, 2 ** 40, 2 ** 53 - 1, -(2 ** 53) + 1)),
  {
    maxLength: 6,
  },
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const parameter = fc.record(
  { boolParam: fc.boolean(), int64Param: fc.integer(), stringParam: fc.string(), doubleParam: fc.double() },
  { requiredKeys: [] },
);
const parameters = fc.dictionary(
  fc.constantFrom("sequence_id", "shared_memory_region", "timeout", "classification", "priority", "other"),
  parameter,
  { maxKeys: 2 },
);
const contents = fc.record(
  {
    fp32Contents: fc.array(fc.float(), { maxLength: 8 }),
    intContents: fc.array(fc.integer(), { maxLength: 8 }),
    boolContents: fc.array(fc.boolean(), { maxLength: 4 }),
    bytesContents: fc.array(bytes, { maxLength: 4 }),
  },
  { requiredKeys: [] },
);
const input = fc.record(
  {
    name: fc.constantFrom("x", "a", "b", "text", "number", "", "half"),
    datatype: fc.constantFrom(...DATATYPES, "BF16", ""),
    shape,
    parameters,
    contents,
  },
  { requiredKeys: [] },
);

/** Requests that are well-formed protobuf and nonsense otherwise. */
const nonsense = fc
  .record(
    {
      modelName: fc.constantFrom("scale", "text", "scalar", "half", "add", "broken", "../scale", "scale/1", ""),
      modelVersion: fc.constantFrom("", "1", "2", "latest"),
      id: fc.string(),
      parameters,
      inputs: fc.array(input, { maxLength: 3 }),
      outputs: fc.array(fc.record({ name: fc.constantFrom("y", "x", "text_out", "") }), { maxLength: 2 }),
      rawInputContents: fc.array(bytes, { maxLength: 3 }),
    },
    { requiredKeys: [] },
  )
  .map((request) => Buffer.from(ModelInferRequest.encode(ModelInferRequest.fromPartial(request as never)).finish()));

/** A good request with a few bytes changed, or cut off. */
const damaged = fc
  .tuple(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }), fc.option(fc.nat()))
  .map(([edits, cut]) => {
    const request = goodRequest();
    for (const [at, value] of edits) request[at % request.length] = value;
    return cut === null ? request : request.subarray(0, cut % request.length);
  });

const malformed = fc.oneof(nonsense, damaged, bytes);

function goodRequest(): Buffer {
  const request = ModelInferRequest.fromPartial({
    modelName: "scale",
    inputs: [{ name: "x", datatype: "FP32", shape: [1, 3], contents: { fp32Contents: [1, 2, 3] } }],
  });
  return Buffer.from(ModelInferRequest.encode(request).finish());
}

describe("Open Inference Protocol, malformed requests", () => {
  let server: OpenInferenceServer;
  let send: Send;
  let close: () => void;
  before(async function () {
    this.timeout(TIMEOUT_MS);
    server = await startOpenInferenceServer();
    ({ send, close } = connect(server.target));
  });
  after(async () => {
    close();
    await server.close();
  });

  it(`answers ${REQUESTS} malformed requests with the caller's fault, stays right, and keeps its memory`, async function () {
    this.timeout(TIMEOUT_MS);
    await storm(send, REQUESTS / 10);
    const before = usedBytes();
    await storm(send, REQUESTS);
    const good = await send(goodRequest());
    assert.equal(good.code, status.OK, good.details);
    const [output] = ModelInferResponse.decode(good.answer!).outputs;
    assert.deepEqual(output?.contents?.fp32Contents, [3, 6, 9]);
    const grown = usedBytes() - before;
    assert.ok(grown < MAX_GROWTH_BYTES, `memory grew by ${grown} bytes`);
  });
});

async function storm(send: Send, requests: number): Promise<void> {
  const batches = fc.asyncProperty(fc.array(malformed, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (batch) => {
    const answers = await Promise.all(batch.map(send));
    for (const { code, details } of answers) {
      assert.ok(ALLOWED.has(code), `${status[code]}: ${details}`);
      assert.ok(details.length < 2000, `a message of ${details.length} characters`);
    }
  });
  await fc.assert(batches, { numRuns: requests / AT_ONCE, endOnFailure: true });
}

/** Heap and buffers, once what is garbage has gone. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function connect(target: string): { send: Send; close: () => void } {
  const Client = makeClientConstructor({ ModelInfer: rawMethod("/inference.GRPCInferenceService/ModelInfer") }, "Raw");
  const client = new Client(target, credentials.createInsecure());
  const send: Send = (request) =>
    new Promise((resolve) => {
      client.ModelInfer!(request, (error: ServiceError | null, answer: Buffer | undefined) =>
        resolve({ code: error?.code ?? status.OK, details: error?.details ?? "", answer }),
      );
    });
  return { send, close: () => client.close() };
}
