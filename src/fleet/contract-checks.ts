import { readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { bindingChanges } from "./binding-changes.js";
import { type Finding, fileFinding, shownFile } from "./findings.js";
import { contractFolder, PROTO_FOLDER, ProtoWorkspace } from "./proto-workspace.js";
import { contractFiles } from "./protos.js";
import { openRelease, type Release } from "./release.js";

/** An image in a workspace, with the places of everything in the text. */
const IMAGE = "image.binpb";

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
 * Changes that break callers of contracts that were released before: what `buf breaking` says, by the fleet's own
 * buf.yaml or the PACKAGE rules; and bindings that changed, of which buf knows nothing. A contract that is new is not
 * compared.
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
      return await compare(before, now, { contracts: both, nameReleased: released.nameOf });
    } finally {
      before.close();
      now.close();
    }
  } finally {
    released.close();
  }
}

async function compare(
  before: ProtoWorkspace,
  now: ProtoWorkspace,
  what: { readonly contracts: readonly string[]; readonly nameReleased: Release["nameOf"] },
): Promise<Finding[]> {
  for (const workspace of [before, now]) {
    const flags = ["--error-format=json", "-o", IMAGE, ...workspace.pathFlags(what.contracts)];
    const built = await workspace.run(["build", ...flags]);
    if (built.exitCode === 0) continue;
    const findings = workspace.findings(built);
    return workspace === now ? findings : findings.map((found) => ({ ...found, file: what.nameReleased(found.file) }));
  }
  const fix = "callers of the released contract would break: make a new version of the contract";
  return [...(await wireChanges(before, now)), ...bindings(before, now)].map((finding) => ({ ...finding, fix }));
}

async function wireChanges(before: ProtoWorkspace, now: ProtoWorkspace): Promise<Finding[]> {
  const config = JSON.stringify({ version: "v2", breaking: now.rules().breaking });
  const flags = ["--error-format=json", `--against=${join(before.folder, IMAGE)}`, `--config=${config}`];
  const result = await now.run(["breaking", IMAGE, ...flags]);
  // In an image files are named from the proto folder on. What contracts import counts: their messages hold it. What
  // Flotilla's own options are does not, as nobody sends them.
  const options = shownFile(join(now.root, PROTO_FOLDER, "flotilla")) + sep;
  return now.findings(result, `${PROTO_FOLDER}/`).filter(({ file }) => !file.startsWith(options));
}

function bindings(before: ProtoWorkspace, now: ProtoWorkspace): Finding[] {
  const [released, current] = [before, now].map(({ folder }) => readFileSync(join(folder, IMAGE)));
  return bindingChanges(released!, current!).map(({ file, ...change }) => {
    return { ...change, file: shownFile(join(now.root, PROTO_FOLDER, file)), path: "", fix: "" };
  });
}
