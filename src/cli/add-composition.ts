import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { type LoadedComposition, loadComposition } from "../composition/load-composition.js";
import { codeName, methodName } from "../composition/method-names.js";
import { loadContract } from "../contract/contract.js";
import { placeContract } from "../contract/contract-name.js";
import { writeCompositionContract } from "../contract/proto-composition.js";
import { moduleDigest } from "../fleet/module-digest.js";
import { nearest } from "../fleet/nearest.js";
import { PROTO_FOLDER } from "../fleet/proto-workspace.js";
import { contractFiles, contractImage } from "../fleet/protos.js";
import { DEFAULTS } from "../fleet/schema.js";
import type { ContractSpec } from "../fleet/spec.js";
import { formatMs, toMs } from "../fleet/units.js";
import type { ContractPlan } from "./add-contract.js";
import { type FleetState, findContract, withRevision } from "./add-fleet.js";
import { type AddPlan, type AddRequest, chooseRevision, insideFleet } from "./add-plan.js";

const MODULE = /\.(ts|js|mjs)$/;

/** Whether what is to be added is a composition's module, and not a model. */
export function isModule(source: string): boolean {
  return MODULE.test(source);
}

/**
 * Works out what adding a composition means: its contract where there is none, its digest, and whom it calls. The module
 * stays where it is, as it may import others.
 * @throws Error, FleetError with what is wrong and what to do
 */
export async function planComposition(request: AddRequest, state: FleetState): Promise<AddPlan> {
  const { contract, source } = request;
  refuseChoices(request);
  if (!existsSync(source)) throw new Error(`${source} does not exist`);
  const module = realpathSync(source);
  const file = insideFleet(state, module, source);
  const composition = await loadComposition(module);
  const known = findContract(state, contract);
  const callees = calleesOf(state, composition, source);
  if (known !== undefined) checkCalls(known, callees, request);
  const planned = await planContract(request, state, composition);
  const sha256 = await moduleDigest(module);
  const facts = { request, state, kind: "module", sha256, file, copies: [], contract: planned } as const;
  const same = known?.revisions.find((each) => each.sha256 === sha256 && each.module?.path === module);
  if (same !== undefined) return { ...facts, revision: same.name, fleetText: undefined, idle: false };
  const revision = chooseRevision(request, known?.revisions ?? [], sha256);
  const calls = callees.map(({ name }) => name);
  const isNew = { calls, deadline: deadlineOver(callees) };
  const added = { contract, revision, says: { module: file }, sha256, isNew };
  return { ...facts, revision, fleetText: withRevision(state, added), idle: known !== undefined };
}

function refuseChoices({ source, choices, transform }: AddRequest): void {
  const said = Object.entries({ ...choices, transform }).filter(([, value]) => value !== undefined);
  if (said.length === 0) return;
  const options = said.map(([name]) => `--${name}`).join(", ");
  throw new Error(`${source} is a composition, and ${options} is said of models; leave it out`);
}

/** The contracts that the code has clients of. They have to be there first. */
function calleesOf({ fleet, file }: FleetState, { clients }: LoadedComposition, source: string): ContractSpec[] {
  const contracts = fleet?.contracts ?? [];
  return [...new Set(Object.values(clients))].map((name) => {
    const found = contracts.find((contract) => contract.name === name);
    if (found !== undefined) return found;
    const meant = nearest(
      name,
      contracts.map((contract) => contract.name),
    );
    const fix = meant === undefined ? "add that one first" : `did you mean ${meant}?`;
    throw new Error(`${source} has a client of ${name}, which is not in ${file}; ${fix}`);
  });
}

/** All revisions of a contract call the same: what they may reach is the contract's. */
function checkCalls(
  { name, calls }: ContractSpec,
  callees: readonly ContractSpec[],
  { source, fleet }: AddRequest,
): void {
  const called = callees.map((callee) => callee.name).sort();
  if (called.join() === [...calls].sort().join()) return;
  const has = calls.length === 0 ? "calls nobody" : `calls ${calls.join(", ")}`;
  throw new Error(
    `${name} ${has} in ${fleet}, and ${source} has clients of ${called.join(", ") || "nobody"}; write calls: [${called.join(", ")}] there first`,
  );
}

/** Time enough for one after the other. */
function deadlineOver(callees: readonly ContractSpec[]): string {
  return formatMs(callees.reduce((sum, { deadlineMs }) => sum + deadlineMs, toMs(DEFAULTS.reserve)));
}

async function planContract(
  { contract, source }: AddRequest,
  { root }: FleetState,
  { methods }: LoadedComposition,
): Promise<ContractPlan> {
  const [existing] = contractFiles(root, contract).sort();
  if (existing === undefined) {
    const { folder, file } = placeContract(contract);
    const answered = { methods: Object.keys(methods).map(methodName), source: path.basename(source) };
    const text = writeCompositionContract(contract, answered);
    return { file: `${PROTO_FOLDER}/${folder}/${file}`, text, transformed: false };
  }
  const file = path.relative(root, existing).split(path.sep).join("/");
  const declared = loadContract(await contractImage(root, contract), contract).methods.map(({ name }) => name);
  const missing = declared.filter((name) => methods[codeName(name)] === undefined);
  if (missing.length > 0) {
    throw new Error(
      `${source} does not answer ${missing.join(", ")}, which ${file} promises; write methods: { async ${codeName(missing[0]!)}(request, clients) { … } }`,
    );
  }
  return { file, text: undefined, transformed: false };
}
