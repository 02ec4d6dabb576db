import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { placeContract } from "../../src/contract/contract-name.js";

const ROOT = process.cwd();
const CONFIG = `version: v2
modules:
  - path: contracts
  - path: flotilla
lint:
  use: [STANDARD]
`;

/** A contract's name and text. */
export interface ContractFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Puts contracts in a module of their own beside Flotilla's, and has buf lint them (STANDARD), check that they are laid
 * out as `buf format` would, and build them.
 * @returns the image of all of them
 * @throws Error with what buf says
 */
export function buildWithBuf(contracts: readonly ContractFile[]): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-buf-"));
  try {
    for (const { name, text } of contracts) {
      const place = placeContract(name);
      mkdirSync(path.join(folder, "contracts", place.folder), { recursive: true });
      writeFileSync(path.join(folder, "contracts", place.folder, place.file), text);
    }
    cpSync(path.join(ROOT, "proto/flotilla"), path.join(folder, "flotilla/flotilla"), { recursive: true });
    writeFileSync(path.join(folder, "buf.yaml"), CONFIG);
    buf(folder, ["lint"]);
    buf(folder, ["format", "--diff", "--exit-code"]);
    buf(folder, ["build", "-o", "image.binpb"]);
    return readFileSync(path.join(folder, "image.binpb"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function buf(folder: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(path.join(ROOT, "node_modules/.bin/buf"), args, {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`buf ${args[0]} ended with ${status}:\n${stdout}${stderr}`);
}
