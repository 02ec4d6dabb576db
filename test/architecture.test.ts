import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./support/contract-fixture.js";

/** Folders by layer. Imports go to a lower layer, or stay within their own folder. */
const LAYERS: readonly (readonly string[])[] = [
  ["generated"],
  ["src/contract", "src/fleet", "src/telemetry"],
  ["src/serving", "mesh"],
  ["src/grpc", "src/client", "src/packaging", "src/events", "src/testing", "src/kubectl", "cdk8s"],
  ["src/cli", "src/bin", "models", "bench"],
];

/** fleet/ checks names that the contract language fixes, and mesh/ reads the fleet alone. */
const NEIGHBOURS = new Set(["src/fleet -> src/contract"]);

interface Import {
  readonly from: string;
  readonly to: string;
}

describe("the layers", () => {
  const files = ["src", "mesh", "cdk8s", "models", "bench"].flatMap(sources);
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

function sources(folder: string): string[] {
  let entries: string[];
  try {
    entries = readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" });
  } catch {
    return []; // A folder that a later chapter of the project fills.
  }
  return entries
    .filter((entry) => entry.endsWith(".ts") && !entry.includes("node_modules"))
    .map((entry) => path.join(folder, entry))
    .sort();
}

function specifiers(file: string): string[] {
  const text = readFileSync(path.join(ROOT, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
}

function packagesOf(file: string): string[] {
  return specifiers(file).filter((name) => !name.startsWith("."));
}

function importsOf(file: string): Import[] {
  return specifiers(file)
    .filter((name) => name.startsWith("."))
    .map((name) => ({ from: file, to: path.join(path.dirname(file), name).replace(/\.js$/, ".ts") }));
}

function folderOf(file: string): string | undefined {
  return LAYERS.flat().find((folder) => file.startsWith(`${folder}/`));
}

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
