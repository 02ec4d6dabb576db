import type { ContractSpec } from "../src/fleet/spec.js";

/** Where pods fetch models from as they start. */
export interface ObjectStore {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

const HTTP_PORT = 80;
const HTTPS_PORT = 443;
/** `name.namespace.svc` and the same with the cluster's domain. */
const SERVICE_HOST = /^[a-z0-9-]+\.([a-z0-9-]+)\.svc(\.cluster\.local)?$/;
const IP_ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;

/** The S3-compatible stores of a contract's revisions, each once. */
export function objectStores({ revisions }: ContractSpec): ObjectStore[] {
  const stores = new Map<string, ObjectStore>();
  for (const { source } of revisions) {
    if (source?.kind !== "s3") continue;
    const { protocol, hostname, port } = new URL(source.endpoint);
    const secure = protocol === "https:";
    const store = { host: hostname, port: port === "" ? (secure ? HTTPS_PORT : HTTP_PORT) : Number(port), secure };
    stores.set(`${store.host}:${store.port}`, store);
  }
  return [...stores.values()];
}

/** Namespace of a store that is a Service of the cluster, which the mesh knows by itself; undefined: it is another. */
export function storeNamespace({ host }: ObjectStore): string | undefined {
  return SERVICE_HOST.exec(host)?.[1];
}

/** Whether a store is named by its address. */
export function isAddress({ host }: ObjectStore): boolean {
  return IP_ADDRESS.test(host);
}

/** Host by which the mesh's objects name a store. An address is none, and gets a name that nothing resolves. */
export function meshHost(store: ObjectStore): string {
  if (isAddress(store)) return `${store.host.replaceAll(".", "-")}.store.internal`;
  return storeNamespace(store) !== undefined && store.host.endsWith(".svc")
    ? `${store.host}.cluster.local`
    : store.host;
}
