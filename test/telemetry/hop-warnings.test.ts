import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { HopMetrics } from "../../src/telemetry/hop-metrics.js";
import { HopWarnings } from "../../src/telemetry/hop-warnings.js";
import type { Log } from "../../src/telemetry/log.js";

const HOP = { from: "acme.ocr.v1", to: "acme.fraud.v1", revision: "r2", overheadMs: 12 };

describe("HopWarnings", () => {
  it("warns at once, then once a minute with how many calls were over", () => {
    let nowMs = 0;
    const told: object[] = [];
    const log = { warn: (fields: object) => told.push(fields) } as unknown as Log;
    const { onOver } = new HopWarnings(log, () => nowMs);
    for (const atMs of [0, 1000, 59_000, 61_000]) {
      nowMs = atMs;
      onOver({ hop: HOP, overheadMs: 12.34, budgetMs: 10 });
    }
    const warning = { from: "acme.ocr.v1", to: "acme.fraud.v1", revision: "r2", overheadMs: 12.3, budgetMs: 10 };
    assert.deepEqual(told, [
      { ...warning, calls: 1 },
      { ...warning, calls: 3 },
    ]);
  });
});

describe("HopMetrics with budgets", () => {
  it("counts and tells of hops over their budget alone", async () => {
    const registry = new Registry();
    const over: number[] = [];
    const budgets = { budgetMs: (to: string) => (to === HOP.to ? 10 : undefined) };
    const { onHop } = new HopMetrics(registry, { ...budgets, onOver: ({ overheadMs }) => over.push(overheadMs) });
    for (const overheadMs of [9, 10, 11, 12]) onHop({ ...HOP, overheadMs });
    onHop({ ...HOP, to: "acme.voice.v1", overheadMs: 500 });
    assert.deepEqual(over, [11, 12]);
    const labels = 'from="acme.ocr.v1",to="acme.fraud.v1",revision="r2"';
    assert.ok((await registry.metrics()).includes(`flotilla_hop_over_budget_total{${labels}} 2\n`));
  });
});
