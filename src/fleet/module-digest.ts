import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";
import { bundleModule } from "./module-bundle.js";

/**
 * Digest of a composition: of its module and of every source that it imports, packages and types apart. Of a module that
 * imports no other source it is what `sha256sum` prints; of several sources, the digest of what `sha256sum` would print of
 * all of them in the module's folder, in the order of their paths.
 * @param file absolute path
 * @returns hex sha256
 * @throws Error that says where the module can't be read
 */
export async function moduleDigest(file: string): Promise<string> {
  const { sources } = await bundleModule(file);
  if (sources.length === 1) return sha256(await readFile(file));
  const lines = await Promise.all(
    sources.map(async (source) => {
      return `${sha256(await readFile(source))}  ${relative(dirname(file), source).split(sep).join("/")}\n`;
    }),
  );
  return sha256(lines.join(""));
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
