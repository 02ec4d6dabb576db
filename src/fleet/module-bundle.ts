import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, relative, resolve, sep } from "node:path";
import { type BuildFailure, build, formatMessages, type Loader, type Plugin } from "esbuild";

/** A module of the fleet, with the sources that it imports, as one. */
export interface ModuleBundle {
  /** JavaScript. */
  readonly code: string;
  /** Absolute paths of the sources that went into it. */
  readonly sources: readonly string[];
  /** Packages that it imports when it runs, each with the folder of a source that does. */
  readonly packages: ReadonlyMap<string, string>;
}

/** How a module asks for its own place. */
const PLACE = /\bimport\.meta\.(url|dirname|filename)\b/g;
const TO_PATH = 'process.getBuiltinModule("node:url").fileURLToPath';
/** The same for a place that is given as the URL of the module. */
const PLACES = {
  url: (place: string) => `${place}.href`,
  filename: (place: string) => `${TO_PATH}(${place})`,
  dirname: (place: string) => `${TO_PATH}(new URL(".", ${place})).slice(0, -1)`,
};
const SOURCE = /\.[cm]?[jt]s$/;

/**
 * Bundles a transform or a composition with its own modules, TypeScript or not, into one module. Packages are left to be
 * imported: they may have files of their own that they read by path.
 * @param file absolute path
 * @throws Error that says where it can't be bundled
 */
export async function bundleModule(file: string): Promise<ModuleBundle> {
  const root = dirname(file);
  const packages = new Map<string, string>();
  try {
    const { metafile, outputFiles } = await build({
      absWorkingDir: root,
      entryPoints: [file],
      bundle: true,
      write: false,
      metafile: true,
      platform: "node",
      target: "node20",
      format: "esm",
      charset: "utf8",
      logLevel: "silent",
      plugins: [leavePackages(packages), keepPlaces(root)],
    });
    const sources = Object.keys(metafile.inputs).map((input) => resolve(root, input));
    return { code: outputFiles[0]!.text, sources: sources.sort(), packages };
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const lines = await formatMessages(error.errors, { kind: "error" });
    throw new Error(`${file}: can't be bundled:\n${lines.join("").trim()}`);
  }
}

/** Imports of what package managers installed stay imports; workspaces' own packages and a tsconfig's paths are sources. */
function leavePackages(packages: Map<string, string>): Plugin {
  const asked = {};
  return {
    name: "leave-packages",
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
        if (kind === "entry-point" || pluginData === asked) return undefined;
        if (isBuiltin(path)) return { path, external: true };
        const found = await resolve(path, { kind, resolveDir, importer, pluginData: asked });
        if (found.errors.length > 0) return { errors: found.errors };
        if (!found.path.split(sep).includes("node_modules")) return { path: found.path };
        const name = packageName(path);
        if (!packages.has(name)) packages.set(name, resolveDir);
        return { path, external: true };
      });
    },
  };
}

/** Each module goes on knowing the place that it had, relative to the bundled one: it may look for files from there. */
function keepPlaces(root: string): Plugin {
  return {
    name: "keep-places",
    setup({ onLoad }) {
      onLoad({ filter: SOURCE, namespace: "file" }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        if (!text.includes("import.meta.")) return undefined;
        const place = `new URL(${JSON.stringify(relative(root, path).split(sep).join("/"))}, import.meta.url)`;
        const contents = text.replace(PLACE, (_, property: keyof typeof PLACES) => PLACES[property](place));
        return { contents, loader: (/ts$/.test(path) ? "ts" : "js") satisfies Loader };
      });
    },
  };
}

/** `@scope/name` of `@scope/name/path`. */
function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors);
}
