import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { placeContract } from "../contract/contract-name.js";
import type { CheckedModel } from "./add-model.js";

/** A file to be copied: absolute path, and path relative to the fleet's folder, with slashes. */
export interface Copy {
  readonly from: string;
  readonly to: string;
}

/** Where a model will be served from. */
export interface ModelPlace {
  /** Path relative to the fleet's folder, with slashes. */
  readonly path: string;
  /** What has to be copied there; nothing where the model lies in the fleet's folder. */
  readonly copies: readonly Copy[];
}

/** What is to be placed. `root` is the fleet's folder, links followed. */
export interface PlaceRequest {
  readonly root: string;
  readonly contract: string;
  readonly revision: string;
  /** The model's file as the user named it. */
  readonly source: string;
  readonly model: CheckedModel;
}

/**
 * Where a model lies in a fleet's folder, or is to be copied to: `models/fraud/r1.onnx`, or with weights in other files
 * `models/fraud/r1/` and all of them in it. A copy that is there already is used; another file is never overwritten.
 * @throws Error where every place is taken
 */
export async function placeModel(request: PlaceRequest): Promise<ModelPlace> {
  const { root, model, source } = request;
  const inside = path.relative(root, model.file);
  if (!inside.startsWith("..") && !path.isAbsolute(inside)) {
    if (inside.endsWith(".onnx")) return { path: toSlashes(inside), copies: [] };
    throw new Error(`${source}: the fleet file takes models that end in .onnx; rename it`);
  }
  for (const folder of folders(request)) {
    const copies = plannedCopies(folder, request);
    const states = await Promise.all(copies.map((copy) => stateOf(root, copy)));
    if (states.includes("taken")) continue;
    return { path: copies[0]!.to, copies: copies.filter((_, index) => states[index] === "free") };
  }
  const [first] = plannedCopies(folders(request)[0]!, request);
  throw new Error(
    `${first!.to} is there already and another file: copy ${source} into the fleet's folder yourself, and add it there`,
  );
}

/** `models/fraud`, then, as another version may have taken it, `models/fraud_v2`, then `models/acme_fraud_v2`. */
function folders({ contract }: PlaceRequest): string[] {
  const { model, name } = placeContract(contract);
  const version = name.split(".").at(-1);
  return [`models/${model}`, `models/${model}_${version}`, `models/${name.replaceAll(".", "_")}`];
}

function plannedCopies(folder: string, { revision, model }: PlaceRequest): Copy[] {
  const { externalData } = model.onnx;
  if (externalData.length === 0) return [{ from: model.file, to: `${folder}/${revision}.onnx` }];
  // The model names these files relative to itself: they keep their names.
  const home = path.dirname(model.file);
  const data = externalData.map((location) => ({
    from: path.resolve(home, location),
    to: `${folder}/${revision}/${toSlashes(path.normalize(location))}`,
  }));
  return [{ from: model.file, to: `${folder}/${revision}/${revision}.onnx` }, ...data];
}

async function stateOf(root: string, { from, to }: Copy): Promise<"free" | "same" | "taken"> {
  const there = await digestOf(path.join(root, to));
  if (there === undefined) return "free";
  return there === (await digestOf(from)) ? "same" : "taken";
}

async function digestOf(file: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
    return hash.digest("hex");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function toSlashes(file: string): string {
  return file.split(path.sep).join("/");
}
