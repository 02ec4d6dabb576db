import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { copiedFile, type ImageFile } from "./image-file.js";
import { PackageTree, ROOT_PLACE } from "./package-tree.js";

/** What of a package.json says how it is installed. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

/** A package with its place in an image. */
export interface InstalledPackage {
  /** `node_modules/sharp`. */
  readonly place: string;
  /** Absolute, links followed. */
  readonly folder: string;
  readonly manifest: PackageManifest;
}

/** What nobody reads who runs a package. */
const UNUSED = /\.(map|d\.[cm]?ts|md|markdown)$/i;

/**
 * Packages and all that they need, as they are installed. Optional ones that are not there are passed over, as they are
 * those of other platforms.
 * @param wanted names, each with a folder that has the package, or one above it has
 * @throws Error where one is not installed
 */
export function installedPackages(wanted: ReadonlyMap<string, string>): InstalledPackage[] {
  const tree = new PackageTree();
  const waiting = [...wanted].map(([name, from]) => ({
    name,
    folder: installedFolder(name, from),
    dependent: ROOT_PLACE,
  }));
  const seen = new Set<string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const place = tree.add(next.name, next.folder, next.dependent);
    if (seen.has(place)) continue;
    seen.add(place);
    const { folder } = next;
    for (const [name, isOptional] of needs(readManifest(folder))) {
      const found = isOptional ? findFolder(name, folder) : installedFolder(name, folder);
      if (found !== undefined) waiting.push({ name, folder: found, dependent: place });
    }
  }
  return [...tree.places].map(([place, folder]) => ({ place, folder, manifest: readManifest(folder) }));
}

/** Whether another platform needs other files of them. */
export function isNative({ manifest: { os, cpu, libc, optionalDependencies } }: InstalledPackage): boolean {
  return [os, cpu, libc, optionalDependencies].some((fact) => fact !== undefined && Object.keys(fact).length > 0);
}

/** The files of packages, without what nobody reads who runs them. */
export function packageFiles(packages: readonly InstalledPackage[]): ImageFile[] {
  return packages.flatMap(({ place, folder }) =>
    filesOf(folder).map((path) => copiedFile(`${place}/${path}`, join(folder, path))),
  );
}

function filesOf(folder: string, below = ""): string[] {
  const entries = readdirSync(join(folder, below), { withFileTypes: true });
  return entries
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      // Packages inside of packages have places of their own.
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesOf(folder, path);
      return entry.isFile() && !UNUSED.test(entry.name) ? [path] : [];
    });
}

/** Names of what a package needs, and whether it does without. */
function needs({ dependencies, optionalDependencies, peerDependencies }: PackageManifest): [string, boolean][] {
  const optional = { ...peerDependencies, ...optionalDependencies };
  const required = Object.keys(dependencies ?? {}).filter((name) => !Object.hasOwn(optional, name));
  return [
    ...required.map((name): [string, boolean] => [name, false]),
    ...Object.keys(optional).map((name): [string, boolean] => [name, true]),
  ];
}

function readManifest(folder: string): PackageManifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageManifest;
}

function installedFolder(name: string, from: string): string {
  const folder = findFolder(name, from);
  if (folder !== undefined) return folder;
  throw new Error(`the package ${name} is needed in ${from} and not installed: run \`npm install\``);
}

/** As Node finds it: in node_modules of the folder or of the nearest one above it. */
function findFolder(name: string, from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, "node_modules", name);
    if (existsSync(join(folder, "package.json"))) return realpathSync(folder);
    if (at === dirname(at)) return undefined;
  }
}
