import { resolve } from "node:path";
import { build, type Plugin } from "esbuild";

/** Modules that entries reach, absolute, and packages that these import. */
export interface ModuleGraph {
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

/**
 * What compiled modules import, one from the other, at once or later.
 * @param isLeftOut imports that are not followed, as they are written
 */
export async function moduleGraph(
  entries: readonly string[],
  isLeftOut: (specifier: string) => boolean,
): Promise<ModuleGraph> {
  const packages = new Set<string>();
  const { metafile } = await build({
    entryPoints: [...entries],
    bundle: true,
    write: false,
    metafile: true,
    outdir: "/",
    absWorkingDir: "/",
    format: "esm",
    platform: "node",
    plugins: [leaveOut(isLeftOut), packagesOutside(packages)],
  });
  const files = Object.keys(metafile.inputs).map((path) => resolve("/", path));
  return { files: files.sort(), packages: [...packages].sort() };
}

/** Keeps packages out of a bundle, and notes which they are. */
export function packagesOutside(packages: Set<string>): Plugin {
  return {
    name: "packages",
    setup({ onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === "entry-point") return undefined;
        if (!path.startsWith("node:")) packages.add(packageOf(path));
        return { path, external: true };
      });
    },
  };
}

function leaveOut(isLeftOut: (specifier: string) => boolean): Plugin {
  return {
    name: "left-out",
    setup({ onResolve }) {
      onResolve({ filter: /./ }, ({ path }) => (isLeftOut(path) ? { path, external: true } : undefined));
    },
  };
}

/** The package of an import: `@grpc/grpc-js` of `@grpc/grpc-js/build/src`. */
function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
