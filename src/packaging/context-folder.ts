import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, mkdir, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { shownFile } from "../fleet/findings.js";
import type { ImageFile } from "./image-file.js";

/** What a file of an image may be: read by whoever serves, written by nobody. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
/** Its name in each context. */
const DOCKERFILE = "Dockerfile";

/** An image's layers, by the name of their folder. */
export type Layers = Readonly<Record<string, readonly ImageFile[]>>;

/** What an image is made of. */
export interface ImageContext {
  /** Absolute path of its Dockerfile. */
  readonly dockerfile: string;
  readonly layers: Layers;
}

/**
 * Writes the folder that an engine builds an image from. Same files, same bytes, modes and times, whoever writes them and
 * when: so do the layers have the same digests. A folder that was written before is written anew.
 * @param epochSeconds time of every file and folder
 * @returns bytes by layer
 * @throws Error where a file can't be copied or is not the one it should be, or the folder is somebody else's
 */
export async function writeContext(
  folder: string,
  { dockerfile, layers }: ImageContext,
  epochSeconds: number,
): Promise<Record<string, number>> {
  await clear(folder);
  const bytes: Record<string, number> = {};
  await copyTo(join(folder, DOCKERFILE), { path: DOCKERFILE, content: { file: dockerfile } });
  for (const [layer, files] of Object.entries(layers)) {
    await mkdir(join(folder, layer), { recursive: true });
    bytes[layer] = await writeLayer(join(folder, layer), files);
  }
  await settle(folder, epochSeconds);
  return bytes;
}

async function clear(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  if (names.length > 0 && !names.includes(DOCKERFILE))
    throw new Error(`${shownFile(folder)}: holds something else than a build context; name another folder`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
}

async function writeLayer(folder: string, files: readonly ImageFile[]): Promise<number> {
  let bytes = 0;
  const paths = new Set<string>();
  for (const file of files) {
    if (paths.has(file.path)) throw new Error(`${file.path}: two files of an image have this path; move one of them`);
    paths.add(file.path);
    bytes += await copyTo(join(folder, file.path), file);
  }
  return bytes;
}

async function copyTo(target: string, { content }: ImageFile): Promise<number> {
  await mkdir(dirname(target), { recursive: true });
  if ("bytes" in content) {
    await writeFile(target, content.bytes);
    return content.bytes.byteLength;
  }
  const { file, sha256 } = content;
  const hash = createHash("sha256");
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (sha256 !== undefined) hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(createReadStream(file), measure, createWriteStream(target)).catch((error: Error) => {
    throw new Error(`${shownFile(file)} can't be copied into an image: ${error.message}`, { cause: error });
  });
  const digest = sha256 === undefined ? undefined : hash.digest("hex");
  if (digest === sha256) return bytes;
  throw new Error(
    `${shownFile(file)}: its sha256 is ${digest}, the fleet file says ${sha256}; ` +
      "bring the right file back, or add this one as a new revision with `flotilla add`",
  );
}

/** Modes and times, from the inside out: whatever is put into a folder changes the folder's time. */
async function settle(path: string, epochSeconds: number): Promise<void> {
  const isFolder = (await stat(path)).isDirectory();
  if (isFolder) for (const name of await readdir(path)) await settle(join(path, name), epochSeconds);
  await chmod(path, isFolder ? FOLDER_MODE : FILE_MODE);
  await utimes(path, epochSeconds, epochSeconds);
}
