import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fleetJsonSchema, type JsonSchema, placesOfKey, schemaAt } from "../../src/fleet/json-schema.js";
import { DEFAULTS } from "../../src/fleet/schema.js";
import { JSON_SCHEMA_FILE, jsonSchemaText } from "../../src/fleet/write-json-schema.js";

function properties(schema: JsonSchema, path = ""): [string, JsonSchema][] {
  const own = Object.entries(schema.properties ?? {}).map(([key, value]): [string, JsonSchema] => [
    `${path}.${key}`,
    value,
  ]);
  const values = [...own];
  if (schema.items) values.push([`${path}[]`, schema.items]);
  if (schema.additionalProperties) values.push([`${path}.*`, schema.additionalProperties]);
  return [...own, ...values.flatMap(([at, value]) => properties(value, at))];
}

describe("docs/fleet.schema.json", () => {
  it("says what the code says", () => {
    assert.equal(
      readFileSync(JSON_SCHEMA_FILE, "utf8"),
      jsonSchemaText(),
      "it is stale: run `node dist/src/fleet/write-json-schema.js`",
    );
  });

  it("describes every field, so that editors can show it", () => {
    const all = properties(fleetJsonSchema());
    assert(all.length > 50);
    assert.deepEqual(
      all.filter(([, schema]) => !schema.description).map(([path]) => path),
      [],
    );
  });

  it("shows the defaults as they are written in the file", () => {
    assert.equal(schemaAt(["spec", "defaults", "deadline"])?.default, DEFAULTS.deadline);
    assert.equal(schemaAt(["spec", "defaults", "resources", "memory"])?.default, DEFAULTS.memory);
  });

  it("refuses keys that the format does not know", () => {
    assert.equal(fleetJsonSchema().additionalProperties, false);
    assert.equal(schemaAt(["spec", "contracts", 0, "nothing"]), undefined);
    assert.equal(schemaAt(["spec", "contracts", 0, "toString"]), undefined);
  });
});

describe("placesOfKey()", () => {
  it("tells every place of a key", () => {
    assert.deepEqual(placesOfKey("replicas"), ["spec.defaults", "spec.contracts[].revisions.<name>", "spec.bridges[]"]);
    assert.deepEqual(placesOfKey("kind"), [""]);
    assert.deepEqual(placesOfKey("nothing"), []);
  });
});
