import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import { protoText, ROOT } from "./contract-fixture.js";

/** A contract of a fleet on disk: the body of its .proto, and its models by revision. */
export interface FleetContract {
  readonly body: string;
  readonly revisions: Readonly<Record<string, Uint8Array>>;
  /** Further fields of the contract, and of each of its revisions, in the fleet file. */
  readonly fields?: object;
  readonly revisionFields?: object;
}

/**
 * Writes a fleet into a new folder: fleet.yaml, proto/, models/. Returns the folder.
 * @param spec further fields of the fleet file
 */
export function writeFleet(contracts: Readonly<Record<string, FleetContract>>, spec: object = {}): string {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-fleet-"));
  const entries = Object.entries(contracts).map(([name, { body, revisions, fields, revisionFields }]) => {
    write(folder, path.join("proto", ...name.split("."), "contract.proto"), protoText(name, body));
    const models = Object.entries(revisions).map(([revision, bytes]) => {
      const model = path.join("models", name, `${revision}.onnx`);
      write(folder, model, bytes);
      return [revision, { model, sha256: createHash("sha256").update(bytes).digest("hex"), ...revisionFields }];
    });
    const traffic = { [Object.keys(revisions)[0]!]: 100 };
    return { name, revisions: Object.fromEntries(models), traffic, callers: ["test/caller"], ...fields };
  });
  const fleet = {
    apiVersion: "flotilla.dev/v1",
    kind: "Fleet",
    metadata: { name: "test", namespace: "test" },
    spec: { contracts: entries, ...spec },
  };
  write(folder, "fleet.yaml", stringify(fleet));
  return folder;
}

function write(folder: string, file: string, content: string | Uint8Array): void {
  const target = path.join(folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, content);
}

/** What `flotilla serve --output json` prints. */
export interface ServedFleet {
  readonly address: string;
  readonly metrics: string;
  readonly models: {
    readonly contract: string;
    readonly revision: string;
    readonly state: string;
    readonly problem?: string;
    readonly call: string;
  }[];
}

/** `flotilla serve` as a process of its own. */
export class FleetProcess {
  readonly process: ChildProcess;
  readonly served: ServedFleet;
  readonly #log: string[];

  private constructor(child: ChildProcess, served: ServedFleet, log: string[]) {
    this.process = child;
    this.served = served;
    this.#log = log;
  }

  /** Starts it on free ports and waits until it is warm. `args` begin with what to serve. */
  static start(...args: string[]): Promise<FleetProcess> {
    return FleetProcess.startIn({}, ...args);
  }

  /** The same with some variables in its environment. */
  static async startIn(environment: Readonly<Record<string, string>>, ...args: string[]): Promise<FleetProcess> {
    const command = [
      path.join(ROOT, "dist/src/bin/flotilla.js"),
      "serve",
      ...args,
      "--port",
      "0",
      "--metrics-port",
      "0",
      "--output",
      "json",
    ];
    const env = { ...process.env, ...environment };
    const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "pipe"], env });
    const log: string[] = [];
    child.stderr!.on("data", (chunk) => log.push(String(chunk)));
    const served = await firstJson<ServedFleet>(child);
    if (served === undefined) throw new Error(`flotilla serve ended: ${log.join("")}`);
    return new FleetProcess(child, served, log);
  }

  /** What it wrote to its log. */
  get log(): string {
    return this.#log.join("");
  }

  /** A figure of its /metrics, the sum over all labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(this.served.metrics)).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  }

  /** Sends a signal and waits for the end; returns the exit code. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.process.exitCode !== null) return this.process.exitCode;
    const exit = once(this.process, "exit");
    this.process.kill(signal);
    return (await exit)[0] as number | null;
  }
}

/** The JSON that a process prints first, once it is whole; undefined where the process ends before. */
export async function firstJson<Value>(child: ChildProcess): Promise<Value | undefined> {
  let output = "";
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    output += chunk;
    try {
      return JSON.parse(output) as Value;
    } catch {
      // It has not come whole.
    }
  }
  return undefined;
}

/** Takes a fleet's folder away. */
export function removeFleet(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
