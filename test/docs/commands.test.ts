import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";
import { FleetProcess } from "../support/fleet-process.js";
import { commandsOf, type PageCommand, pages } from "./page-commands.js";
import { type Ended, Sandbox } from "./sandbox.js";

/** Programs whose effect is on a cluster, a registry or a machine's packages: their lines are read, not run. */
const ELSEWHERE =
  /^(kind|minikube|ctr|docker|podman|helm|istioctl|curl|export|eval|cd|go|npm|python3|pip|\.venv\/bin\/pip|grpcurl|ghz)\b/;
/** Columns of the model that a page calls fraud.onnx. */
const COLUMNS: Readonly<Record<string, number>> = { "README.md": 3 };
/** What a page takes for granted. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  "docs/packaging.md": [
    "flotilla add fraud.onnx --as acme.fraud.v1 --columns amount,age --labels legit,fraud",
    "flotilla add fraud-2026-12.onnx --as acme.fraud.v1",
  ],
};

describe("every command in README.md and docs/", () => {
  let fleet: FleetProcess;

  before(async () => {
    fleet = await FleetProcess.start("fleet.yaml");
  });
  after(() => fleet.end());

  for (const page of pages()) {
    const commands = commandsOf(page);
    if (commands.length === 0) continue;

    describe(page, () => {
      let sandbox: Sandbox;
      before(async () => {
        sandbox = await Sandbox.create(COLUMNS[page] ?? 2);
        for (const line of BEFORE[page] ?? []) assert.equal(sandbox.run(line).code, 0, line);
      });
      after(() => sandbox.remove());

      for (const command of commands) {
        it(`${command.text} (line ${command.line})`, () => check(sandbox, command));
      }
    });
  }

  it("is found: there are dozens", () => {
    const count = pages().flatMap(commandsOf).length;
    assert(count > 50, `${count} commands`);
  });

  /** Runs a command, or looks at what can be known of it without its cluster, registry or hours. */
  async function check(sandbox: Sandbox, { text }: PageCommand): Promise<void> {
    if (/^make\b/.test(text)) return isMakeTarget(text);
    if (/^(\.venv\/bin\/)?python\d?\b.*\.py/.test(text)) return namesFiles(text, /\S+\.py/g);
    if (/^(npx tsx|node)\b/.test(text)) return namesFiles(text, /\S+\.[tj]s\b/g);
    if (/^\.tools\//.test(text)) return runsTool(text);
    if (/^kubectl (?!flotilla)/.test(text)) return namesManifests(sandbox, text);
    if (ELSEWHERE.test(text)) return namesFiles(text, /\S*requirements\.txt/g);
    if (/^jq\b/.test(text) && spawnSync("jq", ["--version"]).error) return;
    return runsHere(sandbox, text);
  }

  async function runsHere(sandbox: Sandbox, text: string): Promise<void> {
    assert.match(
      text,
      /^(npx )?flotilla |^kubectl flotilla |^jq /,
      "teach test/docs/commands.test.ts to run or to read it",
    );
    const line = toTestServer(text);
    const verb = /flotilla (\w+)/.exec(text)?.[1];
    if (verb === "serve" || verb === "record" || verb === "stub") {
      return assertDone(await sandbox.start(`${line} --port 0${verb === "serve" ? " --metrics-port 0" : ""}`), line);
    }
    if (line.includes("call acme.fraud.v1")) return callsOwn(sandbox, line);
    const ended = sandbox.run(line);
    // Without a cluster they fail, but not for their words: wrong usage is 2.
    if (verb === "diff" || text.startsWith("kubectl")) assert.notEqual(ended.code, 2, ended.output);
    else assertDone(ended, line);
  }

  /** A call of the contract that the page has just added: the page's own fleet answers. */
  async function callsOwn(sandbox: Sandbox, line: string): Promise<void> {
    const own = await FleetProcess.start(path.join(sandbox.folder, "fleet.yaml"), "--only", "acme.fraud.v1");
    const ended = sandbox.run(`${line} --target ${own.served.address}`);
    await own.end();
    assertDone(ended, line);
  }

  function assertDone({ code, output }: Ended, line: string): void {
    assert.equal(code, isHeld(line) ? 1 : 0, `${line}\n${output}`);
    assert.doesNotMatch(output, /unknown option|TypeError/);
  }

  /** r2 answers otherwise than r1 by far, and these say so by their exit code. */
  function isHeld(line: string): boolean {
    return /compare .*--max-/.test(line);
  }

  /** The test's own server in the place of the one that the page's reader has started. */
  function toTestServer(text: string): string {
    const line = text
      .replace(/localhost:8500/g, fleet.served.address)
      .replace("http://localhost:8502/metrics", fleet.served.metrics)
      .replace("@sha256:…", `@sha256:${"0".repeat(64)}`);
    if (/flotilla record /.test(line)) return `${line} --file another.binpb`;
    if (/flotilla package/.test(line) && !line.includes("--context")) return `${line} --dry-run --engine docker`;
    if (/flotilla bench/.test(line)) return `${shortened(line)} --warm-up 100ms --target ${fleet.served.address}`;
    return /flotilla call (?!.*--target)/.test(line) && !line.includes("acme.fraud")
      ? `${line} --target ${fleet.served.address}`
      : line;
  }

  /** Load for less than a second, and any time for an answer: the machine may be busy. */
  function shortened(line: string): string {
    if (!line.includes("--profile")) return `${line} --duration 500ms`;
    return line.replace(/--(over|duration) \S+/g, "--$1 250ms").replace(/p99=\S+/g, "p99=10m");
  }

  function isMakeTarget(text: string): void {
    const { status, stderr } = spawnSync("bash", ["-c", text.replace(/^make/, "make --dry-run")], {
      cwd: ROOT,
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
  }

  function namesFiles(text: string, files: RegExp): void {
    for (const [file] of text.matchAll(files)) assert(existsSync(path.join(ROOT, file)), `there is no ${file}`);
  }

  function runsTool(text: string): void {
    if (!existsSync(path.join(ROOT, text.split(" ")[0]!))) return;
    const { status, stderr } = spawnSync("bash", ["-c", toTestServer(text)], { cwd: ROOT, encoding: "utf8" });
    assert.equal(status, 0, stderr);
  }

  /** `kubectl apply -k FOLDER`, after the command that writes it. */
  function namesManifests(sandbox: Sandbox, text: string): void {
    const [, folder] = /-k (\S+)/.exec(text) ?? [];
    if (folder === undefined || !folder.startsWith("generated")) return;
    if (!sandbox.has(folder)) assertDone(sandbox.run("flotilla manifests"), "flotilla manifests");
    assert(sandbox.has(`${folder}/kustomization.yaml`), `${folder} has no kustomization.yaml`);
  }
}).timeout(180_000);
