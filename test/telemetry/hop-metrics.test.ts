import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { HopMetrics } from "../../src/telemetry/hop-metrics.js";

describe("HopMetrics", () => {
  const HOP = { from: "checkout", to: "acme.fraud.v1", revision: "r2", overheadMs: 3 };

  it("counts what a hop added, by who called, what was called, and who answered", async () => {
    const registry = new Registry();
    const { onHop } = new HopMetrics(registry);
    onHop(HOP);
    onHop({ ...HOP, overheadMs: 7 });
    const text = await registry.metrics();
    const labels = 'from="checkout",to="acme.fraud.v1",revision="r2"';
    assert.ok(text.includes(`flotilla_hop_overhead_seconds_sum{${labels}} 0.01\n`), text);
    assert.ok(text.includes(`flotilla_hop_overhead_seconds_count{${labels}} 2\n`), text);
  });

  it("counts no hop whose server said nothing of its time", async () => {
    const registry = new Registry();
    new HopMetrics(registry).onHop({ ...HOP, overheadMs: undefined });
    assert.doesNotMatch(await registry.metrics(), /^flotilla_hop/m);
  });
});
