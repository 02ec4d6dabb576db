import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { LICENCES_PAGE, licencesPage } from "./docs/licences-page.js";

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  /** Another platform's, say. */
  readonly optional?: boolean;
  /** Inside of the package that needs it, whose own digest covers it. */
  readonly inBundle?: boolean;
}

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

describe("what the project is built from", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const locked = Object.entries(lock.packages as Record<string, LockedPackage>).filter(([place]) => place !== "");

  it("is named by exact versions in package.json, and the lock file has those", () => {
    for (const [name, version] of Object.entries<string>({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.match(version, EXACT, name);
      assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name);
    }
  });

  it("has a sha512 of each package in the lock file, so that npm takes no other bytes for it", () => {
    assert(locked.length > 100);
    assert.deepEqual(
      locked
        .filter(([, { integrity, link, inBundle }]) => !link && !inBundle && !integrity?.startsWith("sha512-"))
        .map(([place]) => place),
      [],
    );
  });

  // What `npm audit signatures` asks a registry, as far as it can be told without one: npm notes the digest of what it
  // has checked and unpacked.
  it("is installed with those digests and versions, whole, and with nothing else", () => {
    const installed = JSON.parse(readFileSync("node_modules/.package-lock.json", "utf8")).packages;
    for (const [place, { integrity, version, optional }] of locked) {
      if (installed[place] === undefined && optional) continue;
      assert.equal(installed[place]?.integrity, integrity, place);
      const file = path.join(place, "package.json");
      if (existsSync(file)) assert.equal(JSON.parse(readFileSync(file, "utf8")).version, version, place);
      else assert(optional, `${place} is not there`);
    }
    const known = new Set(locked.map(([place]) => place));
    assert.deepEqual(
      Object.keys(installed).filter((place) => !known.has(place)),
      [],
    );
  });

  it("has a licence, package by package, in docs/licences.md", () => {
    const page = readFileSync(LICENCES_PAGE, "utf8");
    assert.equal(page, licencesPage(), "docs/licences.md is old: run `make licences`");
    assert.doesNotMatch(page, /not said/);
  });

  it("names no registry's host: packages come from the one that is set up", () => {
    assert.doesNotMatch(readFileSync("package-lock.json", "utf8"), /"resolved": "(https?|git)/);
  });

  for (const file of ["test/requirements.txt", "models/requirements.txt", "models/python/requirements.txt"]) {
    it(`is named by exact versions in ${file}`, () => {
      const lines = readFileSync(file, "utf8")
        .split("\n")
        .map((line) => line.replace(/\s*#.*/, "").trim());
      const loose = lines.filter((line) => line !== "" && !line.startsWith("-") && !/^[\w.[\]-]+==[\w.+]+$/.test(line));
      assert.deepEqual(loose, []);
    });
  }
});
