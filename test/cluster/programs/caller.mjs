// A caller with an identity of its own: runs in a pod with a sidecar, calls one method as told by its argument (JSON), and
// prints what happened as JSON. It sends and receives bytes: what they mean is for others to check.
import { credentials, Metadata, makeGenericClientConstructor, status } from "@grpc/grpc-js";

/**
 * @typedef {object} Orders
 * @property {string} target `host:port`
 * @property {string} path `/acme.tumor.v1.TumorService/Predict`
 * @property {string} request base64
 * @property {number} [calls] how many; or else
 * @property {number} [seconds] for how long
 * @property {number} [connections] channels of their own, 1 by default
 * @property {number} [concurrency] calls open at a time, 1 by default
 * @property {number} [deadlineMs] 5 000 by default
 * @property {Record<string, string>} [headers]
 * @property {boolean} [stream] open a stream, send the request once, and end it
 * @property {boolean} [timeline] report each second's counts as well
 */

const orders = /** @type {Orders} */ (JSON.parse(process.argv[2]));
const { target, path, connections = 1, concurrency = 1, deadlineMs = 5000, headers = {} } = orders;
const request = Buffer.from(orders.request, "base64");
const identity = (bytes) => bytes;
const Client = makeGenericClientConstructor(
  {
    call: {
      path,
      requestStream: orders.stream === true,
      responseStream: orders.stream === true,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  },
  path,
);
const clients = Array.from(
  { length: connections },
  (_, index) =>
    new Client(target, credentials.createInsecure(), {
      "flotilla.connection": index,
      "grpc.use_local_subchannel_pool": 1,
    }),
);
const metadata = new Metadata();
for (const [name, value] of Object.entries(headers)) metadata.set(name, value);

const codes = {};
const revisions = {};
const details = {};
const timeline = [];
const latencies = [];
const began = performance.now();
let begun = 0;

function mayBegin() {
  if (orders.seconds !== undefined) return performance.now() - began < orders.seconds * 1000;
  return begun < (orders.calls ?? 1);
}

function count(table, key) {
  table[key] = (table[key] ?? 0) + 1;
}

/** One call; settles with its code and the revision that answered, and never rejects. */
function call(client) {
  const options = { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    const started =
      orders.stream === true
        ? client.call(metadata, options)
        : client.call(request, metadata, options, () => undefined);
    if (orders.stream === true) {
      started.on("data", () => undefined);
      started.on("error", () => undefined);
      started.end(request);
    }
    started.on("status", ({ code, details: detail, metadata: trailers }) => {
      resolve({ code: status[code], detail, revision: trailers.get("flotilla-revision")[0] });
    });
  });
}

async function work(client) {
  while (mayBegin()) {
    begun++;
    const start = performance.now();
    const { code, detail, revision } = await call(client);
    const end = performance.now();
    latencies.push(end - start);
    count(codes, code);
    if (code !== "OK") count(details, `${code}: ${detail}`);
    else count(revisions, revision ?? "none");
    if (orders.timeline) {
      const second = Math.floor((end - began) / 1000);
      timeline[second] ??= { codes: {}, revisions: {} };
      count(timeline[second].codes, code);
      if (code === "OK") count(timeline[second].revisions, revision ?? "none");
    }
  }
}

await Promise.all(Array.from({ length: concurrency }, (_, index) => work(clients[index % connections])));
for (const client of clients) client.close();
latencies.sort((one, other) => one - other);
const quantile = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
console.log(
  JSON.stringify({
    calls: begun,
    codes,
    revisions,
    details,
    elapsedMs: performance.now() - began,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: latencies.at(-1),
    ...(orders.timeline ? { timeline: Array.from(timeline, (second) => second ?? { codes: {}, revisions: {} }) } : {}),
  }),
);
