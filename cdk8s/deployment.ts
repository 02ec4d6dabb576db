import { ApiObject, JsonPatch } from "cdk8s";
import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import type { Member } from "../src/fleet/members.js";
import { contractLabels, deploymentSelector, LABEL, REGISTER } from "../src/fleet/names.js";
import type { RevisionSpec } from "../src/fleet/spec.js";
import { scales } from "./autoscaler.js";
import { deliveredBy } from "./delivered.js";
import { isImageVolume, modelVolume } from "./model-volume.js";
import { podTemplate } from "./pod.js";
import { START_LIMIT_SECONDS } from "./probes.js";
import { revisionMetadata } from "./revision-metadata.js";
import { terminationOf } from "./termination.js";

/** How long a new pod has to be well before an old one goes. */
export const SETTLE_SECONDS = 5;
/** Kubernetes says that a roll-out has failed when it has not come further for that long: pulling, fetching, loading. */
export const PROGRESS_LIMIT_SECONDS = 2 * START_LIMIT_SECONDS;

const SPEC = "/spec/template/spec";

/**
 * The Deployment of a revision. Typed by the API objects of cdk8s-plus rather than by its Deployment class, which names,
 * labels, probes and limits by itself and knows neither gRPC probes nor topology by preference. Their manifest in an object
 * of no type, as a typed one drops every field that its Kubernetes did not know.
 */
export function addDeployment(scope: Construct, member: Member, revision: RevisionSpec): void {
  const metadata = { ...revisionMetadata(member, revision), ...registered(member, revision) };
  const manifest = k8s.KubeDeployment.manifest({ metadata, spec: deploymentSpec(member, revision) });
  const deployment = new ApiObject(scope, `deployment-${metadata.name}`, manifest);
  deployment.addJsonPatch(...newerFields(member, revision));
}

/** Of the Deployment and not of its pods: who owns a model restarts none. */
function registered({ contract }: Member, { licence }: RevisionSpec): { annotations?: Record<string, string> } {
  const facts = [
    [REGISTER.owner, contract.owner],
    [REGISTER.purpose, contract.purpose],
    [REGISTER.licence, licence],
  ].filter((fact): fact is [string, string] => fact[1] !== undefined);
  return facts.length === 0 ? {} : { annotations: Object.fromEntries(facts) };
}

function deploymentSpec(member: Member, revision: RevisionSpec): k8s.DeploymentSpec {
  return {
    ...replicas(member, revision),
    revisionHistoryLimit: 5,
    minReadySeconds: SETTLE_SECONDS,
    progressDeadlineSeconds: PROGRESS_LIMIT_SECONDS,
    selector: { matchLabels: selector(member, revision) },
    strategy: {
      type: "RollingUpdate",
      // Never fewer pods than before: the others have no room for a share of the calls.
      rollingUpdate: { maxSurge: k8s.IntOrString.fromString("25%"), maxUnavailable: k8s.IntOrString.fromNumber(0) },
    },
    template: podTemplate(member, revision),
  };
}

/** A number would be set again with each `kubectl apply`, whatever the autoscaler or an engine has made of it. */
function replicas({ contract }: Member, revision: RevisionSpec): { replicas?: number } {
  if (scales(revision) || deliveredBy(contract, revision) === "argo") return {};
  return { replicas: revision.replicas.min };
}

/** The name is there for Flagger, which tells the pods that it makes from these by one of the common labels. */
function selector({ fleet, contract }: Member, revision: RevisionSpec): Record<string, string> {
  const { [LABEL.name]: name } = contractLabels(fleet.name, contract.name);
  return { [LABEL.name]: name!, ...deploymentSelector(contract, revision.name) };
}

/** What the types lack: a preStop hook that needs no shell (Kubernetes 1.30), and an image as a volume (1.31). */
function newerFields(member: Member, revision: RevisionSpec): JsonPatch[] {
  const sleep = { seconds: terminationOf(member).preStopSeconds };
  const volume = modelVolume(revision)?.volume;
  return [
    JsonPatch.add(`${SPEC}/containers/0/lifecycle`, { preStop: { sleep } }),
    ...(volume !== undefined && isImageVolume(volume) ? [JsonPatch.add(`${SPEC}/volumes/-`, volume)] : []),
  ];
}
