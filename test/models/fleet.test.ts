import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { loadFleet } from "../../src/fleet/load.js";

describe("the example fleet", () => {
  const fleet = loadFleet("fleet.yaml");
  const full = loadFleet("fleet.full.yaml");

  for (const { name, transform, example, revisions } of full.contracts) {
    it(`${name} has the models that the fleet file says, byte by byte`, () => {
      for (const { model, sha256 } of revisions) {
        assert.ok(existsSync(model), `${model}: not there; run \`npm ci\`, and \`make models-python\``);
        assert.equal(createHash("sha256").update(readFileSync(model)).digest("hex"), sha256, model);
      }
    });

    it(`${name} has a contract, an example and the transform that it names`, () => {
      const folder = name.replaceAll(".", "/");
      assert.ok(existsSync(`proto/${folder}/${name.split(".").at(-2)}_service.proto`));
      assert.ok(example && existsSync(example), `example of ${name}`);
      assert.ok(transform === undefined || existsSync(transform), transform);
    });
  }

  it("is, in the full fleet file, the same and one contract more", () => {
    const { contracts, ...rest } = full;
    assert.deepEqual({ ...rest, contracts: contracts.slice(0, -1) }, fleet);
    assert.equal(contracts.at(-1)!.name, "acme.embedding.v1");
  });
});
