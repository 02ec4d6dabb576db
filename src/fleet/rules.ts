import { checkBridges, checkBroker } from "./bridge-rules.js";
import type { PathStep } from "./findings.js";
import { checkBudgets, checkCalls, checkDelivery, checkIngress, checkSubsets } from "./mesh-rules.js";
import { bridgeName, serviceName, workloadName } from "./names.js";
import { checkReleases } from "./release-rules.js";
import { checkRevisions, checkTimes } from "./revision-rules.js";
import { type ContractUnderRules, parsed, part, RuleReport } from "./rule-report.js";
import { DefaultsSchema } from "./schema.js";
import { checkCohorts, checkFallback, checkShadow, checkTraffic } from "./traffic-rules.js";
import type { TreeFinding } from "./yaml-reader.js";
import type { YamlTree } from "./yaml-tree.js";

/**
 * What has to hold between fields. Each rule reads only the parts that it needs and keeps silent where one of them is
 * not in the right form, so that an operator sees these findings together with the schema's.
 */
export function ruleFindings(tree: YamlTree, root: string): TreeFinding[] {
  const spec = part(tree.data, "spec");
  const contracts = part(spec, "contracts");
  if (!Array.isArray(contracts)) return [];
  const report = new RuleReport(tree);
  const defaults = parsed(DefaultsSchema, part(spec, "defaults")) ?? {};
  const all = contracts.map((contract: unknown, index): ContractUnderRules => {
    const path = ["spec", "contracts", index];
    return { contract, path, revisions: tree.keysAt([...path, "revisions"]), defaults, root, report };
  });
  checkNames(all, report, bridgeNames(spec));
  checkCalls(all, report);
  checkBudgets(all, report);
  checkIngress(spec, all, report);
  checkReleases(spec, all, report);
  checkBroker(spec, report);
  checkBridges(spec, all, report);
  for (const under of all) {
    checkTraffic(under);
    checkShadow(under);
    checkCohorts(under);
    checkFallback(under);
    checkTimes(under);
    checkDelivery(spec, under);
    checkSubsets(under);
    checkRevisions(under);
  }
  return report.findings;
}

function bridgeNames(spec: unknown): string[] {
  const bridges = part(spec, "bridges");
  if (!Array.isArray(bridges)) return [];
  return bridges.map((bridge) => part(bridge, "name")).filter((name) => typeof name === "string");
}

/** No two contracts share a name, and no two revisions, nor one and a bridge, the name of their workload in the cluster. */
function checkNames(all: readonly ContractUnderRules[], report: RuleReport, bridges: readonly string[]): void {
  const contracts = new Map<string, readonly PathStep[]>();
  const workloads = new Map(bridges.map((bridge) => [bridgeName(bridge), `the bridge ${bridge}`]));
  for (const { contract, path, revisions } of all) {
    const name = part(contract, "name");
    if (typeof name !== "string") continue;
    const first = contracts.get(name);
    if (first !== undefined) {
      const message = `spec.contracts[${first.at(-1)}] has the same name`;
      report.add([...path, "name"], message, "put the revisions under one of the two, or give a new version");
      continue;
    }
    contracts.set(name, path);
    // Workloads and services share one space of names: the labels and hosts of both come from it.
    const names: [string, string][] = revisions.map((revision) => [
      workloadName(name, revision),
      `${name}/${revision}`,
    ]);
    for (const [workload, owner] of [[serviceName(name), name] as [string, string], ...names]) {
      const other = workloads.get(workload);
      if (other !== undefined) {
        const message = `${owner} and ${other} would both be called ${workload} in the cluster`;
        report.add([...path, "name"], message, "give one of the revisions another name");
      } else workloads.set(workload, owner);
    }
  }
}
