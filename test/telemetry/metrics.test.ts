import assert from "node:assert/strict";
import { AggregatorRegistry, Counter, Histogram, Registry } from "prom-client";
import { METRIC, SECONDS_BUCKETS } from "../../src/telemetry/metric-names.js";
import { Metrics } from "../../src/telemetry/metrics.js";

const MODEL = { contract: 'acme.fr"aud.v1', revision: "r1" };
/** On bounds, between them, under the first and above the last. */
const SECONDS = [0, 0.0001, 0.00011, 0.003, 0.003, 29.9, 30, 31];

describe("the server's metrics", () => {
  it("say of a model's calls what prom-client's own would", async () => {
    const [metrics, registry] = [new Metrics(), new Registry()];
    const buckets = [...SECONDS_BUCKETS];
    const labelNames = ["contract", "revision"];
    const own = new Histogram({ name: METRIC.duration, help: "h", labelNames, buckets, registers: [registry] });
    for (const value of SECONDS) {
      own.observe(MODEL, value);
      metrics.models.of(MODEL).duration.observe(value);
    }
    assert.deepEqual(
      lines(await metrics.registry.getSingleMetricAsString(METRIC.duration)),
      lines(await registry.getSingleMetricAsString(METRIC.duration)),
    );
  });

  it("count calls by method and code, and go on counting behind a scrape", async () => {
    const [metrics, registry] = [new Metrics(), new Registry()];
    const labelNames = ["contract", "revision", "method", "code"];
    const own = new Counter({ name: METRIC.requests, help: "h", labelNames, registers: [registry] });
    for (const [method, code] of [
      ["Predict", "OK"],
      ["Predict", "OK"],
      ["Predict", "INTERNAL"],
      ["Explain", "OK"],
    ] as const) {
      own.inc({ ...MODEL, method, code });
      metrics.models.of(MODEL).answered(method, code);
      assert.deepEqual(
        lines(await metrics.registry.getSingleMetricAsString(METRIC.requests)),
        lines(await registry.getSingleMetricAsString(METRIC.requests)),
      );
    }
  });

  it("leave revisions out of which there is nothing to say", async () => {
    const { registry, models } = new Metrics();
    models.of({ contract: "acme.fraud.v1", revision: "" }).answered("Predict", "NOT_FOUND");
    models.of(MODEL).duration.observe(1);
    const text = await registry.metrics();
    assert.deepEqual(
      text.split("\n").filter((line) => line.includes('revision=""')),
      ['flotilla_requests_total{contract="acme.fraud.v1",revision="",method="Predict",code="NOT_FOUND"} 1'],
    );
    assert.doesNotMatch(text, /flotilla_queue_duration_seconds_count/);
  });

  it("are added up over the processes of a server", async () => {
    const processes = [new Metrics(), new Metrics()];
    for (const { models } of processes) {
      models.of(MODEL).duration.observe(0.003);
      models.of(MODEL).inFlight = 2;
      models.of(MODEL).answered("Predict", "OK");
    }
    const pages = await Promise.all(processes.map(({ registry }) => registry.getMetricsAsJSON()));
    const text = await AggregatorRegistry.aggregate(pages as never).metrics();
    assert.match(text, /^flotilla_request_duration_seconds_bucket\{le="0\.005",[^}]*\} 2$/m);
    assert.match(text, /^flotilla_request_duration_seconds_sum\{[^}]*\} 0\.006$/m);
    assert.match(text, /^flotilla_requests_in_flight\{[^}]*\} 4$/m);
    assert.match(text, /^flotilla_requests_total\{[^}]*\} 2$/m);
  });
});

/** Without the help texts. */
function lines(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => !line.startsWith("# HELP"))
    .sort();
}
