import http from "node:http";
import type { Duplex } from "node:stream";
import type { Cluster, PodPort } from "../cluster.js";
import { ClusterError } from "../cluster-error.js";

/** How long one pod may take. */
const LIMIT_MS = 10_000;

/**
 * Reads a pod's metrics over a forwarded port. The API server's own proxy would not do: it speaks plaintext to the pod's
 * address, which the mesh refuses, and rightly.
 * @returns Prometheus' text format
 * @throws ClusterError
 */
export async function scrapePod(cluster: Cluster, port: PodPort, path = "/metrics"): Promise<string> {
  const connection = await cluster.connectPod(port);
  try {
    return await get(connection, path);
  } catch (error) {
    throw new ClusterError(`metrics of pod ${port.namespace}/${port.pod}: ${(error as Error).message}`);
  } finally {
    connection.destroy();
  }
}

function get(connection: Duplex, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { host: "localhost", path, createConnection: () => connection, signal: AbortSignal.timeout(LIMIT_MS) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
          else reject(new Error(`HTTP ${response.statusCode}`));
        });
      },
    );
    request.on("error", reject);
  });
}
