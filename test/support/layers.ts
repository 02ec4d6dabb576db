import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./contract-fixture.js";

/** Folders by layer. Imports go to a lower layer, or stay within their own folder. */
export const LAYERS: readonly (readonly string[])[] = [
  ["generated"],
  ["src/contract", "src/fleet", "src/telemetry"],
  ["src/serving", "src/client", "mesh"],
  ["src/grpc", "src/composition", "src/packaging", "src/events", "cdk8s"],
  // What calls a fleet that is served, and what asks for that before it shifts traffic.
  ["src/testing"],
  ["src/kubectl"],
  ["src/cli", "src/bin", "models"],
  // What benches share with the tests.
  ["test/support"],
  ["bench", "deploy"],
];

/** One file that imports another; both relative to the repository. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every source file, relative to the repository. */
export function sourceFiles(): string[] {
  return ["src", "mesh", "cdk8s", "models", "bench", "deploy"].flatMap(sources);
}

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

/** The packages that a file imports, by their names. */
export function packagesOf(file: string): string[] {
  return specifiers(file).filter((name) => !name.startsWith("."));
}

/** The files that a file imports. */
export function importsOf(file: string): Import[] {
  return specifiers(file)
    .filter((name) => name.startsWith("."))
    .map((name) => ({ from: file, to: path.join(path.dirname(file), name).replace(/\.js$/, ".ts") }));
}

/** The folder of LAYERS that a file is in. */
export function folderOf(file: string): string | undefined {
  return LAYERS.flat().find((folder) => file.startsWith(`${folder}/`));
}
