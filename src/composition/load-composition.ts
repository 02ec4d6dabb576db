import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { CompositionCall } from "../client/composition.js";
import type { ModuleSpec } from "../fleet/spec.js";
import type { Message } from "../serving/message-codec.js";
import { ModelError } from "../serving/model-error.js";
import { importDefault } from "../serving/source-module.js";

/** A composition whose types nobody checks: what a module brought. */
export interface LoadedComposition {
  /** Contract by the name of its client. */
  readonly clients: Readonly<Record<string, string>>;
  readonly methods: Readonly<Record<string, ComposedMethod>>;
}

/** The answer to one method. */
export type ComposedMethod = (request: Message, clients: object, call: CompositionCall) => unknown;

/**
 * Loads a composition's module.
 * @throws ModelError where it is not there, can't be loaded, or is no composition
 */
export async function loadComposition(file: string): Promise<LoadedComposition> {
  const found = await importDefault(file, "composition");
  if (isComposition(found)) return found;
  throw new ModelError(`${file}: a composition's default export has clients and methods`);
}

/**
 * The digest of a composition that has the one it should have.
 * @throws ModelError where it has another
 */
export async function checkDigest({ path, bundledSha256 }: ModuleSpec, sha256: string): Promise<string> {
  const [expected, got] =
    bundledSha256 === undefined ? [sha256, await sourcesDigest(path)] : [bundledSha256, await fileDigest(path)];
  if (got === expected) return sha256;
  throw new ModelError(
    `${path}: its sha256 is ${got}, the fleet file says ${expected}: bring the right sources back, or make another revision of them`,
  );
}

/** What bundles is no part of an image: there, a module is one file. */
async function sourcesDigest(path: string): Promise<string> {
  const { moduleDigest } = await import("../fleet/module-digest.js");
  return moduleDigest(path).catch((error: Error) => {
    throw new ModelError(error.message, { cause: error });
  });
}

async function fileDigest(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

function isComposition(found: unknown): found is LoadedComposition {
  const { clients, methods } = (found ?? {}) as Partial<LoadedComposition>;
  return (
    isTable(clients, (contract) => typeof contract === "string") &&
    isTable(methods, (method) => typeof method === "function")
  );
}

function isTable(table: unknown, fits: (value: unknown) => boolean): boolean {
  return typeof table === "object" && table !== null && Object.values(table).every(fits);
}
