import { readdirSync } from "node:fs";
import { join, posix, relative, resolve, sep } from "node:path";
import { build, type Metafile } from "esbuild";
import { copiedFile, type ImageFile } from "./image-file.js";
import { PackageTree, ROOT_PLACE } from "./package-tree.js";

/** What is loaded by a name that only running code knows, or not at all in a container. */
const NOT_TRACED = ["tsx/esm/api", "esbuild"];
const PACKAGE_FOLDER = "node_modules";
const LICENCE = /^(licen[cs]e|copying|notice)/i;
/** What modules may read by path, which no import tells. */
const DATA = /\.(proto|json|wasm)$/;
/** Folders of packages that only their authors use. */
const AUTHORS = new Set(["test", "tests", "docs", "examples", "benchmarks", "node_modules"]);

/**
 * The files that modules import, with all that those import: of packages only what is used, with their licences and the
 * data beside them.
 * @param root absolute folder of the modules
 * @param entries modules, relative to the folder
 */
export async function traceFiles(root: string, entries: readonly string[]): Promise<ImageFile[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...entries],
    external: NOT_TRACED,
    bundle: true,
    write: false,
    metafile: true,
    outdir: join(root, "unwritten"),
    platform: "node",
    format: "esm",
    // As Node itself resolves: no fields that bundlers alone read.
    mainFields: ["main"],
    conditions: [],
    loader: { ".node": "empty" },
    logLevel: "silent",
  });
  return new Tracer(root, metafile).files(entries);
}

interface Visit {
  readonly input: string;
  /** Of the package that the input is of. */
  readonly place: string;
}

/** Follows what imports what, and copies each file to where its importer will look for it. */
class Tracer {
  readonly #tree = new PackageTree();
  readonly #files = new Map<string, ImageFile>();
  /** Places whose packages' data is copied. */
  readonly #copied = new Set<string>();

  constructor(
    readonly root: string,
    readonly metafile: Metafile,
  ) {}

  files(entries: readonly string[]): ImageFile[] {
    const visits: Visit[] = entries.map((input) => ({ input, place: ROOT_PLACE }));
    const seen = new Set<string>();
    for (let visit = visits.pop(); visit !== undefined; visit = visits.pop()) {
      const key = `${visit.place}:${visit.input}`;
      if (seen.has(key)) continue;
      seen.add(key);
      this.#copy(visit);
      for (const imported of this.metafile.inputs[visit.input]?.imports ?? []) {
        if (imported.external !== true && !imported.path.startsWith("<"))
          visits.push(this.#visitOf(imported.path, visit));
      }
    }
    return [...this.#files.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
  }

  #visitOf(input: string, importer: Visit): Visit {
    const own = this.#packageOf(input);
    if (own === undefined) return { input, place: ROOT_PLACE };
    const from = this.#packageOf(importer.input);
    const place = from?.folder === own.folder ? importer.place : this.#tree.add(own.name, own.folder, importer.place);
    return { input, place };
  }

  #copy({ input, place }: Visit): void {
    const file = resolve(this.root, input);
    // Which of a package's binaries is the image's, the image's platform says.
    if (file.endsWith(".node")) return;
    const own = this.#packageOf(input);
    if (own === undefined) this.#add(toPosix(relative(this.root, file)), file);
    else this.#copyFrom(own.folder, place, file);
  }

  #copyFrom(folder: string, place: string, file: string): void {
    this.#add(posix.join(place, toPosix(relative(folder, file))), file);
    if (this.#copied.has(place)) return;
    this.#copied.add(place);
    for (const path of dataFiles(folder)) this.#add(posix.join(place, path), join(folder, path));
  }

  #packageOf(input: string): { name: string; folder: string } | undefined {
    const isOwn = !input.startsWith("..") && !input.split(sep).includes(PACKAGE_FOLDER);
    return isOwn ? undefined : packageOf(resolve(this.root, input));
  }

  #add(path: string, file: string): void {
    this.#files.set(path, copiedFile(path, file));
  }
}

/** Paths of a package's licences and data, each package.json among it, in its folder. */
function dataFiles(folder: string, below = ""): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(below, entry.name);
    if (entry.isDirectory()) return AUTHORS.has(entry.name) ? [] : dataFiles(folder, path);
    return DATA.test(entry.name) || (below === "" && LICENCE.test(entry.name)) ? [path] : [];
  });
}

/** The package that an absolute path lies in. */
function packageOf(file: string): { name: string; folder: string } {
  const steps = file.split(sep);
  const start = steps.lastIndexOf(PACKAGE_FOLDER) + 1;
  if (start === 0)
    throw new Error(`${file}: is in no package, and outside of Flotilla's folder: install Flotilla again`);
  const end = start + (steps[start]!.startsWith("@") ? 2 : 1);
  return { name: steps.slice(start, end).join("/"), folder: steps.slice(0, end).join(sep) };
}

function toPosix(path: string): string {
  return path.split(sep).join("/");
}
