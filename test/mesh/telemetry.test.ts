import assert from "node:assert/strict";
import { accessLogFilter } from "../../mesh/access-log-filter.js";
import { contractTelemetry, fleetTelemetry } from "../../mesh/telemetry.js";
import { memberOf, model } from "../support/members.js";

function member(telemetry = "{}", more = "") {
  const spec = `telemetry: ${telemetry}\ningress: { via: gateway-api, host: models.example.com, tls: { secret: tls } }`;
  return memberOf(`name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }\n${more}`, spec);
}

describe("fleetTelemetry()", () => {
  it("samples what the fleet file says, and sends it to its provider", () => {
    const { fleet } = member("{ tracing: { sampling: 5, provider: otel } }");
    assert.deepEqual(fleetTelemetry(fleet).spec!.tracing, [
      { providers: [{ name: "otel" }], randomSamplingPercentage: 5 },
    ]);
  });

  it("leaves the provider to the mesh where the fleet file names none", () => {
    assert.deepEqual(fleetTelemetry(member().fleet).spec!.tracing, [{ randomSamplingPercentage: 1 }]);
  });

  it("silences the mesh's own access log, so that no call is logged twice", () => {
    for (const accessLogs of ["all", "errors", "off"]) {
      const { fleet } = member(`{ accessLogs: ${accessLogs} }`);
      assert.deepEqual(fleetTelemetry(fleet).spec!.accessLogging, [{ providers: [{ name: "envoy" }], disabled: true }]);
    }
  });
});

describe("contractTelemetry()", () => {
  it("is there only for a contract with a share of its own", () => {
    assert.deepEqual(contractTelemetry(member()), []);
    assert.deepEqual(contractTelemetry(member("{}", "sampling: 1")), []);
    const [own] = contractTelemetry(member("{}", "sampling: 0"));
    assert.equal(own!.spec!.tracing![0]!.randomSamplingPercentage, 0);
    assert.deepEqual(own!.spec!.selector!.matchLabels, { "flotilla.dev/contract": "acme.fraud.v1" });
  });
});

describe("accessLogFilter()", () => {
  /** The access logs that it adds, by the listeners that get them. */
  function logsOf(accessLogs: string) {
    const [filter] = accessLogFilter(member(`{ accessLogs: ${accessLogs} }`).fleet);
    const patches = filter?.spec?.configPatches ?? [];
    return new Map(
      patches.map(({ match, patch }) => {
        const { access_log: logs } = (patch!.value as { typed_config: { access_log: Record<string, unknown>[] } })
          .typed_config;
        assert.equal(logs.length, 1);
        return [match!.context!, logs[0]!];
      }),
    );
  }

  it("logs once on each side of a hop, and at the gateway in the fleet's namespace", () => {
    assert.deepEqual([...logsOf("all").keys()], ["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"]);
  });

  it("writes the gRPC status", () => {
    for (const log of logsOf("all").values()) assert.match(JSON.stringify(log), /"grpc_status":"%GRPC_STATUS/);
  });

  it("leaves out what was answered OK where only errors are wanted", () => {
    for (const log of logsOf("errors").values()) {
      assert.match(JSON.stringify(log.filter), /"grpc_status_filter":{"statuses":\["OK"\],"exclude":true}/);
    }
    for (const log of logsOf("all").values()) assert.equal(log.filter, undefined);
  });

  it("is not there where no log is wanted", () => {
    assert.equal(logsOf("off").size, 0);
  });
});
