import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Finding, FleetError, fileFinding, shownFile } from "./findings.js";
import { contractFolder, PROTO_FOLDER, ProtoWorkspace } from "./proto-workspace.js";
import { contractFiles } from "./protos.js";

const run = promisify(execFile);

/**
 * What `buf lint` says of some contracts, by the fleet's own buf.yaml or the STANDARD rules. A contract that does not
 * compile, or has no files, is a finding too.
 */
export async function lintContracts(root: string, contracts: readonly string[]): Promise<Finding[]> {
  const [present, missing] = byPresence(root, contracts);
  if (present.length === 0) return missing;
  const workspace = new ProtoWorkspace(root);
  try {
    const result = await workspace.run(["lint", "--error-format=json", ...workspace.pathFlags(present)]);
    return [...missing, ...workspace.findings(result)];
  } finally {
    workspace.close();
  }
}

function byPresence(root: string, contracts: readonly string[]): [string[], Finding[]] {
  const present = contracts.filter((contract) => contractFiles(root, contract).length > 0);
  const missing = contracts
    .filter((contract) => !present.includes(contract))
    .map((contract) => {
      const folder = shownFile(join(root, PROTO_FOLDER, contractFolder(contract)));
      return fileFinding(
        folder,
        `no .proto files for ${contract}`,
        "write the contract there, or make one with `flotilla add`",
      );
    });
  return [present, missing];
}

/**
 * What `buf breaking` says of contracts that were released before: by the fleet's own buf.yaml, or the PACKAGE rules.
 * A contract that is new is not compared.
 * @param options.against a folder that holds another state of the fleet, or else a git commit, branch or tag
 * @throws FleetError where there is nothing to compare with
 */
export async function breakingContracts(
  root: string,
  contracts: readonly string[],
  options: { readonly against: string },
): Promise<Finding[]> {
  const released = await openRelease(root, options.against);
  try {
    const both = contracts.filter(
      (name) => contractFiles(root, name).length > 0 && contractFiles(released.root, name).length > 0,
    );
    if (both.length === 0) return [];
    const before = new ProtoWorkspace(released.root);
    const now = new ProtoWorkspace(root);
    try {
      return await compare(before, now, both);
    } finally {
      before.close();
      now.close();
    }
  } finally {
    released.close();
  }
}

async function compare(before: ProtoWorkspace, now: ProtoWorkspace, contracts: readonly string[]): Promise<Finding[]> {
  for (const workspace of [before, now]) {
    const flags = ["--error-format=json", "-o", "image.binpb", ...workspace.pathFlags(contracts)];
    const built = await workspace.run(["build", ...flags]);
    if (built.exitCode !== 0) return workspace.findings(built);
  }
  const config = JSON.stringify({ version: "v2", breaking: now.rules().breaking });
  const flags = ["--error-format=json", "--exclude-imports", `--against=${join(before.folder, "image.binpb")}`];
  const result = await now.run(["breaking", "image.binpb", ...flags, `--config=${config}`]);
  // In an image files are named from the proto folder on.
  return now.findings(result, `${PROTO_FOLDER}/`).map((finding) => ({
    ...finding,
    fix: "callers of the released contract would break: make a new version of the contract",
  }));
}

interface Release {
  readonly root: string;
  close(): void;
}

/** The fleet as it was released: a folder as it is, or a git commit's protos in a temporary folder. */
async function openRelease(root: string, against: string): Promise<Release> {
  if (existsSync(join(against, PROTO_FOLDER))) return { root: resolve(against), close: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), "flotilla-release-"));
  const close = () => rmSync(folder, { recursive: true, force: true });
  try {
    await checkOutProtos(root, against, folder);
    return { root: folder, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Writes a commit's protos into a folder, through an index of its own: the repository is left as it is. */
async function checkOutProtos(root: string, commit: string, folder: string): Promise<void> {
  const env = { ...process.env, GIT_INDEX_FILE: join(folder, "index") };
  const git = (...args: string[]) => run("git", ["-C", root, ...args], { env });
  const into = join(folder, PROTO_FOLDER);
  try {
    await git("rev-parse", "--verify", "--quiet", "--end-of-options", `${commit}^{commit}`);
  } catch {
    const message = `expected a folder with ${PROTO_FOLDER}/ in it, or a git commit, branch or tag`;
    throw new FleetError([fileFinding(commit, message, "fetch it, or name another")]);
  }
  mkdirSync(into);
  try {
    await git("read-tree", `${commit}:./${PROTO_FOLDER}`);
  } catch {
    // That commit has no protos yet: everything is new.
    return;
  }
  await git("checkout-index", "--all", `--prefix=${into}/`);
}
