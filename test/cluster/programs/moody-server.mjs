// A revision with moods: answers any gRPC method with the bytes it was sent, after a delay, or with a failure. It stands in
// for a revision that is slow or broken, which no model is on demand. Its mood is set by HTTP on 127.0.0.1:8600:
//   PUT {"failPercent": 30, "code": 14, "delayMs": 0}     GET -> the mood, and the calls seen by path
// Health is always SERVING, so that only the mesh can tell.
import { createServer } from "node:http";
import { Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

const revision = process.env.REVISION ?? "none";
let mood = { failPercent: 0, code: status.UNAVAILABLE, delayMs: 0 };
const seen = {};
let turn = 0;

/** Fails in even measure, not by chance: 30 per cent is 3 of every 10. */
function fails() {
  const before = Math.floor((turn * mood.failPercent) / 100);
  turn++;
  return Math.floor((turn * mood.failPercent) / 100) > before;
}

function trailers() {
  const metadata = new Metadata();
  metadata.set("flotilla-revision", revision);
  return metadata;
}

async function settle(path) {
  seen[path] = (seen[path] ?? 0) + 1;
  const failed = fails();
  const { code, delayMs } = mood;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  return failed ? { code, details: `${revision} is in a bad mood`, metadata: trailers() } : undefined;
}

function handlerOf(path) {
  const identity = (bytes) => bytes;
  const stream = path.endsWith("Stream");
  return {
    type: stream ? "bidi" : "unary",
    path,
    serialize: identity,
    deserialize: identity,
    func: stream
      ? async (call) => {
          const failure = await settle(path);
          if (failure) return call.emit("error", failure);
          call.on("data", (bytes) => call.write(bytes));
          call.on("end", () => call.end(trailers()));
        }
      : async (call, done) => {
          const failure = await settle(path);
          if (failure) done(failure);
          else done(null, call.request, trailers());
        },
  };
}

const server = new Server();
const health = new HealthImplementation({ "": "SERVING", "flotilla.liveness": "SERVING" });
health.addToServer(server);
for (const path of (process.env.PATHS ?? "").split(",")) {
  const { type, func, serialize, deserialize } = handlerOf(path);
  server.register(path, func, serialize, deserialize, type);
}
server.bindAsync("0.0.0.0:8500", ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});

createServer(async (request, response) => {
  if (request.method === "PUT") {
    let text = "";
    for await (const chunk of request) text += chunk;
    mood = { failPercent: 0, code: status.UNAVAILABLE, delayMs: 0, ...JSON.parse(text) };
  }
  response.end(JSON.stringify({ mood, seen }));
}).listen(8600, "127.0.0.1");

process.on("SIGTERM", () => server.tryShutdown(() => process.exit(0)));
