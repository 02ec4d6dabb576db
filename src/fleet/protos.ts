import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { FleetError, fileFinding, shownFile } from "./findings.js";
import { contractFolder, PROTO_FOLDER, ProtoWorkspace, protoFolders } from "./proto-workspace.js";

/** Folder of a fleet that holds built images. */
const IMAGE_FOLDER = "generated/contracts";
/** Runs of buf at the same time: each takes about 50 ms and one processor. */
const CONCURRENT_BUILDS = 2;

/** Where a contract's image is kept. */
export function imagePath(root: string, contract: string): string {
  return join(root, IMAGE_FOLDER, `${contract}.binpb`);
}

/**
 * A contract's image: a FileDescriptorSet of its .proto files with all their imports. It is read from
 * generated/contracts/ where that is newer than every file it was made of, or where there are no .proto files, as in a
 * container; otherwise built, and kept there where the folder can be written.
 * @param root absolute folder of the fleet file
 * @throws FleetError with what is wrong in which .proto
 */
export async function contractImage(root: string, contract: string): Promise<Uint8Array> {
  const kept = keptImage(root, contract);
  if (kept !== undefined) return kept;
  // An edit during the build has to make the image stale: its time is that of the build's begin.
  const begun = new Date();
  const image = await buildImage(root, contract);
  await keepImage(imagePath(root, contract), image, begun);
  return image;
}

/**
 * The images of many contracts, in their order.
 * @throws FleetError with what is wrong in all of them
 */
export async function contractImages(root: string, contracts: readonly string[]): Promise<Map<string, Uint8Array>> {
  const images = new Map<string, Uint8Array | FleetError>(contracts.map((name) => [name, new FleetError([])]));
  const waiting = [...images.keys()];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      images.set(name, await contractImage(root, name).catch(asFleetError));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_BUILDS }, work));
  const failed = [...images.values()].filter((image) => image instanceof FleetError);
  if (failed.length > 0) throw new FleetError(failed.flatMap((error) => error.findings));
  return images as Map<string, Uint8Array>;
}

function asFleetError(error: unknown): FleetError {
  if (error instanceof FleetError) return error;
  throw error;
}

/** The .proto files of a contract's own folder, absolute. */
export function contractFiles(root: string, contract: string): string[] {
  const folder = join(root, PROTO_FOLDER, contractFolder(contract));
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".proto")).map((name) => join(folder, name));
}

/** The image on disk, where it still says what the files say. */
export function keptImage(root: string, contract: string): Uint8Array | undefined {
  const file = imagePath(root, contract);
  if (!existsSync(file)) return undefined;
  const image = new Uint8Array(readFileSync(file));
  const own = contractFiles(root, contract);
  if (own.length === 0) return image;
  const imports = importedFiles(root, image);
  if (imports === undefined) return undefined;
  const builtMs = statSync(file).mtimeMs;
  const fresh = [...own, ...imports].every((source) => existsSync(source) && statSync(source).mtimeMs < builtMs);
  return fresh ? image : undefined;
}

/** The files that an image was made of, absolute; undefined where one is gone or the image can't be read. */
function importedFiles(root: string, image: Uint8Array): string[] | undefined {
  const files: string[] = [];
  for (const { name } of readImage(image) ?? []) {
    // buf brings these itself.
    if (name.startsWith("google/protobuf/")) continue;
    const found = protoFolders(root)
      .map((folder) => join(folder, name))
      .find((path) => existsSync(path));
    if (found === undefined) return undefined;
    files.push(found);
  }
  return files.length === 0 ? undefined : files;
}

function readImage(image: Uint8Array): { name: string; package: string }[] | undefined {
  try {
    return fromBinary(FileDescriptorSetSchema, image).file;
  } catch {
    return undefined;
  }
}

async function buildImage(root: string, contract: string): Promise<Uint8Array> {
  const folder = join(PROTO_FOLDER, contractFolder(contract));
  const shown = shownFile(join(root, folder));
  if (contractFiles(root, contract).length === 0) {
    const message = `no .proto files for ${contract}`;
    throw new FleetError([fileFinding(shown, message, "write the contract there, or make one with `flotilla add`")]);
  }
  const workspace = new ProtoWorkspace(root);
  try {
    const flags = ["--as-file-descriptor-set", "--error-format=json", "-o", "image.binpb"];
    const result = await workspace.run(["build", ...flags, ...workspace.pathFlags([contract])]);
    if (result.exitCode !== 0) throw new FleetError(workspace.findings(result));
    const image = new Uint8Array(readFileSync(join(workspace.folder, "image.binpb")));
    // buf takes a file of garbage for an empty one.
    if (readImage(image)?.some((file) => file.package === contract)) return image;
    throw new FleetError([fileFinding(shown, `no file there says "package ${contract};"`, "write that line")]);
  } finally {
    workspace.close();
  }
}

/** Keeps an image for the next start. A folder that can't be written costs time at each start, nothing else. */
async function keepImage(file: string, image: Uint8Array, begun: Date): Promise<void> {
  const unfinished = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(unfinished, image);
    await utimes(unfinished, begun, begun);
    // Renamed into place: another process never reads half of an image.
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOSPC", "EDQUOT"].includes(code)) throw error;
  }
}
