import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * A file that is not whole yet, beside the one that it becomes. Nobody sees the other before it is whole. Its name is
 * always the same, so that what a killed process left behind is written over, and does not fill the volume.
 */
export class PartFile {
  readonly path: string;
  readonly #target: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash("sha256");
  #bytes = 0;

  private constructor(target: string, path: string, handle: FileHandle) {
    this.path = path;
    this.#target = target;
    this.#handle = handle;
  }

  /** Begins the file, in a folder that need not be there. */
  static async create(target: string): Promise<PartFile> {
    await mkdir(dirname(target), { recursive: true });
    const path = `${target}.part`;
    return new PartFile(target, path, await open(path, "w", 0o644));
  }

  /** Bytes that it has. */
  get bytes(): number {
    return this.#bytes;
  }

  /** sha256 of these bytes, in hex. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    await this.#write(chunk);
    this.#bytes += chunk.byteLength;
  }

  /** Throws all bytes away. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash("sha256");
    this.#bytes = 0;
  }

  /** At a place that is said: after `restart` the file's own position would be behind its end. */
  async #write(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.byteLength; ) {
      const { bytesWritten } = await this.#handle.write(chunk, done, chunk.byteLength - done, this.#bytes + done);
      done += bytesWritten;
    }
  }

  /** Gives it its name; it is on the disk by then. */
  async finish(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.path, this.#target);
  }

  /** Takes it away. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }
}
