import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { loadFleet } from "../../src/fleet/load.js";
import { moduleDigest } from "../../src/fleet/module-digest.js";

describe("the example fleet", () => {
  const fleet = loadFleet("fleet.yaml");
  const full = loadFleet("fleet.full.yaml");

  for (const { name, transform, example, revisions } of full.contracts) {
    it(`${name} has the models and compositions that the fleet file says, byte by byte`, async () => {
      for (const { model, module, sha256 } of revisions) {
        if (module !== undefined) assert.equal(await moduleDigest(module.path), sha256, module.path);
        if (model === undefined) continue;
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
