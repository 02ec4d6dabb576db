import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fleetJsonSchema, type JsonSchema } from "../../src/fleet/json-schema.js";
import { DEFAULTS } from "../../src/fleet/schema.js";
import { MESH_DEFAULTS } from "../../src/fleet/schema-mesh.js";
import { findingsOfText } from "./sample.js";

const PAGE = readFileSync("docs/fleet-file.md", "utf8");

/** Last word of each field that has no fields of its own. */
function leaves(schema: JsonSchema): string[] {
  const inner = { ...schema.properties };
  const below = [...Object.values(inner), ...[schema.items, schema.additionalProperties || undefined]].filter(
    (one) => one !== undefined,
  );
  const own = Object.entries(inner).filter(([, value]) => value.properties === undefined);
  return [...own.map(([key]) => key), ...below.flatMap(leaves)];
}

describe("docs/fleet-file.md", () => {
  const examples = [...PAGE.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);

  it("shows fleets that load", () => {
    assert.equal(examples.length, 2);
    for (const example of examples) assert.deepEqual(findingsOfText(example), []);
  });

  it("has a row for every field of the format", () => {
    const rows = PAGE.split("\n").filter((line) => line.startsWith("| `"));
    const missing = [...new Set(leaves(fleetJsonSchema()))].filter(
      (key) => !rows.some((row) => new RegExp(`^\\| \`([\\w.]+\\.)?${key}\``).test(row)),
    );
    assert.deepEqual(missing, []);
  });

  it("says each default as the code has it", () => {
    const rows: [string, string | number][] = [
      ["metadata.namespace", DEFAULTS.namespace],
      ["deadline", DEFAULTS.deadline],
      ["fallback.when.consecutiveErrors", MESH_DEFAULTS.consecutiveErrors],
      ["batching.maxSize", DEFAULTS.batchingMaxSize],
      ["batching.maxDelay", DEFAULTS.batchingMaxDelay],
      ["batching.padding.axis", DEFAULTS.paddingAxis],
      ["queue.size", DEFAULTS.queueSize],
      ["workers", DEFAULTS.workers],
      ["resources.cpu", DEFAULTS.cpu],
      ["resources.memory", DEFAULTS.memory],
      ["replicas.min", DEFAULTS.replicasMin],
      ["replicas.max", DEFAULTS.replicasMax],
      ["replicas.cpuUtilization", DEFAULTS.cpuUtilization],
    ];
    for (const [field, value] of rows) assert(PAGE.includes(`| \`${field}\` | \`${value}\``), field);
  });
});
