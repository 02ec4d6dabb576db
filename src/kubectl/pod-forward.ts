import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import type { Cluster, PodPort } from "./cluster.js";

/** A port of this machine that leads to a port of a pod. */
export interface PodForward {
  /** `127.0.0.1:40123`. */
  readonly target: string;
  close(): Promise<void>;
}

/** Forwards a port of a pod to one of this machine's loopback, for clients that make their own connections. */
export async function forwardPod(cluster: Cluster, port: PodPort): Promise<PodForward> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    // The client hears of a failure as its connection ends.
    join(cluster, port, socket).catch(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function join(cluster: Cluster, port: PodPort, socket: Socket): Promise<void> {
  const connection = await cluster.connectPod(port);
  await Promise.all([pipeline(socket, connection), pipeline(connection, socket)]);
}
