import { readFileSync, statSync } from "node:fs";
import { type Finding, FleetError, fileFinding } from "./findings.js";

/** Larger files are not read. A contract with two revisions takes about 400 bytes. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * A fleet file's text.
 * @throws FleetError where it can't be read, is too large, or is no text in UTF-8
 */
export function readFleetText(path: string): string {
  const bytes = readBounded(path);
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    const message = nul < 2 ? "expected text in UTF-8, got what looks like UTF-16" : "expected text, got a NUL byte";
    throw new FleetError([byteFinding(path, { bytes, offset: nul, message })]);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Each bad byte becomes U+FFFD: the first difference after a round trip is the first bad one.
    const mended = Buffer.from(bytes.toString("utf8"));
    const offset = bytes.findIndex((byte, index) => byte !== mended[index]);
    throw new FleetError([
      byteFinding(path, { bytes, offset, message: "expected text in UTF-8, got another encoding" }),
    ]);
  }
}

function readBounded(path: string): Buffer {
  try {
    const { size } = regularFile(path);
    if (size > MAX_FILE_BYTES) {
      const message = `is ${size} bytes large, expected at most ${MAX_FILE_BYTES}`;
      throw new FleetError([fileFinding(path, message, "split the fleet into several files")]);
    }
    return readFileSync(path);
  } catch (error) {
    if (error instanceof FleetError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new FleetError([fileFinding(path, "no such file", "name another, or begin one with `flotilla add`")]);
    }
    throw new FleetError([fileFinding(path, `can't be read: ${code ?? String(error)}`)]);
  }
}

function regularFile(path: string) {
  const stats = statSync(path);
  if (stats.isFile()) return stats;
  const what = stats.isDirectory() ? "a folder" : "something else";
  throw new FleetError([fileFinding(path, `expected a fleet file, got ${what}`, "name the file, such as fleet.yaml")]);
}

function byteFinding(file: string, at: { bytes: Buffer; offset: number; message: string }): Finding {
  const before = at.bytes.subarray(0, at.offset).toString("latin1").split("\n");
  const column = before.at(-1)!.length + 1;
  return { file, line: before.length, column, path: "", message: at.message, fix: "save the file as UTF-8" };
}
