import { join, relative } from "node:path";
import { packageRoot } from "../fleet/package-root.js";
import type { FileContent, FileTree } from "./file-tree.js";
import { installedPackages } from "./installed-packages.js";
import { moduleGraph } from "./module-graph.js";
import type { Platform } from "./platform.js";

/** Commands that containers run; the others' modules stay out. */
const COMMANDS = ["serve", "fetch", "call"];
/** Compilers of .proto files and of TypeScript: an image has what they make. */
const COMPILERS = ["@bufbuild/buf", "tsx", "esbuild"];
/** Descriptors of the services that are no contract's. */
const DESCRIPTORS = ["flotilla.binpb", "health.binpb"];

/**
 * What every image of a fleet has: the compiled server, and the packages that it imports, for one platform. The same for
 * all revisions of all fleets.
 * @throws Error where a package is not installed
 */
export async function runtimeContext(platform: Platform): Promise<FileTree> {
  const root = packageRoot();
  const compiled = join(root, "dist/src");
  const entries = [...COMMANDS.map((name) => `cli/${name}.js`), "serving/worker.js", "bin/flotilla.js"];
  const graph = await moduleGraph(
    entries.map((entry) => join(compiled, entry)),
    (specifier) =>
      COMPILERS.some((name) => specifier === name || specifier.startsWith(`${name}/`)) || isOther(specifier),
  );
  const own = [...graph.files, join(root, "package.json"), ...DESCRIPTORS.map((name) => join(root, "generated", name))];
  return new Map<string, FileContent>([
    ["Dockerfile", { from: join(root, "src/images/runtime.Dockerfile") }],
    ...[...installedPackages(graph.packages, root, platform)].map(inApp),
    ...own.map((file) => inApp([relative(root, file), { from: file }])),
  ]);
}

/** main.ts loads commands by their files' names: those that an image has no use for are not followed. */
function isOther(specifier: string): boolean {
  const [, name] = /^\.\/(add|check|diff|manifests|package)\.js$/.exec(specifier) ?? [];
  return name !== undefined;
}

function inApp([path, file]: [string, FileContent]): [string, FileContent] {
  return [`app/${path}`, file];
}
