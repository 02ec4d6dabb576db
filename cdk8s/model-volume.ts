import type { k8s } from "cdk8s-plus-28";
import type { RevisionSpec, SourceSpec } from "../src/fleet/spec.js";
import { bytes } from "./quantity.js";

/** Where a pod has its model, where its image does not hold it. */
export interface ModelVolume {
  /** Absolute path of the model in the containers that mount the volume. */
  readonly file: string;
  /** Bytes that the volume takes from the node's disk. */
  readonly diskBytes: number;
  readonly volume: k8s.Volume | ImageVolume;
  readonly mount: k8s.VolumeMount;
}

/** A kind of volume that Kubernetes has since 1.31, and the types of 1.28 don't. */
export interface ImageVolume {
  readonly name: string;
  readonly image: { readonly reference: string; readonly pullPolicy: string };
}

const NAME = "model";
const MOUNT_PATH = "/models";
const FETCHED = `${MOUNT_PATH}/model.onnx`;

/** The volume of a revision's model; undefined: its image holds the model. */
export function modelVolume({ source, resources }: RevisionSpec): ModelVolume | undefined {
  switch (source?.kind) {
    case undefined:
      return undefined;
    case "image":
      return mounted(source.path, {
        name: NAME,
        image: { reference: source.reference, pullPolicy: "IfNotPresent" },
      });
    case "claim":
      return mounted(source.path, {
        name: NAME,
        persistentVolumeClaim: { claimName: source.claim, readOnly: true },
      });
    case "s3": {
      // A model that is larger than the memory of its pod could not be loaded anyway.
      const diskBytes = resources.memoryBytes;
      const volume = { name: NAME, emptyDir: { sizeLimit: bytes(diskBytes) } };
      return { file: FETCHED, diskBytes, volume, mount: { name: NAME, mountPath: MOUNT_PATH, readOnly: true } };
    }
  }
}

function mounted(path: string, volume: k8s.Volume | ImageVolume): ModelVolume {
  const mount = { name: NAME, mountPath: MOUNT_PATH, readOnly: true };
  return { file: `${MOUNT_PATH}/${path}`, diskBytes: 0, volume, mount };
}

/** Arguments and environment of the init container that fetches a model from an S3-compatible store. */
export function fetchModel(source: SourceSpec & { kind: "s3" }, sha256: string): Pick<k8s.Container, "args" | "env"> {
  const { url, endpoint, region, secret } = source;
  const args = ["fetch", url, "--endpoint", endpoint, "--region", region, "--sha256", sha256, "--to", FETCHED];
  if (secret === undefined) return { args };
  return { args, env: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map((key) => fromSecret(secret, key)) };
}

function fromSecret(name: string, key: string): k8s.EnvVar {
  return { name: key, valueFrom: { secretKeyRef: { name, key } } };
}

/** Tells the volumes that the types know from the one kind that they don't. */
export function isImageVolume(volume: k8s.Volume | ImageVolume): volume is ImageVolume {
  return "image" in volume;
}
