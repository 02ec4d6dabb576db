import { existsSync } from "node:fs";
import path from "node:path";
import { type Browser, chromium } from "playwright-core";

/** What distributions call Chromium. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The browser of this machine: that of CHROMIUM, or the first on PATH; undefined where there is none. */
export function browserPath(): string | undefined {
  if (process.env.CHROMIUM !== undefined) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => path.join(folder, name))).find((file) => existsSync(file));
}

/** Starts it. Without its own sandbox, as containers and root have none. */
export function startBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
