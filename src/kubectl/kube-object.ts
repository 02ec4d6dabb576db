/** An object of the Kubernetes API, whichever kind it is. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly managedFields?: readonly ManagedFields[];
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly unknown[];
  };
}

/** Who wrote fields of an object, and when. */
export interface ManagedFields {
  readonly manager?: string;
  readonly time?: string;
  /** As a tree of keys. */
  readonly fieldsV1?: unknown;
}

/** An object as `kubectl` and its users name it: `VirtualService models/acme-fraud-v1`. */
export function objectName({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
}

/** What tells two objects of one cluster apart: the group without its version, the kind, and the name. */
export function objectKey({ apiVersion, kind, metadata }: KubeObject): string {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  return [group, kind, metadata.namespace ?? "", metadata.name].join("/");
}
