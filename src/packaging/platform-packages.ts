import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type InstalledPackage, installedPackages, isNative, type PackageManifest } from "./installed-packages.js";
import { isOwnPlatform, type Platform } from "./platform.js";

const TIMEOUT_MS = 600_000;

/** Packages for a platform, and how to be rid of what was fetched for them. */
export interface PlatformPackages {
  readonly packages: readonly InstalledPackage[];
  readonly close: () => void;
}

/**
 * Packages and all that they need, for a platform: as they are installed where they run there too, else in the same
 * versions from npm's registry.
 * @param wanted names, each with a folder that has the package, or one above it has
 * @throws Error where one is not installed, or npm can't install it for the platform
 */
export async function platformPackages(
  wanted: ReadonlyMap<string, string>,
  platform: Platform,
): Promise<PlatformPackages> {
  const here = installedPackages(wanted);
  if (isOwnPlatform(platform) || !here.some(isNative)) return { packages: here, close: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), "flotilla-packages-"));
  const close = () => rmSync(folder, { recursive: true, force: true });
  try {
    await install(folder, here, platform);
    const packages = installedPackages(new Map([...wanted.keys()].map((name) => [name, folder])));
    return { packages, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Every version is pinned to the one that is installed here; a package's binaries have exact versions anyway. */
async function install(folder: string, here: readonly InstalledPackage[], { arch }: Platform): Promise<void> {
  const pinned = here
    .filter(({ manifest }) => isPlain(manifest))
    .map(({ manifest }) => [manifest.name, manifest.version]);
  const manifest = { private: true, dependencies: Object.fromEntries(pinned) };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
  const target = ["--os=linux", `--cpu=${arch}`, "--libc=glibc", "--ignore-scripts"];
  try {
    await promisify(execFile)("npm", ["install", ...target, ...quiet], { cwd: folder, timeout: TIMEOUT_MS });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    const names = pinned.map((pin) => pin.join("@")).join(", ");
    throw new Error(`npm can't install ${names} for linux on ${arch}: ${stderr?.trim() || message}`);
  }
}

function isPlain({ os, cpu, libc }: PackageManifest): boolean {
  return os === undefined && cpu === undefined && libc === undefined;
}
