import assert from "node:assert/strict";
import { LIVENESS_SERVICE, PORT } from "../../src/fleet/names.js";
import { memberOf, model } from "../support/members.js";
import { workloadsOf } from "./synthesized.js";

describe("a server's probes", () => {
  const { startupProbe, readinessProbe, livenessProbe } = workloadsOf(
    memberOf(`name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }`),
  ).pod().containers[0]!;

  it("are gRPC's own health checks, at the port of gRPC", () => {
    for (const probe of [startupProbe, readinessProbe, livenessProbe]) assert.equal(probe!.grpc!.port, PORT.grpc);
  });

  it("restart a process that does not answer, not one whose model is not ready", () => {
    assert.equal(livenessProbe!.grpc!.service, LIVENESS_SERVICE);
    assert.equal(readinessProbe!.grpc!.service, undefined);
  });

  it("give a model five minutes to load, and look every second whether it has", () => {
    assert.equal(startupProbe!.periodSeconds, 1);
    assert(startupProbe!.failureThreshold! >= 300);
  });
});
