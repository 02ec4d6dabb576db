import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Name of an image with this machine's Node.js, and the libraries that it and ONNX Runtime are linked to. */
export const BASE = "localhost/test/node:own";
const NATIVE = `node_modules/onnxruntime-node/bin/napi-v6/linux/${process.arch}`;

/** Buildah with a store of its own, which needs no daemon, no registry and no network. */
export class ImageEngine {
  readonly #folder: string;
  /** For the environment of whoever shall use the store. */
  readonly environment: Readonly<Record<string, string>>;

  private constructor(folder: string) {
    this.#folder = folder;
    const storage = path.join(folder, "storage.conf");
    const lines = ["[storage]", 'driver = "vfs"', `graphroot = "${folder}/images"`, `runroot = "${folder}/run"`];
    writeFileSync(storage, `${lines.join("\n")}\n`);
    this.environment = { CONTAINERS_STORAGE_CONF: storage, BUILDAH_ISOLATION: "chroot" };
  }

  /** Whether Buildah is there, and may do what it does. */
  static isThere(): boolean {
    return process.getuid?.() === 0 && spawnSync("buildah", ["version"]).status === 0;
  }

  /** A new store that holds the base image alone. */
  static create(): ImageEngine {
    const engine = new ImageEngine(mkdtempSync(path.join(tmpdir(), "flotilla-images-")));
    engine.#buildBase();
    return engine;
  }

  /**
   * Runs Buildah.
   * @returns what it printed
   * @throws Error with what it said
   */
  run(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync("buildah", args, {
      encoding: "utf8",
      env: { ...process.env, ...this.environment },
      maxBuffer: 1 << 26,
    });
    if (status !== 0) throw new Error(`buildah ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  /** Takes the store away. */
  remove(): void {
    this.run("rm", "--all");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #buildBase(): void {
    const context = path.join(this.#folder, "base");
    const node = realpathSync(process.execPath);
    const native = readdirSync(NATIVE).map((name) => path.join(NATIVE, name));
    for (const file of linkedFiles(node, ...native)) copy(realpathSync(file), path.join(context, "rootfs", file));
    copy(node, path.join(context, "rootfs/usr/local/bin/node"));
    writeFileSync(path.join(context, "Dockerfile"), "FROM scratch\nCOPY rootfs/ /\nENV PATH=/usr/local/bin\n");
    this.run("build", "--tag", BASE, context);
  }
}

/** Absolute paths of the system's libraries that some files are linked to. */
function linkedFiles(...files: readonly string[]): Set<string> {
  const { stdout } = spawnSync("ldd", files, { encoding: "utf8" });
  const linked = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].map(([, file]) => file!);
  return new Set(linked.filter((file) => !file.includes("/node_modules/")));
}

function copy(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(from, to);
}
