import { createHash } from "node:crypto";
import type { ContractSpec, ImagesSpec, RevisionSpec } from "./spec.js";

/** Longest label value, DNS label, and name of a Service, by Kubernetes' rules. */
const LONGEST = 63;
const HASH_LENGTH = 8;
/** Digits of a model's sha256 in its image's tag. */
const TAG_DIGEST_LENGTH = 12;
const CLUSTER_DOMAIN = "cluster.local";
/** Stands for the revision in the name of what an engine rolls out. No revision may be called so where one does. */
export const DELIVERED = "live";

/** Domain of the labels of guardSelector(). */
const GUARD_PREFIX = "guard.flotilla.dev";

/** Values of the label `tier`: who answers, and who answers when the others don't. */
export const TIER = { primary: "primary", fallback: "fallback" } as const;

/** What health checks ask for to learn whether the process answers at all, whether or not its models do. */
export const LIVENESS_SERVICE = "flotilla.liveness";

/** Ports of every server. */
export const PORT = { grpc: 8500, metrics: 8502 } as const;

/** Keys of the annotations that say what the register of models has to know. */
export const REGISTER = {
  /** Of the model, on the pods. */
  digest: "flotilla.dev/model-digest",
  owner: "flotilla.dev/owner",
  purpose: "flotilla.dev/purpose",
  licence: "flotilla.dev/licence",
} as const;

/** Keys of the labels that Flotilla puts on what it makes. */
export const LABEL = {
  contract: "flotilla.dev/contract",
  revision: "flotilla.dev/revision",
  bridge: "flotilla.dev/bridge",
  tier: "flotilla.dev/tier",
  name: "app.kubernetes.io/name",
  instance: "app.kubernetes.io/instance",
  version: "app.kubernetes.io/version",
  component: "app.kubernetes.io/component",
  partOf: "app.kubernetes.io/part-of",
  managedBy: "app.kubernetes.io/managed-by",
  /** Istio's own word for a revision in its telemetry. */
  istioVersion: "version",
} as const;

/**
 * Name of a contract's Service and ServiceAccount: `acme.fraud.v1` is `acme-fraud-v1`, `acme.ocr_lines.v1` is
 * `acme-ocr--lines-v1`. One that is too long is cut and ends in a hash of the whole, so that no two contracts share one.
 */
export function serviceName(contract: string): string {
  return dnsName(contract, hyphenated(contract));
}

/** Two hyphens for an underscore: a contract's words neither begin nor end with one, so that nothing else gives two. */
function hyphenated(contract: string): string {
  return contract.replaceAll(".", "-").replaceAll("_", "--");
}

/** Name of a revision's Deployment and of all that belongs to it alone: `acme-fraud-v1-r1`. */
export function workloadName(contract: string, revision: string): string {
  return dnsName(`${contract}/${revision}`, `${hyphenated(contract)}-${revision}`);
}

/**
 * Name of a revision's Deployment and of what scales and guards it: its workload's. Where an engine delivers, the revision
 * with the traffic is what one Deployment, `acme-fraud-v1-live`, is at the time: engines compare the states of one, and
 * would serve a Deployment of another name at once.
 */
export function deploymentName(contract: ContractSpec, revision: string): string {
  return workloadName(contract.name, isDelivered(contract, revision) ? DELIVERED : revision);
}

function isDelivered({ delivery, traffic }: ContractSpec, revision: string): boolean {
  return delivery !== undefined && traffic[0]?.revision === revision;
}

/** Name of a bridge's Deployment and ServiceAccount: `bridge-fraud-scores`. */
export function bridgeName(bridge: string): string {
  return dnsName(bridge, `bridge-${bridge}`);
}

/** A revision's name as a DestinationRule's subset, which has to be a DNS label: `r1`. */
export function subsetName(revision: string): string {
  return dnsName(revision, revision);
}

/** Host of a contract's Service as Istio's objects name it: `acme-fraud-v1.models.svc.cluster.local`. */
export function serviceHost(contract: string, namespace: string): string {
  return `${serviceName(contract)}.${namespace}.svc.${CLUSTER_DOMAIN}`;
}

/** Host of the Service of one revision alone, where it has one: `acme-fraud-v1-r1.models.svc.cluster.local`. */
export function revisionHost(options: { contract: string; revision: string; namespace: string }): string {
  return `${workloadName(options.contract, options.revision)}.${options.namespace}.svc.${CLUSTER_DOMAIN}`;
}

/**
 * The container image of a revision where the fleet file names none: its repository is the contract's, and its tag says
 * which model and which build: `registry.example.com/models/acme-fraud-v1:r1-f3c4b4210a60-0.1.0`.
 */
export function imageReference(images: ImagesSpec, contract: string, revision: RevisionSpec): string {
  if (revision.image !== undefined) return revision.image;
  const tag = `${subsetName(revision.name)}-${revision.sha256.slice(0, TAG_DIGEST_LENGTH)}-${images.version}`;
  return `${images.repository}/${serviceName(contract)}:${tag}`;
}

/** The image that all of a fleet's revisions are built on: `registry.example.com/models/flotilla:0.1.0`. */
export function runtimeReference(images: ImagesSpec): string {
  return `${images.repository}/flotilla:${images.version}`;
}

/** A service account as a mesh knows it: `cluster.local/ns/shop/sa/checkout` of `shop/checkout`. */
export function principal(trustDomain: string, account: string): string {
  const [namespace, name] = account.split("/");
  return `${trustDomain}/ns/${namespace}/sa/${name}`;
}

/** Labels of everything that belongs to a fleet as a whole. */
export function fleetLabels(fleet: string): Record<string, string> {
  return { [LABEL.name]: fleet, [LABEL.partOf]: fleet, [LABEL.managedBy]: "flotilla" };
}

/** Labels of everything that belongs to a contract. */
export function contractLabels(fleet: string, contract: string): Record<string, string> {
  return {
    [LABEL.name]: serviceName(contract),
    [LABEL.component]: "model",
    [LABEL.partOf]: fleet,
    [LABEL.managedBy]: "flotilla",
    [LABEL.contract]: labelValue(contract),
  };
}

/** Labels of everything that belongs to a bridge, its pods among it. None is of a contract, whose Service would choose them. */
export function bridgeLabels(fleet: string, bridge: string): Record<string, string> {
  return {
    [LABEL.name]: bridgeName(bridge),
    [LABEL.component]: "bridge",
    [LABEL.partOf]: fleet,
    [LABEL.managedBy]: "flotilla",
    ...bridgeSelector(bridge),
  };
}

/** Labels that choose a bridge's pods. They never change, as a selector can't. */
export function bridgeSelector(bridge: string): Record<string, string> {
  return { [LABEL.bridge]: labelValue(bridge) };
}

/** Labels of everything that belongs to one revision: the contract's, and its own. */
export function revisionLabels(options: { fleet: string; contract: string; revision: string }): Record<string, string> {
  const { fleet, contract, revision } = options;
  return {
    ...contractLabels(fleet, contract),
    [LABEL.instance]: workloadName(contract, revision),
    [LABEL.version]: labelValue(revision),
    [LABEL.istioVersion]: labelValue(revision),
    [LABEL.revision]: labelValue(revision),
  };
}

/** Labels that choose a contract's pods, of all its revisions. They never change, as a selector can't. */
export function contractSelector(contract: string): Record<string, string> {
  return { [LABEL.contract]: labelValue(contract) };
}

/** Labels that choose one revision's pods. */
export function revisionSelector(contract: string, revision: string): Record<string, string> {
  return { ...contractSelector(contract), [LABEL.revision]: labelValue(revision) };
}

/**
 * Labels that choose the pods of a revision's Deployment. Of one that an engine delivers they never change, and choose those
 * of the revision before, too: it still answers while the next one is judged.
 */
export function deploymentSelector(contract: ContractSpec, revision: string): Record<string, string> {
  if (!isDelivered(contract, revision)) return revisionSelector(contract.name, revision);
  return { ...contractSelector(contract.name), [LABEL.instance]: deploymentName(contract, revision) };
}

/**
 * Label that chooses the pods that answer for a revision: its own and, where its contract has a fallback, the fallback's.
 * Labels only join by "and", so that the two need one that both have.
 */
export function guardSelector(revision: string): Record<string, string> {
  return { [`${GUARD_PREFIX}/${labelValue(revision)}`]: "true" };
}

/**
 * Labels of a revision's pods: the revision's, its tier, and a guard label for each revision that they answer for. Each
 * pod has its own from the start, so that a contract that gets a fallback later does not restart the others.
 */
export function podLabels(options: {
  fleet: string;
  contract: ContractSpec;
  revision: string;
}): Record<string, string> {
  const { fleet, contract, revision } = options;
  const isFallback = contract.fallback?.revision === revision;
  const guarded = isFallback ? contract.revisions.map(({ name }) => name) : [revision];
  return {
    ...revisionLabels({ fleet, contract: contract.name, revision }),
    [LABEL.instance]: deploymentName(contract, revision),
    [LABEL.tier]: isFallback ? TIER.fallback : TIER.primary,
    ...Object.assign({}, ...guarded.map(guardSelector)),
  };
}

/** A name as a label's value: as it is, or cut and ending in a hash. */
export function labelValue(name: string): string {
  if (name.length <= LONGEST) return name;
  return `${trimEnd(name.slice(0, LONGEST - HASH_LENGTH - 1))}-${hash(name)}`;
}

/** `wanted` as a DNS label; changed or cut, it ends in a hash of `identity`. */
function dnsName(identity: string, wanted: string): string {
  const safe = trimEnd(wanted.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-"));
  if (safe === wanted && safe.length <= LONGEST) return safe;
  return `${trimEnd(safe.slice(0, LONGEST - HASH_LENGTH - 1))}-${hash(identity)}`;
}

function trimEnd(name: string): string {
  return name.replace(/[^A-Za-z0-9]+$/, "");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HASH_LENGTH);
}
