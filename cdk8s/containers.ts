import type { k8s } from "cdk8s-plus-28";
import { toCompositionEnvironment } from "../src/fleet/composition-environment.js";
import { toEnvironment } from "../src/fleet/environment.js";
import type { Member } from "../src/fleet/members.js";
import { imageReference, PORT } from "../src/fleet/names.js";
import type { ContractSpec, ResourceSpec, RevisionSpec, StubSpec } from "../src/fleet/spec.js";
import { STREAM_KEY, toStreamEnvironment } from "../src/fleet/stream-environment.js";
import { fetchModel, modelVolume } from "./model-volume.js";
import { CONTAINER_SECURITY } from "./pod-security.js";
import { probes } from "./probes.js";
import { bytes, processors } from "./quantity.js";
import { stubArguments } from "./stubbed.js";
import { terminationOf } from "./termination.js";

/** Name of the container that serves. */
export const SERVER = "server";

const MEBIBYTE = 2 ** 20;
const TEMPORARY_BYTES = 256 * MEBIBYTE;
/** Kubernetes keeps up to 50 MiB of each container's log on the node, and rotates late. */
const LOG_BYTES = 256 * MEBIBYTE;

/** The root file system is read-only; Node and transforms may need a place for a while. */
export const TEMPORARY_VOLUME: k8s.Volume = { name: "tmp", emptyDir: { sizeLimit: bytes(TEMPORARY_BYTES) } };
export const TEMPORARY_MOUNT: k8s.VolumeMount = { name: "tmp", mountPath: "/tmp" };

/** The container that serves one revision. Its preStop hook is the Deployment's to add. */
export function serverContainer(member: Member, revision: RevisionSpec): k8s.Container {
  const { fleet, contract } = member;
  const model = modelVolume(revision);
  return {
    name: SERVER,
    image: imageReference(fleet.images, contract.name, revision),
    // A tag never comes to mean something else.
    imagePullPolicy: "IfNotPresent",
    ...(contract.stub === undefined ? serves(member, revision) : answersAsStub(contract, contract.stub, revision)),
    ...probes(),
    resources: containerResources(revision.resources, model?.diskBytes),
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [TEMPORARY_MOUNT, ...(model === undefined ? [] : [model.mount])],
  };
}

type Work = Pick<k8s.Container, "args" | "env" | "ports">;

const GRPC_PORT: k8s.ContainerPort = { name: "grpc", containerPort: PORT.grpc };

function serves(member: Member, revision: RevisionSpec): Work {
  const model = modelVolume(revision);
  const told = revision.module === undefined ? toEnvironment(revision, model?.file) : compositionTold(member, revision);
  return {
    args: [
      ...["serve", "--host", "0.0.0.0", "--only", `${member.contract.name}/${revision.name}`],
      ...["--drain-timeout", String(terminationOf(member).drainSeconds)],
    ],
    env: [...Object.entries(told).map(([name, value]) => ({ name, value })), ...streamsTold(member)],
    ports: [GRPC_PORT, { name: "http-metrics", containerPort: PORT.metrics }],
  };
}

/** A stub has no metrics of its own. */
function answersAsStub(contract: ContractSpec, stub: StubSpec, revision: RevisionSpec): Work {
  return { args: stubArguments(contract, stub, revision), ports: [GRPC_PORT] };
}

function compositionTold({ fleet, contract }: Member, revision: RevisionSpec): Record<string, string> {
  return { FLOTILLA_QUEUE_SIZE: String(revision.queueSize), ...toCompositionEnvironment(fleet, contract) };
}

/** Nothing where no method streams. */
function streamsTold({ contract: { streams }, service }: Member): k8s.EnvVar[] {
  if (!service.methods.some(({ streaming }) => streaming)) return [];
  const told = Object.entries(toStreamEnvironment(streams)).map(([name, value]) => ({ name, value }));
  const { secret } = streams;
  if (secret === undefined) return told;
  return [...told, { name: STREAM_KEY, valueFrom: { secretKeyRef: { name: secret, key: "key" } } }];
}

/** The containers that have to be done before the server starts: the one that fetches its model, where one does. */
export function initContainers({ fleet, contract }: Member, revision: RevisionSpec): k8s.Container[] {
  const model = modelVolume(revision);
  if (model === undefined || revision.source?.kind !== "s3") return [];
  return [
    {
      name: "fetch-model",
      image: imageReference(fleet.images, contract.name, revision),
      imagePullPolicy: "IfNotPresent",
      ...fetchModel(revision.source, revision.sha256),
      // The pod has them anyway: a pod asks for what its init containers or its containers need, whichever is more.
      resources: containerResources(revision.resources, model.diskBytes),
      securityContext: CONTAINER_SECURITY,
      volumeMounts: [TEMPORARY_MOUNT, { ...model.mount, readOnly: false }],
    },
  ];
}

/**
 * Memory is asked for in full: a pod that uses more than it asked for is the first to be killed when a node runs short.
 * Processors have a limit because the threads of a run follow it: without one each pod would start as many threads as the
 * node has processors, and they would all wait for one another.
 */
export function containerResources(resources: ResourceSpec, modelBytes = 0): k8s.ResourceRequirements {
  const memory = bytes(resources.memoryBytes);
  return {
    requests: {
      cpu: processors(resources.cpuRequest),
      memory,
      "ephemeral-storage": bytes(LOG_BYTES + modelBytes),
    },
    limits: {
      cpu: processors(resources.cpu),
      memory,
      "ephemeral-storage": bytes(TEMPORARY_BYTES + LOG_BYTES + modelBytes),
    },
  };
}
