import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { RecordedCall } from "../../generated/ts/flotilla/v1/recording.js";
import { findInImage } from "../../src/client/find-method.js";
import { contractImage } from "../../src/fleet/protos.js";
import { encodeRecorded } from "../../src/testing/recording.js";
import { ROOT } from "../support/contract-fixture.js";
import { classifierModel } from "../support/onnx-builder.js";

/** What a command came to. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** How long a command may take that does not end by itself, before it is told to. */
const SERVER_MS = 60_000;
const COMMAND_MS = 120_000;

/**
 * A copy of the example fleet to run a page's commands in, with the models and files that pages name, and programs of the
 * names that they use: `flotilla`, `npx flotilla`, and `kubectl flotilla` with no cluster behind it.
 */
export class Sandbox {
  readonly folder = mkdtempSync(path.join(tmpdir(), "flotilla-docs-"));
  readonly #env: NodeJS.ProcessEnv;

  private constructor() {
    const bin = path.join(this.folder, ".bin");
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: "1" };
    // What would change a cluster must not find one.
    this.#env = { ...env, KUBECONFIG: path.join(this.folder, "no-cluster") };
  }

  /** @param columns of the model that pages call fraud.onnx */
  static async create(columns: number): Promise<Sandbox> {
    const sandbox = new Sandbox();
    sandbox.#copyFleet();
    sandbox.#writePrograms();
    const fraud = classifierModel({ classes: [0, 1], columns });
    writeFileSync(path.join(sandbox.folder, "fraud.onnx"), fraud);
    // Another file of the same signature: it has a description, "new".
    writeFileSync(path.join(sandbox.folder, "fraud-2026-12.onnx"), Buffer.concat([fraud, Buffer.from("2\u0003new")]));
    // A composition like the newest one, for the page that adds another.
    const newest = readFileSync(path.join(ROOT, "models/ocr/r2.ts"), "utf8");
    writeFileSync(path.join(sandbox.folder, "models/ocr/r3.ts"), `${newest}// Another revision.\n`);
    writeFileSync(path.join(sandbox.folder, "recorded.binpb"), await recording());
    return sandbox;
  }

  /** Runs a line of shell to its end. */
  run(line: string): Ended {
    const { status, stdout, stderr } = spawnSync("bash", ["-c", line], {
      cwd: this.folder,
      env: this.#env,
      encoding: "utf8",
      timeout: COMMAND_MS,
      maxBuffer: 2 ** 26,
    });
    return { code: status, output: stdout + stderr };
  }

  /** Runs a line of shell that goes on until it is told to end: waits until it says something on stdout, then ends it. */
  async start(line: string): Promise<Ended> {
    const child = spawn("bash", ["-c", `exec ${line}`], { cwd: this.folder, env: this.#env });
    let output = "";
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    const late = setTimeout(() => child.kill("SIGKILL"), SERVER_MS);
    const closed = once(child, "close");
    await Promise.race([once(child.stdout, "data"), closed]);
    child.kill("SIGINT");
    const [code] = await closed;
    clearTimeout(late);
    return { code, output };
  }

  has(file: string): boolean {
    return existsSync(path.join(this.folder, file));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #copyFleet(): void {
    for (const name of ["proto", "models", "src/contract", "buf.yaml", "package.json"]) {
      cpSync(path.join(ROOT, name), path.join(this.folder, name), { recursive: true });
    }
    symlinkSync(path.join(ROOT, "node_modules"), path.join(this.folder, "node_modules"));
    const fleet = readFileSync(path.join(ROOT, "fleet.yaml"), "utf8");
    // Images are pushed into a registry, and localhost is none.
    writeFileSync(path.join(this.folder, "fleet.yaml"), fleet.replace("localhost/acme", "registry.example.com/acme"));
    // What `--against v1.4.0` compares with.
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=docs", "-c", "user.email=docs@example.com", ...args], {
        cwd: this.folder,
        stdio: "ignore",
      });
    git("init", "--quiet");
    git("add", "proto", "fleet.yaml", "buf.yaml");
    git("commit", "--quiet", "--message", "release");
    git("tag", "v1.4.0");
  }

  #writePrograms(): void {
    const bin = path.join(this.folder, ".bin");
    mkdirSync(bin);
    const node = (script: string) => `exec ${process.execPath} ${path.join(ROOT, "dist/src/bin", script)} "$@"`;
    const programs = {
      flotilla: node("flotilla.js"),
      npx: `[ "$1" = flotilla ] || { echo "npx $1" >&2; exit 2; }\nshift\n${node("flotilla.js")}`,
      kubectl: `[ "$1" = flotilla ] || exit 0\nshift\n${node("kubectl-flotilla.js")}`,
    };
    for (const [name, text] of Object.entries(programs)) {
      const file = path.join(bin, name);
      writeFileSync(file, `#!/usr/bin/env bash\n${text}\n`);
      chmodSync(file, 0o755);
    }
  }
}

/** A recording of one call of the example fleet. */
async function recording(): Promise<Uint8Array> {
  const found = findInImage(await contractImage(ROOT, "acme.tumor.v1"), {
    contract: "acme.tumor.v1",
    method: "Predict",
  });
  const json = (file: string) => JSON.parse(readFileSync(path.join(ROOT, "models/tumor", file), "utf8")) as JsonValue;
  const { input, output } = found.method;
  const request = Buffer.from(toBinary(input, fromJson(input, json("samples/request.json"))));
  const { responses } = json("golden/ten-samples.json") as { responses: Record<string, JsonValue> };
  const response = Buffer.from(toBinary(output, fromJson(output, responses.r1!)));
  return encodeRecorded(
    RecordedCall.fromPartial({
      method: "/acme.tumor.v1.TumorService/Predict",
      startedAt: new Date(),
      elapsedMs: 5,
      requests: [{ content: request }],
      responses: [{ content: response }],
      revision: "r1",
    }),
  );
}
