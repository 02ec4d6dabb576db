import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { createFileRegistry, fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { compareSignatures } from "../contract/compatibility.js";
import { type Contract, ContractError, loadContract } from "../contract/contract.js";
import { nextVersion } from "../contract/contract-name.js";
import type { Signature } from "../contract/signature.js";
import { type Finding, FleetError } from "../fleet/findings.js";
import type { LoadedFleet } from "../fleet/load.js";
import { contractImage } from "../fleet/protos.js";
import type { ContractSpec, RevisionSpec } from "../fleet/spec.js";
import { TRANSFORM_STEP_LIMIT_MS } from "../serving/fleet-sources.js";
import { loadApart } from "../serving/load-apart.js";
import { ModelError } from "../serving/model-error.js";
import { paddingProblem } from "../serving/padding-check.js";
import { type ModelFile, Session } from "../serving/session.js";
import { TransformRunner } from "../serving/transform-runner.js";
import { checkComposition } from "./check-composition.js";
import type { Checked } from "./checked-contract.js";

/**
 * Every contract's bindings, and every model against its contract.
 * @param options.open loads the models; without it only their files are looked for
 */
export async function checkModels(loaded: LoadedFleet, options: { readonly open: boolean }): Promise<Finding[]> {
  const { fleet } = loaded;
  const findings: Finding[] = [];
  const fatal = options.open
    ? await loadApart(fleet.contracts.flatMap((spec) => modelFiles(spec, fleet.root)))
    : new Map();
  // One after the other: a model may take much of the memory.
  for (const [index, spec] of fleet.contracts.entries()) {
    const findingAt: Checked["findingAt"] = (steps, message, fix = "") =>
      loaded.findingAt(["spec", "contracts", index, ...steps], { message: relativeTo(fleet.root, message), fix });
    findings.push(...(await checkContract({ spec, root: fleet.root, findingAt, fatal }, options.open)));
  }
  return findings;
}

/** Models that are there. What has another digest than the fleet file's is not loaded. */
function modelFiles({ revisions }: ContractSpec, modelRoot: string): ModelFile[] {
  return revisions.flatMap(({ model, sha256 }) =>
    model !== undefined && existsSync(model) ? [{ modelPath: model, modelRoot, sha256 }] : [],
  );
}

/** Messages of the server name files by their absolute path; beside a fleet file's own paths that only takes space. */
function relativeTo(root: string, message: string): string {
  return message.replaceAll(`${root}${path.sep}`, "");
}

async function checkContract(checked: Checked, open: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  const contract = await readContract(checked, findings);
  if (contract !== undefined) findings.push(...checkExample(checked, contract), ...checkBound(checked, contract));
  const models = checked.spec.revisions.filter(({ model }) => model !== undefined);
  const asked = contract !== undefined && models.length > 0;
  const wanted = asked ? await wantedSignature(checked, contract, findings) : undefined;
  for (const revision of checked.spec.revisions) {
    if (revision.module !== undefined) {
      findings.push(...(await checkComposition(checked, revision, contract)));
      continue;
    }
    const problem = missingFile(checked, revision) ?? (open ? await wrongDigest(checked, revision) : undefined);
    if (problem !== undefined) findings.push(problem);
    else if (open) findings.push(...(await checkModel(checked, revision, wanted)));
  }
  return findings;
}

async function readContract({ spec, root, findingAt }: Checked, findings: Finding[]): Promise<Contract | undefined> {
  try {
    return loadContract(await contractImage(root, spec.name), spec.name);
  } catch (error) {
    if (error instanceof FleetError) findings.push(...error.findings);
    else if (error instanceof ContractError)
      findings.push(...error.problems.map((problem) => findingAt(["name"], problem)));
    else throw error;
    return undefined;
  }
}

/** What the contract asks of its models: by its bindings, or by its transform. */
async function wantedSignature(checked: Checked, contract: Contract, findings: Finding[]) {
  const { spec, findingAt } = checked;
  const bound = contract.signature;
  if (spec.transform === undefined) {
    if (bound !== undefined) return bound;
    const message = "no field of the contract's messages is bound to a tensor, and no transform is named";
    findings.push(findingAt(["name"], message, "bind the fields, or write transform: with its module"));
    return undefined;
  }
  if (bound !== undefined) {
    const message = "the contract's messages are bound to tensors, so that a transform has nothing to do";
    findings.push(findingAt(["transform"], message, "leave the transform out, or the bindings"));
    return bound;
  }
  const { requestType, responseType } = contract.methods[0]!;
  try {
    const settings = {
      path: spec.transform,
      image: contract.image,
      requestType,
      responseType,
      stepLimitMs: TRANSFORM_STEP_LIMIT_MS,
    };
    return (await TransformRunner.load(spec.name, settings)).signature;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    findings.push(findingAt(["transform"], error.message));
    return undefined;
  }
}

/** A composition makes its answers itself. */
function checkBound({ spec, findingAt }: Checked, contract: Contract): Finding[] {
  const composed = spec.revisions.filter(({ module }) => module !== undefined);
  if (contract.signature === undefined) return [];
  const message = "the contract's messages are bound to tensors, and a composition has none";
  return composed.map(({ name }) => findingAt(["revisions", name, "module"], message, "leave the bindings out"));
}

/** The example request is one that the contract takes. */
function checkExample({ spec, findingAt }: Checked, contract: Contract): Finding[] {
  if (spec.example === undefined) return [];
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, contract.image));
  const { requestType } = contract.methods[0]!;
  try {
    fromJson(registry.getMessage(requestType)!, JSON.parse(readFileSync(spec.example, "utf8")) as JsonValue, {
      registry,
    });
    return [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [findingAt(["example"], "no such file")];
    return [findingAt(["example"], `expected a ${requestType} as JSON: ${(error as Error).message}`)];
  }
}

function missingFile({ findingAt }: Checked, revision: RevisionSpec): Finding | undefined {
  if (existsSync(revision.model!)) return undefined;
  const fix = revision.model!.includes("/node_modules/")
    ? "run `npm install`"
    : "put the model there, or mend the path";
  return findingAt(["revisions", revision.name, "model"], "no such file", fix);
}

async function wrongDigest({ findingAt }: Checked, revision: RevisionSpec): Promise<Finding | undefined> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(revision.model!), hash);
  } catch (error) {
    return findingAt(["revisions", revision.name, "model"], `can't be read: ${(error as Error).message}`);
  }
  const digest = hash.digest("hex");
  if (digest === revision.sha256) return undefined;
  const fix = "bring the right file back, or add this one as a new revision with `flotilla add`";
  return findingAt(["revisions", revision.name, "sha256"], `the model's sha256 is ${digest}`, fix);
}

/** The model has the inputs that are to be filled up, and they may be. */
function checkPadded({ findingAt }: Checked, { name, batching }: RevisionSpec, signature: Signature): Finding[] {
  const problem = batching.padding && paddingProblem(signature, batching.padding);
  if (problem === undefined) return [];
  return [findingAt(["revisions", name, "batching", "padding"], problem, "mend it, or leave padding out")];
}

/** The model loads, and has the tensors that the contract asks for. */
async function checkModel(checked: Checked, revision: RevisionSpec, wanted: Signature | undefined): Promise<Finding[]> {
  const at = ["revisions", revision.name, "model"];
  try {
    const problem = checked.fatal.get(revision.model!);
    if (problem) throw problem;
    const file = { modelPath: revision.model!, modelRoot: checked.root, sha256: revision.sha256 };
    const session = await Session.load(file, 1);
    const differences = wanted === undefined ? [] : compareSignatures(wanted, session.signature);
    session.release();
    const padded = checkPadded(checked, revision, wanted ?? session.signature);
    const fix = `add the model under another version, ${nextVersion(checked.spec.name)}, with \`flotilla add\``;
    const findings = differences.map(({ message }) =>
      checked.findingAt(at, `does not fit the contract: ${message}`, fix),
    );
    return findings.length > 0 ? findings : padded;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return [checked.findingAt(at, error.message)];
  }
}
