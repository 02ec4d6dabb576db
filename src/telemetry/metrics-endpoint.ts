import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What is served: a registry of prom-client, or several joined. */
export interface MetricsPage {
  readonly contentType: string;
  metrics(): Promise<string>;
}

/** Answers of probes by their paths: 200 where they are true, else 503. */
export type Probes = Readonly<Record<`/${string}`, () => boolean>>;

/** An HTTP server with `GET /metrics`, and probes where there are some. */
export interface MetricsEndpoint {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves metrics in Prometheus' text format.
 * @param at.port 0 for any free one
 * @throws Error where the port is taken
 */
export async function startMetricsEndpoint(
  page: MetricsPage,
  { host, port, probes = {} }: { readonly host: string; readonly port: number; readonly probes?: Probes },
): Promise<MetricsEndpoint> {
  const server = createServer(async (request, response) => {
    const path = request.url?.split("?")[0] as `/${string}`;
    const probe = Object.hasOwn(probes, path) ? probes[path] : undefined;
    if (probe) {
      response.writeHead(probe() ? 200 : 503).end();
      return;
    }
    if (path !== "/metrics" || request.method !== "GET") {
      response.writeHead(404, { "content-type": "text/plain" }).end("GET /metrics\n");
      return;
    }
    response.writeHead(200, { "content-type": page.contentType }).end(await page.metrics());
  });
  await listen(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
}
