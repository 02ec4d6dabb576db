import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";

/** The page with the licence of each npm package. */
export const LICENCES_PAGE = path.join(ROOT, "docs/licences.md");

/** A package as the lock file has it. */
interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const HEAD = `# Licences

Every npm package of the lock file, by licence; those for other platforms than yours too. Made by \`make licences\`. What an
image holds is in its [bill of materials](packaging.md#what-is-in-an-image); the models' licences are in
[the example models](models.md).
`;

/** The page, from the lock file alone: the same on each machine. */
export function licencesPage(): string {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8"));
  const locked = Object.entries(packages as Record<string, Locked>).filter(([place]) => place !== "");
  const part = (title: string, isOf: (one: Locked) => boolean) =>
    `\n## ${title}\n\n${licenceTable(
      locked.filter(([, one]) => isOf(one)),
      locked,
    )}`;
  return [
    HEAD,
    part("Installed with Flotilla", ({ dev }) => !dev),
    part("For working on it, its tests and the example models", ({ dev }) => dev === true),
  ].join("");
}

type Placed = readonly [place: string, one: Locked];

function licenceTable(own: readonly Placed[], all: readonly Placed[]): string {
  const byLicence = new Map<string, Set<string>>();
  for (const [place, one] of own) {
    const licence = one.license ?? licenceOfParent(nameOf(place), all);
    byLicence.set(licence, (byLicence.get(licence) ?? new Set()).add(`${nameOf(place)} ${one.version}`));
  }
  const rows = [...byLicence]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([licence, names]) => `| ${licence} | ${[...names].sort().join(", ")} |`);
  return `| licence | packages |\n| --- | --- |\n${rows.join("\n")}\n`;
}

/** A binary for one platform may leave it to the package that it is a part of. */
function licenceOfParent(name: string, all: readonly Placed[]): string {
  const [, parent] = all.find(([, { optionalDependencies = {} }]) => Object.hasOwn(optionalDependencies, name)) ?? [];
  return parent?.license ?? "not said";
}

function nameOf(place: string): string {
  return place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
}

/** Writes the page anew: `make licences`. */
if (process.argv[1] === import.meta.filename) writeFileSync(LICENCES_PAGE, licencesPage());
