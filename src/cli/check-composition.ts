import { existsSync } from "node:fs";
import { type LoadedComposition, loadComposition } from "../composition/load-composition.js";
import { codeName } from "../composition/method-names.js";
import type { Contract } from "../contract/contract.js";
import type { Finding } from "../fleet/findings.js";
import { moduleDigest } from "../fleet/module-digest.js";
import { nearest } from "../fleet/nearest.js";
import type { RevisionSpec } from "../fleet/spec.js";
import { ModelError } from "../serving/model-error.js";
import type { Checked } from "./checked-contract.js";

/** A composition: its module is there, has its digest, answers each method, and calls whom the fleet file says. */
export async function checkComposition(
  checked: Checked,
  revision: RevisionSpec,
  contract: Contract | undefined,
): Promise<Finding[]> {
  const { path, bundledSha256 } = revision.module!;
  const at = ["revisions", revision.name, "module"];
  if (!existsSync(path)) return [checked.findingAt(at, "no such file", "put the module there, or mend the path")];
  try {
    const digest = bundledSha256 === undefined ? await wrongDigest(checked, revision) : [];
    const composition = await loadComposition(path);
    return [...digest, ...unanswered(checked, at, { composition, contract }), ...calls(checked, at, composition)];
  } catch (error) {
    // What bundles the sources and what loads them say it in their own words.
    if (!(error instanceof ModelError) && !(error as Error).message.startsWith(path)) throw error;
    return [checked.findingAt(at, (error as Error).message)];
  }
}

async function wrongDigest({ findingAt }: Checked, { name, module, sha256 }: RevisionSpec): Promise<Finding[]> {
  const digest = await moduleDigest(module!.path);
  if (digest === sha256) return [];
  const fix = "bring the right sources back, or write this digest where nobody has called the revision yet";
  return [findingAt(["revisions", name, "sha256"], `the composition's sha256 is ${digest}`, fix)];
}

function unanswered(
  { findingAt }: Checked,
  at: readonly string[],
  { composition, contract }: { composition: LoadedComposition; contract: Contract | undefined },
): Finding[] {
  const missing = (contract?.methods ?? []).filter(({ name }) => composition.methods[codeName(name)] === undefined);
  return missing.map(({ name }) => {
    return findingAt(
      at,
      `does not answer ${name}`,
      `write methods: { async ${codeName(name)}(request, clients) { … } }`,
    );
  });
}

/** The fleet file lets a contract call those whom its code has clients of, and no others. */
function calls({ spec, findingAt }: Checked, at: readonly string[], { clients }: LoadedComposition): Finding[] {
  const called = [...new Set(Object.values(clients))];
  const undeclared = called.filter((contract) => !spec.calls.includes(contract));
  const uncalled = spec.calls.filter((contract) => !called.includes(contract));
  return [
    ...undeclared.map((contract) => {
      const meant = nearest(contract, uncalled);
      const fix = meant === undefined ? `add ${contract} to calls` : `did you mean ${meant}?`;
      return findingAt(at, `has a client of ${contract}, which calls does not name`, fix);
    }),
    ...uncalled.map((contract) => {
      const message = `has no client of ${contract}, which calls names`;
      return findingAt(at, message, "take it out of calls: what is not called should not be in reach");
    }),
  ];
}
