import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** A secret of Kubernetes as a folder: a file for each of its keys. Without a folder it has none. */
export class MountedSecret {
  readonly #folder: string | undefined;

  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  has(key: string): boolean {
    return this.pathOf(key) !== undefined;
  }

  /** The key's file; undefined where there is none. */
  pathOf(key: string): string | undefined {
    const file = this.#folder === undefined ? undefined : path.join(this.#folder, key);
    return file !== undefined && existsSync(file) ? file : undefined;
  }

  /** What the key holds now; undefined where there is none. */
  bytes(key: string): Buffer | undefined {
    const file = this.pathOf(key);
    return file === undefined ? undefined : readFileSync(file);
  }

  /** Reads the key anew each time, so that it may change. @throws Error where it is gone */
  text(key: string): () => string {
    return () => readFileSync(path.join(this.#folder ?? "", key), "utf8").trim();
  }
}
