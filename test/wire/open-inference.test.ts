import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientDuplexStream, credentials, makeClientConstructor, type ServiceError, status } from "@grpc/grpc-js";
import { ModelInferRequest, ModelStreamInferResponse } from "../../generated/ts/inference/grpc_service.js";
import { DATATYPES } from "../../src/contract/datatype.js";
import { rawMethod } from "../../src/grpc/raw-method.js";
import { type OpenInferenceServer, startOpenInferenceServer } from "./open-inference-server.js";
import { runPythonCases } from "./python-cases.js";

const START_TIMEOUT_MS = 180_000;

/** One test for each case that a Python script ran. The names stand here so that a case that vanishes is missed. */
function describeCases(
  title: string,
  script: string,
  options: { server: () => OpenInferenceServer; names: readonly string[] },
): void {
  describe(title, () => {
    let results: Record<string, string> = {};
    before(async function () {
      this.timeout(START_TIMEOUT_MS);
      results = await runPythonCases(script, options.server().target);
    });
    for (const name of options.names) {
      it(name, () => assert.equal(results[name], "ok", results[name] ?? "the script has no such case"));
    }
    it("names every case of the script", () =>
      assert.deepEqual(Object.keys(results).sort(), [...options.names].sort()));
  });
}

describe("Open Inference Protocol", () => {
  let server: OpenInferenceServer;
  let controlled: OpenInferenceServer;
  before(async function () {
    this.timeout(START_TIMEOUT_MS);
    server = await startOpenInferenceServer();
    controlled = await startOpenInferenceServer({ allowRepositoryControl: true });
  });
  after(async function () {
    this.timeout(START_TIMEOUT_MS);
    await Promise.all([server.close(), controlled.close()]);
  });

  describeCases("ModelInfer, by tritonclient", "infer_cases.py", {
    server: () => server,
    names: [
      ...DATATYPES.filter((datatype) => datatype !== "FP16").flatMap((datatype) => [
        `${datatype} raw`,
        `${datatype} typed`,
      ]),
      "FP16 raw",
      "FP16 typed is refused",
      "a typed request whose output is FP16 is answered raw",
      "BYTES raw and typed are the same answer",
      "scalars",
      "an empty batch",
      "a large tensor",
      "outputs that are asked for, in that order",
      "inputs in any order",
      "id, name and version come back",
      "a version is chosen by name, by metadata, or by the server",
      "trailers say revision, digest and timing",
      "parameters that are hints are let through",
      "compressed requests",
      "sequences, shared memory and classification are refused",
      "mistakes are named: model, tensor, expected, got",
      "raw contents that do not fit are named",
      "a run that fails tells the caller nothing of the inside",
      "a deadline ends a call",
      "the parameter timeout ends a call that waits",
      "a call that is cancelled while it waits is never run",
    ],
  });

  describeCases("questions, by tritonclient", "server_cases.py", {
    server: () => server,
    names: [
      "the server is live and ready",
      "the server says what it is",
      "a model is ready, one that is broken or unknown is not",
      "a model says what it takes and gives",
      "a model says how it is set up",
      "a batched model leaves the batch dimension out of its set-up",
      "statistics are true",
      "statistics count calls that fail",
      "statistics of all models, of all versions, of one version",
      "the index lists every model with its state and the reason",
      "load and unload are refused, and the message says how to allow them",
    ],
  });

  describeCases("ModelStreamInfer, by tritonclient", "stream_cases.py", {
    server: () => server,
    names: [
      "answers come in the order of requests",
      "a request that fails is answered with its id, and the stream goes on",
      "an error carries the id of its request on the wire",
      "a stream mixes models, versions and datatypes",
      "the final response is marked where asked",
      "a stream that is cancelled ends at once",
      "a stream's deadline ends it",
    ],
  });

  describeCases("tritonclient with asyncio", "aio_cases.py", {
    server: () => server,
    names: [
      "questions about server and model",
      "many calls beside one another get their own answers",
      "an error comes as the client's own exception",
      "a stream answers good and bad requests in order",
    ],
  });

  describeCases("repository control, by tritonclient", "control_cases.py", {
    server: () => controlled,
    names: [
      "a model is unloaded and loaded again",
      "what is not there can't be loaded or unloaded",
      "a model's files come from the server's folder, never from a caller",
    ],
  });

  it("refuses an answer that is larger than the limit, and names the model", async function () {
    this.timeout(START_TIMEOUT_MS);
    const small = await startOpenInferenceServer({ maxMessageBytes: scaleRequest().length });
    const error = await callRaw(small.target, "ModelInfer", scaleRequest());
    await small.close();
    assert.equal(error?.code, status.RESOURCE_EXHAUSTED);
    assert.match(error?.details ?? "", /^model "scale": the answer has \d+ bytes, the server sends at most \d+: /);
  });

  it("counts inferences by contract, revision and code, and makes no label of what a caller made up", async () => {
    await callRaw(server.target, "ModelInfer", scaleRequest());
    await callRaw(server.target, "ModelInfer", Buffer.from([0x0a, 2, 0x7a, 0x7a]));
    const text = await server.metrics.registry.getSingleMetricAsString("flotilla_requests_total");
    assert.match(text, /\{contract="scale",revision="2",method="ModelInfer",code="OK"\} [1-9]/);
    assert.match(text, /\{contract="",revision="",method="ModelInfer",code="NOT_FOUND"\} [1-9]/);
  });

  it("ends a stream with UNAVAILABLE when the server drains, once its requests are answered", async function () {
    this.timeout(START_TIMEOUT_MS);
    const draining = await startOpenInferenceServer();
    const Client = makeClientConstructor(
      { ModelStreamInfer: rawMethod("/inference.GRPCInferenceService/ModelStreamInfer", true) },
      "Raw",
    );
    const client = new Client(draining.target, credentials.createInsecure());
    const call = client.ModelStreamInfer!() as ClientDuplexStream<Buffer, Buffer>;
    call.write(scaleRequest());
    const [answer] = await once(call, "data");
    const closed = draining.close();
    const [error] = await once(call, "error");
    client.close();
    await closed;
    assert.deepEqual(
      ModelStreamInferResponse.decode(answer).inferResponse?.outputs[0]?.contents?.fp32Contents,
      [3, 6, 9],
    );
    assert.equal(error.code, status.UNAVAILABLE);
    assert.match(error.details, /draining/);
  });

  describe("messages that no client makes", () => {
    const methods = ["ModelInfer", "ModelMetadata", "ModelReady", "RepositoryModelLoad"];
    for (const method of methods) {
      it(`${method} refuses what is no protobuf with INVALID_ARGUMENT`, async () => {
        const error = await callRaw(server.target, method, Buffer.from([0x0a, 0x7f, 0x01]));
        assert.equal(error?.code, status.INVALID_ARGUMENT, String(error));
        assert.match(error?.details ?? "", /not valid protobuf/);
      });
    }

    it("refuses a name that is no UTF-8", async () => {
      const error = await callRaw(server.target, "ModelInfer", Buffer.from([0x0a, 2, 0xc3, 0x28]));
      assert.equal(error?.code, status.INVALID_ARGUMENT);
      assert.match(error?.details ?? "", /model_name: invalid UTF-8/);
    });

    it("answers a name of a megabyte with a short message", async () => {
      const name = Buffer.alloc(2 ** 20, "x");
      const field = Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x40]), name]);
      for (const method of ["ModelInfer", "ModelMetadata"]) {
        const error = await callRaw(server.target, method, field);
        assert.equal(error?.code, status.NOT_FOUND, String(error));
        assert.ok(error.details.length < 400);
      }
    });
  });
});

function scaleRequest(): Buffer {
  const contents = { fp32Contents: [1, 2, 3] };
  const inputs = [{ name: "x", datatype: "FP32", shape: [1, 3], contents }];
  return Buffer.from(ModelInferRequest.encode(ModelInferRequest.fromPartial({ modelName: "scale", inputs })).finish());
}

/** Sends bytes as they are. @returns the error, or undefined where the call was answered */
function callRaw(target: string, method: string, request: Buffer): Promise<ServiceError | undefined> {
  const Client = makeClientConstructor({ [method]: rawMethod(`/inference.GRPCInferenceService/${method}`) }, "Raw");
  const client = new Client(target, credentials.createInsecure());
  return new Promise((resolve) => {
    client[method]!(request, (error: ServiceError | null) => {
      client.close();
      resolve(error ?? undefined);
    });
  });
}
