import { join, relative, sep } from "node:path";
import { build, type Plugin } from "esbuild";
import { packageRoot } from "../fleet/package-root.js";
import { packagesOutside } from "./module-graph.js";

/** A transform as one module, and the packages that it imports. */
export interface TransformBundle {
  readonly code: string;
  readonly packages: readonly string[];
}

/** The oldest Node that Flotilla runs on. */
const TARGET = "node20";

/**
 * A contract's transform with the modules of the fleet that it imports, compiled to one module.
 * @param file absolute path of the transform
 * @throws Error with what the compiler says
 */
export async function bundleTransform(file: string): Promise<TransformBundle> {
  const packages = new Set<string>();
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: TARGET,
    legalComments: "inline",
    logLevel: "silent",
    plugins: [ownModules(), packagesOutside(packages)],
  }).catch((error: Error) => {
    throw new Error(`${file}: can't be compiled: ${error.message}`);
  });
  return { code: outputFiles[0]!.text, packages: [...packages].sort() };
}

/** Flotilla's own modules are the server's: an error of a copied class would be no TransformError to it. */
function ownModules(): Plugin {
  const own = join(packageRoot(), "src") + sep;
  return {
    name: "flotilla",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const target = join(resolveDir, path);
        if (!target.startsWith(own)) return undefined;
        // Beside /app/fleet, where the module will be.
        return { path: `../dist/src/${relative(own, target).split(sep).join("/")}`, external: true };
      });
    },
  };
}
