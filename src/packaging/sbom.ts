import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { packageVersion } from "../fleet/package-root.js";
import type { Layers } from "./context-folder.js";
import { type ImageFile, textFile } from "./image-file.js";

/** What an image is, for its bill of materials. */
export interface SbomSubject {
  /** `acme.fraud.v1/r2`, or `flotilla` of the runtime. */
  readonly name: string;
  readonly version: string;
  /** The model that the image holds, where it holds one: its path there, and its hex sha256. */
  readonly model?: { readonly path: string; readonly sha256: string } | undefined;
}

/** A component as CycloneDX has it. */
interface Component {
  readonly type: "library" | "machine-learning-model";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: "SHA-256"; readonly content: string }[];
  readonly licenses?: readonly Licence[];
}

type Licence = { readonly expression: string } | { readonly license: { readonly name: string } };

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type?: string }[];
}

/** Its name in each image. */
export const SBOM_FILE = "sbom.cdx.json";
/** A package's own manifest; packages may hold others, of their parts. */
const MANIFEST = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/;

/**
 * The bill of materials of what an image's layers add: each package with its version and licence, and the model with its
 * digest. The same layers have the same one.
 * @see https://cyclonedx.org/docs/1.6/json/
 */
export function sbomFile(subject: SbomSubject, layers: Layers): ImageFile {
  const files = Object.values(layers).flat();
  const packages = files.flatMap(toLibrary);
  const unique = new Map([...packages, ...modelOf(subject)].map((component) => [component["bom-ref"], component]));
  const components = [...unique.values()].sort((one, other) => (one["bom-ref"] < other["bom-ref"] ? -1 : 1));
  const bom = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: serialNumber(JSON.stringify([subject, components])),
    version: 1,
    metadata: {
      tools: { components: [{ type: "application", name: "flotilla", version: packageVersion() }] },
      component: { type: "container", "bom-ref": subject.name, name: subject.name, version: subject.version },
    },
    components,
  };
  return textFile(SBOM_FILE, `${JSON.stringify(bom, undefined, 2)}\n`);
}

function toLibrary({ path, content }: ImageFile): Component[] {
  const [, name] = MANIFEST.exec(path) ?? [];
  if (name === undefined) return [];
  const text = "file" in content ? readFileSync(content.file, "utf8") : Buffer.from(content.bytes).toString("utf8");
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.version === undefined) return [];
  const purl = `pkg:npm/${name.replace("@", "%40")}@${manifest.version}`;
  return [{ type: "library", "bom-ref": purl, name, version: manifest.version, purl, licenses: licencesOf(manifest) }];
}

function licencesOf({ license, licenses }: Manifest): Licence[] {
  const written = typeof license === "object" ? license.type : license;
  const names = written === undefined ? (licenses ?? []).flatMap(({ type }) => type ?? []) : [written];
  if (names.length === 0) return [{ license: { name: "not said" } }];
  const text = names.length === 1 ? names[0]! : `(${names.join(" OR ")})`;
  // An SPDX identifier or an expression of some; npm also allows a hint to a file.
  return /^SEE LICEN[CS]E IN/i.test(text) ? [{ license: { name: text } }] : [{ expression: text }];
}

function modelOf({ model }: SbomSubject): Component[] {
  if (!model) return [];
  const { path, sha256 } = model;
  const hashes = [{ alg: "SHA-256", content: sha256 }] as const;
  return [{ type: "machine-learning-model", "bom-ref": `sha256:${sha256}`, name: posix.basename(path), hashes }];
}

/** A UUID out of a text (RFC 9562, version 8). */
function serialNumber(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join("-")}`;
}
