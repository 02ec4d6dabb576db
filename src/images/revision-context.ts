import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, normalize, relative } from "node:path";
import { readOnnx } from "../contract/onnx.js";
import { packageRoot } from "../fleet/package-root.js";
import { contractImage } from "../fleet/protos.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";
import { toYaml } from "../fleet/yaml-writer.js";
import type { FileContent, FileTree } from "./file-tree.js";
import { installedPackages } from "./installed-packages.js";
import type { Platform } from "./platform.js";
import { bundleTransform } from "./transform-bundle.js";

/** Where the model is in the image's fleet, under its own name: external data is found by names beside it. */
const MODEL_FOLDER = "model";
const TRANSFORM = "transform.mjs";

/** What one revision's image has on top of the runtime. */
export interface RevisionOptions {
  readonly fleet: FleetSpec;
  readonly contract: ContractSpec;
  readonly revision: RevisionSpec;
  readonly platform: Platform;
}

/**
 * The files of one revision's image: a fleet of this revision alone, its model, its contract, its transform.
 * @throws Error where the model is not there or another, or the transform can't be compiled
 */
export async function revisionContext(options: RevisionOptions): Promise<FileTree> {
  const { fleet, contract, revision, platform } = options;
  const transform = contract.transform === undefined ? undefined : await bundleTransform(contract.transform);
  const packages =
    transform === undefined ? [] : installedPackages(transform.packages, dirname(contract.transform!), platform);
  const image = await contractImage(fleet.root, contract.name);
  return new Map<string, FileContent>([
    ["Dockerfile", { from: join(packageRoot(), "src/images/revision.Dockerfile") }],
    // A folder that is there in any case, as a Dockerfile can't leave out what is not.
    [
      "packages/node_modules/.packages",
      { content: transform === undefined ? "" : `${transform.packages.join("\n")}\n` },
    ],
    ...[...packages].map(([path, file]): [string, FileContent] => [`packages/${path}`, file]),
    ["fleet/fleet.yaml", { content: fleetText(options) }],
    [`fleet/generated/contracts/${contract.name}.binpb`, { content: image }],
    ...modelFiles(revision),
    ...(transform === undefined ? [] : [[`fleet/${TRANSFORM}`, { content: transform.code }] as [string, FileContent]]),
    ...contract.assets.map((asset): [string, FileContent] => [
      `fleet/${relative(fleet.root, asset)}`,
      { from: existing(asset) },
    ]),
  ]);
}

/** How a revision is served is for its pod's environment to say: an image holds what never changes. */
function fleetText({ fleet, contract, revision }: RevisionOptions): string {
  return toYaml({
    apiVersion: "flotilla.dev/v1",
    kind: "Fleet",
    metadata: { name: fleet.name, namespace: fleet.namespace },
    spec: {
      contracts: [
        {
          name: contract.name,
          ...(contract.owner === undefined ? {} : { owner: contract.owner }),
          ...(contract.transform === undefined ? {} : { transform: TRANSFORM }),
          deadline: `${contract.deadlineMs}ms`,
          revisions: {
            [revision.name]: { model: `${MODEL_FOLDER}/${basename(revision.model)}`, sha256: revision.sha256 },
          },
        },
      ],
    },
  });
}

/** The model and its external data; nothing where the pod gets the model from elsewhere. */
function modelFiles({ model, sha256, source }: RevisionSpec): [string, FileContent][] {
  if (source !== undefined) return [];
  const bytes = readFileSync(existing(model));
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (digest !== sha256) throw new Error(`${model}: its sha256 is ${digest}, the fleet file says ${sha256}`);
  const names = [basename(model), ...readOnnx(bytes).externalData];
  return names.map((name) => {
    // The file's own words, and files may come from anywhere.
    if (isAbsolute(name) || normalize(name).startsWith(".."))
      throw new Error(`${model}: its data "${name}" is outside its folder`);
    return [`fleet/${MODEL_FOLDER}/${name}`, { from: existing(join(dirname(model), name)) }];
  });
}

function existing(file: string): string {
  if (!existsSync(file)) throw new Error(`${file}: no such file; \`flotilla check\` says what to do`);
  return file;
}
