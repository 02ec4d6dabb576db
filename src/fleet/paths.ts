import { realpathSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { show } from "./findings.js";

/** Why a path of a fleet file can't be used. */
export interface PathProblem {
  readonly message: string;
  readonly fix: string;
}

/**
 * Checks that a fleet file's path stays inside of the fleet's folder, links followed. A path through node_modules may
 * leave it by a link, as package managers put their store elsewhere. The file itself need not be there.
 */
export function checkPath(root: string, path: string): PathProblem | undefined {
  if (path.includes("\0")) return { message: `${show(path)} holds a NUL character`, fix: "write a path" };
  if (path.includes("\\")) {
    return {
      message: `${show(path)} holds a backslash`,
      fix: `write it with slashes: ${show(path.replaceAll("\\", "/"))}`,
    };
  }
  const inside = "expected a path inside of the fleet file's folder";
  const fix = "copy the file in and write its path relative to the fleet file";
  if (isAbsolute(path) || /^[A-Za-z]:/.test(path))
    return { message: `${inside}, got the absolute path ${show(path)}`, fix };
  if (path.split("/").includes(".."))
    return { message: `${inside}, got "..", which leads out of folders: ${show(path)}`, fix };
  if (path.split("/").includes("node_modules")) return undefined;
  try {
    const target = realpathOfNearest(resolve(root, path));
    if (isInside(realpathSync(root), target)) return undefined;
    return { message: `${inside}, got ${show(path)}, a link to ${show(target)}`, fix };
  } catch (error) {
    return {
      message: `${show(path)} can't be followed: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      fix,
    };
  }
}

/** Where a path leads, links followed; of one that is not there, where its nearest folder that is does. */
function realpathOfNearest(path: string): string {
  for (let current = path; ; current = dirname(current)) {
    try {
      return realpathSync(current);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== "ENOENT" && code !== "ENOTDIR") || dirname(current) === current) throw error;
    }
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
