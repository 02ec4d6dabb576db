import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../../support/contract-fixture.js";
import { kubectl } from "./kubectl.js";

/**
 * Installs the CRDs that a fleet may need beyond Istio's, but for those that the cluster has.
 * @returns the names of those that were installed, for `removeCrds`
 */
export async function installCrds(): Promise<string[]> {
  const folder = execFileSync(path.join(ROOT, "test/tools/crds.sh"), { encoding: "utf8" }).trim();
  const there = new Set(names(await kubectl(["get", "crd", "-o", "name"])));
  const installed: string[] = [];
  for (const file of readdirSync(folder).map((name) => path.join(folder, name))) {
    const brings = names(await kubectl(["create", "--dry-run=client", "-o", "name", "-f", file]));
    if (brings.some((name) => there.has(name))) continue;
    // Too large for the annotation of a client-side apply.
    await kubectl(["apply", "--server-side", "-f", file]);
    installed.push(...brings);
  }
  if (installed.length > 0) await kubectl(["wait", "--for=condition=Established", "--timeout=60s", ...installed]);
  return installed;
}

/** Takes CRDs away, with all objects of their kinds. */
export async function removeCrds(installed: readonly string[]): Promise<void> {
  if (installed.length > 0) await kubectl(["delete", ...installed]);
}

function names(printed: string): string[] {
  return printed
    .trim()
    .split("\n")
    .filter((name) => name !== "");
}
