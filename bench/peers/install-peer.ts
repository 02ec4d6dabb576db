import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { filesOf, type Peer } from "./peers.js";

/** Where each peer is installed, by itself; git ignores it. */
const ENVIRONMENTS = ".venv-peers";
/** Where what the peers print is kept. */
const LOGS = path.join("generated", "bench", "peers");

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/**
 * Installs a peer, where that has not been done yet.
 * @returns what starts it
 * @throws Error with the last lines that the installer printed
 */
export function installPeer(peer: Peer): Promise<Command> {
  return peer.language === "Python" ? installPython(peer) : buildRust(peer);
}

async function installPython(peer: Peer): Promise<Command> {
  const { name, folder } = peer;
  const [requirements] = filesOf(peer);
  const environment = path.resolve(ENVIRONMENTS, name);
  const python = path.join(environment, "bin", "python");
  const command: Command = [python, path.resolve(folder, "server.py")];
  const stamp = path.join(environment, "installed.txt");
  const wanted = readFileSync(requirements!, "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return command;
  process.stderr.write(`${name}: installing into ${path.join(ENVIRONMENTS, name)}\n`);
  rmSync(environment, { recursive: true, force: true });
  const log = openLog(`${name}-install`);
  await run(process.env.PYTHON ?? "python3", ["-m", "venv", environment], log);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements!], log);
  writeFileSync(stamp, wanted);
  return command;
}

/** Cargo finds out itself whether there is anything to build. */
async function buildRust({ name, folder }: Peer): Promise<Command> {
  const target = path.resolve(ENVIRONMENTS, name);
  process.stderr.write(`${name}: building into ${path.join(ENVIRONMENTS, name)}\n`);
  const manifest = path.join(folder, "Cargo.toml");
  const build = ["build", "--release", "--quiet", "--manifest-path", manifest, "--target-dir", target];
  await run(process.env.CARGO ?? "cargo", build, openLog(`${name}-install`));
  return [path.join(target, "release", `${name}-peer`)];
}

/** A file that a process prints into. */
export interface Log {
  readonly file: string;
  readonly descriptor: number;
}

export function openLog(name: string): Log {
  mkdirSync(LOGS, { recursive: true });
  const file = path.join(LOGS, `${name}.log`);
  return { file, descriptor: openSync(file, "w") };
}

/** The last lines of a log, on one line. */
export function lastLines({ file }: Log): string {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.slice(-3).join(" / ").slice(-240);
}

async function run(command: string, args: readonly string[], log: Log): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", log.descriptor, log.descriptor] });
  // Where there is no such program, the event is an error, and throws.
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`can't be installed: ${lastLines(log)} (${log.file})`);
}
