import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { loadFleet } from "../../src/fleet/load.js";
import type { ImageContext } from "../../src/packaging/context-folder.js";
import { contractLayers } from "../../src/packaging/contract-layer.js";
import type { ImageFile } from "../../src/packaging/image-file.js";
import { ownPlatform } from "../../src/packaging/platform.js";
import { revisionImage } from "../../src/packaging/revision-image.js";
import { runtimeImage } from "../../src/packaging/runtime-image.js";
import { SBOM_FILE, sbomFile } from "../../src/packaging/sbom.js";

interface Bom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly metadata: { readonly component: { readonly name: string } };
  readonly components: readonly {
    readonly type: string;
    readonly name: string;
    readonly purl?: string;
    readonly hashes?: readonly { readonly content: string }[];
    readonly licenses?: readonly { readonly expression?: string; readonly license?: { readonly name: string } }[];
  }[];
}

/** Licences that let anybody use, change and pass on, with no more asked than their text. */
const PERMISSIVE = new Set(
  "MIT ISC Apache-2.0 BSD-2-Clause BSD-3-Clause 0BSD BlueOak-1.0.0 Unlicense CC0-1.0 Python-2.0".split(" "),
);
const isPermissive = (expression = "") =>
  expression
    .replace(/[()]/g, "")
    .split(/ AND | OR /)
    .every((licence) => PERMISSIVE.has(licence));

function bomIn({ layers }: ImageContext): Bom {
  const files = Object.values(layers).flat();
  const [file, ...others] = files.filter(({ path }) => path === SBOM_FILE);
  assert.equal(others.length, 0);
  return read(file!);
}

function read({ content }: ImageFile): Bom {
  assert("bytes" in content);
  return JSON.parse(Buffer.from(content.bytes).toString("utf8"));
}

describe("an image's bill of materials", () => {
  const fleet = loadFleet("fleet.yaml");

  async function revisionOf(contractName: string): Promise<ImageContext> {
    const contract = fleet.contracts.find(({ name }) => name === contractName)!;
    const layers = await contractLayers(fleet, contract, ownPlatform());
    try {
      return await revisionImage({ fleet, contract, revision: contract.revisions[0]! }, layers);
    } finally {
      layers.close();
    }
  }

  it("names every package of the runtime as npm does, and each has a licence that lets it be passed on", async () => {
    const image = await runtimeImage(ownPlatform());
    const bom = bomIn(image);
    assert.deepEqual([bom.bomFormat, bom.specVersion, bom.metadata.component.name], ["CycloneDX", "1.6", "flotilla"]);
    const folders = new Set(
      Object.values(image.layers)
        .flat()
        .flatMap(({ path }) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
    );
    assert.deepEqual(
      [...folders].filter((name) => !bom.components.some((one) => one.name === name)),
      [],
    );
    assert(bom.components.some(({ name }) => name === "onnxruntime-node"));
    const { stdout } = spawnSync("npm", ["sbom", "--sbom-format", "cyclonedx"], {
      encoding: "utf8",
      maxBuffer: 2 ** 27,
    });
    const known = new Set((JSON.parse(stdout) as Bom).components.map(({ purl }) => purl));
    assert.deepEqual(
      bom.components.map(({ purl }) => purl).filter((purl) => !known.has(purl)),
      [],
    );
    const odd = bom.components.filter(({ licenses }) => !isPermissive(licenses?.[0]?.expression));
    assert.deepEqual(
      odd.map(({ name, licenses }) => [name, licenses]),
      [],
    );
  }).timeout(60_000);

  it("names a revision's model with its digest, and what its transform imports", async () => {
    const plain = bomIn(await revisionOf("acme.tumor.v1"));
    const { revisions } = fleet.contracts.find(({ name }) => name === "acme.tumor.v1")!;
    assert.deepEqual(
      plain.components.map(({ type, name, hashes }) => [type, name, hashes?.[0]?.content]),
      [["machine-learning-model", "r1.onnx", revisions[0]!.sha256]],
    );
    const pictures = bomIn(await revisionOf("acme.digits.v1"));
    assert(pictures.components.some(({ name }) => name === "sharp"));
    assert.equal(pictures.metadata.component.name, "acme.digits.v1/r0");
  }).timeout(60_000);

  it("is the same for the same layers, and another one for others", () => {
    const manifest = (version: string): ImageFile => ({
      path: "node_modules/@a/b/package.json",
      content: { bytes: Buffer.from(JSON.stringify({ name: "@a/b", version, license: "MIT" })) },
    });
    const of = (version: string) => read(sbomFile({ name: "x", version: "1" }, { layer: [manifest(version)] }));
    assert.deepEqual(of("1.0.0"), of("1.0.0"));
    assert.notEqual(of("1.0.0").serialNumber, of("1.0.1").serialNumber);
    assert.equal(of("1.0.0").components[0]!.purl, "pkg:npm/%40a/b@1.0.0");
    assert.match(of("1.0.0").serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("takes licences as packages write them, old ways included, and says where one says nothing", () => {
    const licences = (facts: object) => {
      const content = { bytes: Buffer.from(JSON.stringify({ version: "1.0.0", ...facts })) };
      return read(sbomFile({ name: "x", version: "1" }, { layer: [{ path: "node_modules/a/package.json", content }] }))
        .components[0]!.licenses;
    };
    assert.deepEqual(licences({ license: "(MIT OR Apache-2.0)" }), [{ expression: "(MIT OR Apache-2.0)" }]);
    assert.deepEqual(licences({ license: { type: "ISC" } }), [{ expression: "ISC" }]);
    assert.deepEqual(licences({ licenses: [{ type: "MIT" }, { type: "BSD-3-Clause" }] }), [
      { expression: "(MIT OR BSD-3-Clause)" },
    ]);
    assert.deepEqual(licences({ license: "SEE LICENSE IN EULA.txt" }), [
      { license: { name: "SEE LICENSE IN EULA.txt" } },
    ]);
    assert.deepEqual(licences({}), [{ license: { name: "not said" } }]);
  });
});
