import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { type DownloadObserver, type DownloadOptions, download } from "./download.js";
import { externalData } from "./external-data.js";
import { formatObject, type ObjectName, type ObjectStore } from "./object-store.js";

/** A model in a store, and where it shall be. */
export interface FetchedModel {
  readonly store: ObjectStore;
  readonly object: ObjectName;
  /** Hex digest that the model's file must have. */
  readonly sha256: string;
  readonly target: string;
}

/** How fetching goes. */
export interface FetchOptions extends Omit<DownloadOptions, "observer" | "beforeNaming"> {
  /** Who hears of each file that is fetched. */
  readonly observe: (name: string) => DownloadObserver;
}

/**
 * Fetches a model and the files beside it that it keeps weights in. The model itself is there last. The digest is that of
 * the model's file, as everywhere in Flotilla: of its external data only the size is checked.
 * @returns bytes that were fetched; 0 where the model was there
 * @throws Error that says why there is no model
 */
export async function fetchModel(model: FetchedModel, options: FetchOptions): Promise<number> {
  const { store, object, sha256, target } = model;
  if (existsSync(target) && (await digestOf(target)) === sha256) return 0;
  let dataBytes = 0;
  const name = formatObject(object);
  const source = { name, sha256, read: store.read.bind(store, object) };
  const bytes = await download(source, target, {
    ...options,
    observer: options.observe(name),
    beforeNaming: async (path) => {
      for (const location of await externalData(path, name)) dataBytes += await fetchBeside(model, location, options);
    },
  });
  return bytes + dataBytes;
}

async function fetchBeside({ store, object, target }: FetchedModel, location: string, options: FetchOptions) {
  const data = { bucket: object.bucket, key: posix.join(posix.dirname(object.key), location) };
  const name = formatObject(data);
  const source = { name, sha256: undefined, read: store.read.bind(store, data) };
  return download(source, join(dirname(target), location), { ...options, observer: options.observe(name) });
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
