import assert from "node:assert/strict";
import { Testing } from "cdk8s";
import { Construct } from "constructs";
import type { IDeployment } from "kubernetes-models/apps/v1";
import type { IHorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import type { INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1";
import type { INamespace, IPodSpec, IService, IServiceAccount } from "kubernetes-models/v1";
import { addBridge } from "../../cdk8s/bridge-workload.js";
import { addContract } from "../../cdk8s/contract-workload.js";
import { addFleet } from "../../cdk8s/fleet-workload.js";
import { addRevision } from "../../cdk8s/revision-workload.js";
import type { Member } from "../../src/fleet/members.js";
import type { FleetSpec } from "../../src/fleet/spec.js";

/** The kinds that workloads are made of. */
interface Kinds {
  readonly Deployment: IDeployment;
  readonly HorizontalPodAutoscaler: IHorizontalPodAutoscaler;
  readonly Namespace: INamespace;
  readonly NetworkPolicy: INetworkPolicy;
  readonly PodDisruptionBudget: IPodDisruptionBudget;
  readonly Service: IService;
  readonly ServiceAccount: IServiceAccount;
}

/** What charts made, to be asked for by kind and name. */
export class Synthesized {
  readonly objects: readonly Kinds[keyof Kinds][];

  constructor(objects: readonly Kinds[keyof Kinds][]) {
    this.objects = objects;
  }

  all<Kind extends keyof Kinds>(kind: Kind): Kinds[Kind][] {
    return this.objects.filter((object) => object.kind === kind) as Kinds[Kind][];
  }

  /** The object of a kind; with a name where there are several. */
  one<Kind extends keyof Kinds>(kind: Kind, name?: string): Kinds[Kind] {
    const found = this.all(kind).filter((object) => name === undefined || object.metadata?.name === name);
    assert.equal(found.length, 1, `${kind} ${name ?? ""}: ${found.length} of them`);
    return found[0]!;
  }

  /** The pods of the only Deployment, or of the one with a name. */
  pod(name?: string): IPodSpec {
    return this.one("Deployment", name).spec!.template.spec!;
  }
}

/** The workloads of some members, without what their fleet has once. */
export function workloadsOf(...members: readonly Member[]): Synthesized {
  const chart = Testing.chart();
  for (const member of members) {
    addContract(chart, member);
    for (const revision of member.contract.revisions) addRevision(chart, member, revision);
  }
  return new Synthesized(Testing.synth(chart));
}

/** The workloads of a fleet's bridges. */
export function bridgesOf(fleet: FleetSpec): Synthesized {
  const chart = Testing.chart();
  for (const bridge of fleet.bridges) addBridge(new Construct(chart, bridge.name), fleet, bridge);
  return new Synthesized(Testing.synth(chart));
}

/** What a fleet has once. */
export function fleetWorkloadOf(fleet: FleetSpec): Synthesized {
  const chart = Testing.chart();
  addFleet(chart, fleet);
  return new Synthesized(Testing.synth(chart));
}
