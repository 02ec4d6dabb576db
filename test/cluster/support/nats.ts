import { Cluster } from "../../../src/kubectl/cluster.js";
import { forwardPod } from "../../../src/kubectl/pod-forward.js";
import { NatsPlace } from "../../events/nats-place.js";
import { get } from "./kubectl.js";
import { raise } from "./stage.js";
import { undoLater } from "./undo.js";
import { serviceFor, workload } from "./workload.js";

/** Image of a NATS with JetStream: test/cluster/images/nats. */
export const NATS_IMAGE: string | undefined = process.env.FLOTILLA_TEST_NATS;

const PORT = 4222;
const PATIENCE_MS = 30_000;

/** A broker of the cluster, in a namespace of its own. */
export interface Nats {
  readonly namespace: string;
  readonly name: string;
}

/** How the fleet file calls it. */
export function natsUrl({ namespace, name }: Nats): string {
  return `nats://${name}.${namespace}:${PORT}`;
}

/** Puts a NATS into the mesh, and makes the tests' streams in it. @returns a way to them from this machine */
export async function raiseNats({ namespace, name }: Nats): Promise<NatsPlace> {
  const container = {
    image: NATS_IMAGE,
    args: ["-js", "-sd", "/data", "-p", String(PORT)],
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
  };
  const volumes = [{ name: "data", emptyDir: {} }];
  const service = serviceFor({ namespace, name }, { name: "tcp-client", port: PORT });
  await raise({
    namespaces: [namespace],
    objects: [...workload({ namespace, name, container, volumes }), service],
    callers: [],
  });
  return openStreams({ namespace, name });
}

async function openStreams({ namespace, name }: Nats): Promise<NatsPlace> {
  const { items } = await get<{ items: { metadata: { name: string } }[] }>([
    "pods",
    "-n",
    namespace,
    "-l",
    `app=${name}`,
  ]);
  const cluster = new Cluster({ context: process.env.CONTEXT || undefined, timeoutMs: PATIENCE_MS });
  const forward = await forwardPod(cluster, { namespace, pod: items[0]!.metadata.name, port: PORT });
  const streams = await NatsPlace.open(`nats://${forward.target}`);
  undoLater("closing the way to NATS", async () => {
    await streams.close();
    await forward.close();
    cluster.close();
  });
  return streams;
}
