import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { FleetError, fileFinding } from "./findings.js";
import { PROTO_FOLDER } from "./proto-workspace.js";

const run = promisify(execFile);

/** A fleet's protos as they were released. */
export interface Release {
  /** Folder that has them, as a fleet's folder has. */
  readonly root: string;
  /** What findings call a file of the release. */
  readonly nameOf: (file: string) => string;
  readonly close: () => void;
}

/**
 * The fleet as it was released: a folder as it is, or a git commit's protos in a temporary folder.
 * @param against the folder, or else a commit, branch or tag of the repository that `root` is in
 * @throws FleetError where it is neither
 */
export async function openRelease(root: string, against: string): Promise<Release> {
  if (against !== "" && existsSync(join(against, PROTO_FOLDER))) {
    return { root: resolve(against), nameOf: (file) => file, close: () => undefined };
  }
  const folder = mkdtempSync(join(tmpdir(), "flotilla-release-"));
  const close = () => rmSync(folder, { recursive: true, force: true });
  try {
    await checkOutProtos(root, against, folder);
    return { root: folder, nameOf: (file) => `${against}:${relative(folder, resolve(file))}`, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Writes a commit's protos into a folder, through an index of its own: the repository is left as it is. */
async function checkOutProtos(root: string, commit: string, folder: string): Promise<void> {
  const into = join(folder, PROTO_FOLDER);
  mkdirSync(into);
  const env = { ...process.env, GIT_INDEX_FILE: join(folder, "index") };
  const git = (cwd: string, ...args: string[]) => run("git", args, { cwd, env });
  let gitFolder: string;
  try {
    await git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", `${commit}^{commit}`);
    gitFolder = (await git(root, "rev-parse", "--absolute-git-dir")).stdout.trimEnd();
  } catch {
    const message = `expected a folder with ${PROTO_FOLDER}/ in it, or a git commit, branch or tag`;
    throw new FleetError([fileFinding(commit || '""', message, "fetch it, or name another")]);
  }
  try {
    await git(root, "read-tree", `${commit}:./${PROTO_FOLDER}`);
  } catch {
    // That commit has no protos yet: everything is new.
    return;
  }
  await git(into, `--git-dir=${gitFolder}`, `--work-tree=${into}`, "checkout-index", "--all");
}
