import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { type BufResult, runBuf } from "./buf-process.js";
import { type Finding, fileFinding, shownFile } from "./findings.js";
import { packageRoot } from "./package-root.js";

/** Folder of a fleet that holds its contracts' .proto files. */
export const PROTO_FOLDER = "proto";
/** Where Flotilla's own options are inside of its proto folder. */
const OPTIONS_FOLDER = "flotilla";

/** Where a contract's files are, inside of the proto folder: `acme.fraud.v1` in `acme/fraud/v1`, as `buf lint` has it. */
export function contractFolder(contract: string): string {
  return contract.replaceAll(".", "/");
}

/** Folders that imports are looked up in: the fleet's own, then Flotilla's for its options. */
export function protoFolders(root: string): string[] {
  const own = join(root, PROTO_FOLDER);
  // A fleet may hold its own copy of the options, as Flotilla's repository does: two would clash.
  return existsSync(join(own, "flotilla/v1/options.proto")) ? [own] : [own, join(packageRoot(), PROTO_FOLDER)];
}

/** buf's own words for what it found, in its JSON form. */
interface BufFinding {
  readonly path?: string;
  readonly start_line?: number;
  readonly start_column?: number;
  readonly type?: string;
  readonly message: string;
}

/**
 * A folder in which buf sees a fleet's protos together with Flotilla's options, wherever the two are. It holds links, so
 * that buf's paths, `proto/acme/…`, are those of the fleet.
 */
export class ProtoWorkspace {
  /** The fleet's folder. */
  readonly root: string;
  /** The temporary folder; files of its user may go there. */
  readonly folder: string;

  constructor(root: string) {
    this.root = root;
    this.folder = mkdtempSync(join(tmpdir(), "flotilla-buf-"));
    const modules = [{ path: PROTO_FOLDER }];
    symlinkSync(join(root, PROTO_FOLDER), join(this.folder, PROTO_FOLDER), "junction");
    if (protoFolders(root).length > 1) {
      modules.push({ path: "options" });
      // The options alone: other protos of Flotilla's repository would clash with the fleet's own of the same name.
      cpSync(join(packageRoot(), PROTO_FOLDER, OPTIONS_FOLDER), join(this.folder, "options", OPTIONS_FOLDER), {
        recursive: true,
      });
    }
    writeFileSync(join(this.folder, "buf.yaml"), JSON.stringify({ version: "v2", modules, ...this.rules() }));
  }

  /** What the fleet's own buf.yaml says about linting and breaking changes; without one, the strict sets. */
  rules(): { lint: unknown; breaking: unknown } {
    const file = join(this.root, "buf.yaml");
    const own: unknown = existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
    const rules = typeof own === "object" && own !== null ? (own as Record<string, unknown>) : {};
    return { lint: rules.lint ?? { use: ["STANDARD"] }, breaking: rules.breaking ?? { use: ["PACKAGE"] } };
  }

  /** Runs buf here. */
  run(args: readonly string[]): Promise<BufResult> {
    return runBuf(this.folder, args);
  }

  /** Flags that limit a run to some contracts. */
  pathFlags(contracts: readonly string[]): string[] {
    return contracts.map((contract) => `--path=${PROTO_FOLDER}/${contractFolder(contract)}`);
  }

  /** What buf found, at the fleet's own paths. */
  findings(result: BufResult, pathPrefix = ""): Finding[] {
    if (result.exitCode === 0) return [];
    const findings: Finding[] = [];
    const lines = `${result.stdout}\n${result.stderr}`.split("\n").filter((line) => line.trim() !== "");
    for (const line of lines) {
      const found = bufFinding(line);
      if (found === undefined) continue;
      const rule = found.type === undefined || found.type === "COMPILE" ? "" : ` (${found.type})`;
      findings.push({
        file: shownFile(join(this.root, pathPrefix + (found.path ?? PROTO_FOLDER))),
        line: found.start_line ?? 0,
        column: found.start_column ?? 0,
        path: "",
        message: `${found.message}${rule}`,
        fix: "",
      });
    }
    if (findings.length === 0) {
      findings.push(
        fileFinding(shownFile(join(this.root, PROTO_FOLDER)), `buf failed: ${lines.join(" ") || "no reason given"}`),
      );
    }
    return findings;
  }

  /** Removes the folder. */
  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function bufFinding(line: string): BufFinding | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as BufFinding;
  } catch {
    return undefined;
  }
}
