import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Metadata, Server, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { OpenFeature } from "@openfeature/server-sdk";
import { cohortFlags, cohortOf } from "../../docs/examples/typescript/cohorts.js";
import {
  type PredictRequest,
  PredictResponse,
  TumorServiceService,
} from "../../generated/ts/acme/tumor/v1/tumor_service.js";
import { listen } from "../client/listen.js";

describe("the example of feature flags", () => {
  after(() => OpenFeature.clearProviders());

  it("puts the share of the users that it should into each cohort, and leaves them there", async () => {
    await OpenFeature.setProviderAndWait("share", cohortFlags({ beta: 20, canary: 5 }));
    const flags = OpenFeature.getClient("share");
    const users = Array.from({ length: 4000 }, (_, index) => `user-${index}`);
    const cohorts = await Promise.all(users.map((user) => cohortOf(flags, user)));
    const percent = (cohort: string | undefined) =>
      (cohorts.filter((one) => one === cohort).length / users.length) * 100;
    assert(Math.abs(percent("beta") - 20) < 2, `${percent("beta")} %`);
    assert(Math.abs(percent("canary") - 5) < 1.5, `${percent("canary")} %`);
    assert.deepEqual(await Promise.all(users.map((user) => cohortOf(flags, user))), cohorts);
  });

  it("grows a cohort without taking anybody out of it", async () => {
    await OpenFeature.setProviderAndWait("small", cohortFlags({ beta: 5 }));
    await OpenFeature.setProviderAndWait("large", cohortFlags({ beta: 30 }));
    for (let index = 0; index < 500; index++) {
      const before = await cohortOf(OpenFeature.getClient("small"), `user-${index}`);
      if (before) assert.equal(await cohortOf(OpenFeature.getClient("large"), `user-${index}`), before);
    }
  });

  it("sends the header by which the mesh knows the cohort, and none for those in none", async () => {
    const headers: string[] = [];
    const server = new Server();
    const trailers = new Metadata();
    trailers.set("flotilla-revision", "r1");
    server.addService(TumorServiceService, {
      predict: (call: ServerUnaryCall<PredictRequest, PredictResponse>, done: sendUnaryData<PredictResponse>) => {
        headers.push(String(call.metadata.get("x-flotilla-cohort")[0] ?? "none"));
        done(null, PredictResponse.fromPartial({}), trailers);
      },
    });
    const { target, close } = await listen(server);
    const run = promisify(execFile);
    const { stdout } = await run("node_modules/.bin/tsx", ["docs/examples/typescript/flags.ts", target]);
    close();
    const printed = [...stdout.matchAll(/cohort (\w+), answered by r1/g)].map(([, cohort]) => cohort);
    assert.equal(printed.length, 10);
    assert.deepEqual(headers, printed);
    assert(headers.includes("beta") && headers.includes("none"), stdout);
  }).timeout(30_000);
});
