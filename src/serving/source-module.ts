import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ModelError } from "./model-error.js";

/**
 * What a module of the fleet exports by default, TypeScript or not.
 * @param what it is, for messages: `transform`
 * @throws ModelError where it is not there or can't be loaded
 */
export async function importDefault(file: string, what: string): Promise<unknown> {
  if (!existsSync(file) && compiledPath(file) === undefined) throw new ModelError(`${file}: there is no such ${what}`);
  try {
    const module = file.endsWith(".ts") ? await importTypeScript(file) : await import(pathToFileURL(file).href);
    return defaultOf(module);
  } catch (error) {
    throw new ModelError(`${file}: the ${what} can't be loaded: ${(error as Error).message}`);
  }
}

/** In a folder whose package.json does not say `"type": "module"`, TypeScript becomes CommonJS, whose exports are the default. */
function defaultOf(module: unknown): unknown {
  const found = (module as { default?: unknown }).default;
  const { __esModule: wrapped, default: inner } = (found ?? {}) as { __esModule?: boolean; default?: unknown };
  return wrapped ? inner : found;
}

/** The compiled module where a build made one that is not older than its source; otherwise the source through tsx. */
async function importTypeScript(file: string): Promise<unknown> {
  const compiled = compiledPath(file);
  if (compiled) return import(pathToFileURL(compiled).href);
  const { tsImport } = await import("tsx/esm/api");
  return tsImport(pathToFileURL(file).href, import.meta.url);
}

function compiledPath(file: string): string | undefined {
  for (let root = path.dirname(file); root !== path.dirname(root); root = path.dirname(root)) {
    const compiled = path.join(root, "dist", path.relative(root, file)).replace(/\.ts$/, ".js");
    if (!existsSync(compiled)) continue;
    if (!existsSync(file) || statSync(compiled).mtimeMs >= statSync(file).mtimeMs) return compiled;
  }
  return undefined;
}
