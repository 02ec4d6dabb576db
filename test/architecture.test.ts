import assert from "node:assert/strict";
import { folderOf, type Import, importsOf, LAYERS, packagesOf, sourceFiles } from "./support/layers.js";

/** fleet/ checks names that the contract language fixes, and mesh/ reads the fleet alone. */
const NEIGHBOURS = new Set(["src/fleet -> src/contract"]);

describe("the layers", () => {
  const files = sourceFiles();
  const imports = files.flatMap(importsOf);

  it("cover every source file", () => {
    assert(files.length > 50, `${files.length} files`);
    assert.deepEqual(
      files.filter((file) => layerOf(file) === undefined),
      [],
    );
  });

  it("are imported downwards only", () => {
    assert.deepEqual(
      imports.filter((edge) => !isAllowed(edge)).map(({ from, to }) => `${from} -> ${to}`),
      [],
    );
  });

  it("have no cycle between files", () => {
    assert.deepEqual(findCycle(imports), undefined);
  });

  it("let one file alone import onnxruntime-node, and one alone read YAML", () => {
    const importers = (name: string) =>
      files.filter((file) => file.startsWith("src/") && packagesOf(file).includes(name));
    assert.deepEqual(importers("onnxruntime-node"), ["src/serving/session.ts"]);
    assert.deepEqual(
      importers("yaml").filter((file) => !file.startsWith("src/fleet/")),
      [],
    );
  });

  it("keep contract/ free of I/O, gRPC and ONNX Runtime", () => {
    const impure = /^(@grpc\/|onnxruntime|node:(?!buffer$))/;
    const bad = files.filter(
      (file) => file.startsWith("src/contract/") && packagesOf(file).some((name) => impure.test(name)),
    );
    assert.deepEqual(bad, []);
  });
});

function layerOf(file: string): number | undefined {
  const layer = LAYERS.findIndex((folders) => folders.includes(folderOf(file) ?? ""));
  return layer < 0 ? undefined : layer;
}

function isAllowed({ from, to }: Import): boolean {
  const [a, b] = [folderOf(from)!, folderOf(to)!];
  return (
    a === b || layerOf(from)! > layerOf(to)! || NEIGHBOURS.has(`${a} -> ${b}`) || (a === "src/bin" && b === "src/cli")
  );
}

/** The first cycle met on a walk along the imports, as its files. */
function findCycle(imports: readonly Import[]): string[] | undefined {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of targets.get(file) ?? []) {
      const cycle = walk(target, [...trail, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of targets.keys()) {
    const cycle = walk(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}
