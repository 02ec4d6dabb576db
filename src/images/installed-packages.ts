import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { type FileContent, filesBelow } from "./file-tree.js";
import type { Platform } from "./platform.js";

/** What npm packages say of themselves, as far as it matters here. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

/** The C library of the base images. */
const LIBC = "glibc";
/** Types, sources of maps and prose: nothing that runs. Licences stay. */
const USELESS =
  /\.(map|d\.[cm]?ts|[cm]?ts|md|markdown|flow|tsbuildinfo)$|\/(docs?|tests?|__tests__|examples?|\.github)$/i;
/** onnxruntime-node has the libraries of all platforms in one package. */
const ONE_PLATFORM = /onnxruntime-node\/bin\/napi-v\d+\/([^/]+)(?:\/([^/]+))?$/;

/**
 * Packages as they are installed, with all that they need, as files of an image's node_modules. What was tested is what
 * the image gets, and building it asks no registry.
 * @param names packages that a module below `from` imports
 * @throws Error that names a package which is not installed, or not for the platform
 */
export function installedPackages(
  names: readonly string[],
  from: string,
  platform: Platform,
): Map<string, FileContent> {
  const folders = new Map<string, string>();
  const waiting = names.map((name) => ({ name, from, optional: false }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const folder = findPackage(next.name, next.from);
    if (folder === undefined) {
      if (next.optional) continue;
      throw new Error(`${next.name} is not installed below ${next.from}: run \`npm install\``);
    }
    const manifest = readManifest(folder);
    if (!runsOn(manifest, platform)) continue;
    const place = imagePlace(folder);
    const other = folders.get(place);
    if (other === folder) continue;
    if (other !== undefined) throw new Error(`${other} and ${folder} would be one in an image: run \`npm dedupe\``);
    folders.set(place, folder);
    waiting.push(...needsOf(manifest, folder));
  }
  return filesOf(folders, platform);
}

function needsOf({ dependencies = {}, optionalDependencies = {} }: Manifest, from: string) {
  const optional = new Set(Object.keys(optionalDependencies));
  const names = new Set([...Object.keys(dependencies), ...optional]);
  return [...names].map((name) => ({ name, from, optional: optional.has(name) }));
}

/** As Node looks: in the node_modules of a folder, and of each folder above it. */
function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

/** Whether a package is for a platform: it lists those that it is for, or those that it is not for with a `!`. */
function runsOn({ os, cpu, libc }: Manifest, platform: Platform): boolean {
  return listed(os, platform.os) && listed(cpu, platform.cpu) && listed(libc, LIBC);
}

function listed(values: readonly string[] | undefined, value: string): boolean {
  if (values === undefined || values.length === 0) return true;
  if (values.includes(`!${value}`)) return false;
  return values.includes(value) || values.every((one) => one.startsWith("!"));
}

/** Below the last node_modules that is no other package's: `node_modules/a/node_modules/b`. */
function imagePlace(folder: string): string {
  const [, ...parts] = folder.split(`${sep}node_modules${sep}`);
  return parts.map((part) => `node_modules/${part}`).join("/");
}

function filesOf(folders: ReadonlyMap<string, string>, platform: Platform): Map<string, FileContent> {
  const files = new Map<string, FileContent>();
  for (const [place, folder] of [...folders].sort(([one], [other]) => (one < other ? -1 : 1))) {
    for (const file of filesBelow(folder, (path) => isUseful(path, platform))) {
      files.set(`${place}/${relative(folder, file)}`, { from: file });
    }
  }
  return files;
}

function isUseful(path: string, { os, cpu }: Platform): boolean {
  const [, itsOs, itsCpu] = ONE_PLATFORM.exec(path) ?? [];
  if (itsOs !== undefined && (itsOs !== os || (itsCpu !== undefined && itsCpu !== cpu))) return false;
  // Packages inside of packages are found by themselves.
  return !path.endsWith(`${sep}node_modules`) && !USELESS.test(path);
}
