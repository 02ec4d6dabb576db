import assert from "node:assert/strict";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { service } from "grpc-health-check";
import { compileContract } from "../support/contract-fixture.js";
import { scaleModel } from "../support/onnx-builder.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { SCALE } from "./contracts.js";

type Answer = { status?: string; statuses?: Record<string, { status: string }> };

describe("grpc.health.v1.Health", () => {
  let server: TestServer;
  let client: Client;

  before(async () => {
    server = await startTestServer([
      { contract: compileContract("test.good.v1", SCALE), revisions: { r1: scaleModel({ factor: 2 }) } },
      { contract: compileContract("test.bad.v1", SCALE), revisions: { r1: Buffer.from("no model") } },
    ]);
    client = new Client(server.address, credentials.createInsecure());
  });
  after(async () => {
    client.close();
    await server.close();
  });

  function ask(method: string, name = "", asked = client): Promise<Answer> {
    const { path, requestSerialize, responseDeserialize } = service[method]!;
    return new Promise((resolve, reject) => {
      asked.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize as (bytes: Buffer) => Answer,
        { service: name },
        (error, answer) => (error ? reject(error) : resolve(answer!)),
      );
    });
  }

  it("says of each service whether its model is ready, and of the whole whether one is", async () => {
    assert.equal((await ask("Check")).status, "SERVING");
    assert.equal((await ask("Check", "test.good.v1.ScaleService")).status, "SERVING");
    assert.equal((await ask("Check", "test.bad.v1.ScaleService")).status, "NOT_SERVING");
    assert.equal((await ask("Check", "inference.GRPCInferenceService")).status, "SERVING");
  });

  it("answers a service that is not there with NOT_FOUND", async () => {
    await assert.rejects(
      ask("Check", "test.none.v1.Service"),
      (error: ServiceError) => error.code === status.NOT_FOUND,
    );
  });

  it("says that the process answers, whether or not a model is ready and while it drains", async () => {
    const broken = await startTestServer([
      { contract: compileContract("test.bad.v1", SCALE), revisions: { r1: Buffer.from("no model") } },
    ]);
    const other = new Client(broken.address, credentials.createInsecure());
    const states = async () => {
      const [overall, liveness] = await Promise.all([
        ask("Check", "", other),
        ask("Check", "flotilla.liveness", other),
      ]);
      return [overall.status, liveness.status];
    };
    assert.deepEqual(await states(), ["NOT_SERVING", "SERVING"]);
    broken.server.health.drain();
    assert.deepEqual(await states(), ["NOT_SERVING", "SERVING"]);
    other.close();
    await broken.close();
  });

  it("lists all services", async () => {
    const { statuses } = await ask("List");
    assert.deepEqual(Object.fromEntries(Object.entries(statuses!).map(([name, entry]) => [name, entry.status])), {
      "": "SERVING",
      "flotilla.liveness": "SERVING",
      "inference.GRPCInferenceService": "SERVING",
      "test.good.v1.ScaleService": "SERVING",
      "test.bad.v1.ScaleService": "NOT_SERVING",
    });
  });

  it("tells those who watch when a model is unloaded and loaded again", async () => {
    const { path, requestSerialize, responseDeserialize } = service.Watch!;
    const watch = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => Answer,
      { service: "test.good.v1.ScaleService" },
    );
    watch.on("error", () => {});
    const seen: string[] = [];
    const next = () =>
      new Promise<void>((resolve) =>
        watch.once("data", (answer: Answer) => {
          seen.push(answer.status!);
          resolve();
        }),
      );
    const until = async (wanted: string) => {
      while (seen.at(-1) !== wanted) await next();
    };
    await until("SERVING");
    const gone = until("NOT_SERVING");
    await server.repository.unload("test.good.v1");
    await gone;
    const back = until("SERVING");
    await server.repository.load("test.good.v1");
    await back;
    watch.cancel();
    assert.deepEqual(
      seen.filter((state, index) => state !== seen[index - 1]),
      ["SERVING", "NOT_SERVING", "SERVING"],
    );
  });
});
