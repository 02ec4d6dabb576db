// A service between services: answers each method by asking the next contract with src/client, as code of a fleet's own
// does. It passes on what it was sent, and with it the headers of the call that it answers.
//   CONTRACT who it is            PATHS  what it answers, /test.front.v1.FrontService/Predict
//   NEXT_TARGET, NEXT_PATH        what it asks
// GET 127.0.0.1:8600 gives the hops since the last time, as JSON; port 8502 has metrics for Prometheus.
import { createServer } from "node:http";
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { Registry } from "prom-client";
import { callUnary } from "../../../src/client/call.js";
import { openChannel } from "../../../src/client/connect.js";
import type { Hop } from "../../../src/client/hop.js";
import { HopMetrics } from "../../../src/telemetry/hop-metrics.js";
import { startMetricsEndpoint } from "../../../src/telemetry/metrics-endpoint.js";

const identity = (bytes: Buffer) => bytes;
const { CONTRACT = "", PATHS = "", NEXT_TARGET = "", NEXT_PATH = "" } = process.env;
const channel = openChannel(NEXT_TARGET, { from: CONTRACT });
const next = { path: NEXT_PATH, requestSerialize: identity, responseDeserialize: identity };
const registry = new Registry();
const metrics = new HopMetrics(registry);
let hops: Pick<Hop, "revision" | "overheadMs">[] = [];

function onHop(hop: Hop): void {
  metrics.onHop(hop);
  hops.push({ revision: hop.revision, overheadMs: hop.overheadMs });
}

function answer(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
  const startedMs = performance.now();
  callUnary(channel, next, call.request, { parent: call, onHop }).then(
    (bytes) => {
      const trailers = new Metadata();
      trailers.set("flotilla-revision", "r1");
      trailers.set("flotilla-server-timing", `total=${(performance.now() - startedMs).toFixed(3)}`);
      done(null, bytes, trailers);
    },
    ({ code, details }) => done({ code, details }),
  );
}

const server = new Server();
new HealthImplementation({ "": "SERVING", "flotilla.liveness": "SERVING" }).addToServer(server);
for (const path of PATHS.split(",")) server.register(path, answer, identity, identity, "unary");
server.bindAsync("0.0.0.0:8500", ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
await startMetricsEndpoint(registry, { host: "0.0.0.0", port: 8502 });
createServer((_request, response) => {
  response.end(JSON.stringify(hops));
  hops = [];
}).listen(8600, "127.0.0.1");
process.on("SIGTERM", () => server.tryShutdown(() => process.exit(0)));
