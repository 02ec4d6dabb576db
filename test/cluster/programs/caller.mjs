// A caller with an identity of its own: runs in a pod with a sidecar, calls one method as told by its argument (JSON), and
// prints what happened as JSON. It sends and receives bytes: what they mean is for others to check.
import { createHash } from "node:crypto";
import { credentials, Metadata, makeGenericClientConstructor, status } from "@grpc/grpc-js";

/**
 * @typedef {object} Orders
 * @property {string} target `host:port`
 * @property {string} path `/acme.tumor.v1.TumorService/Predict`
 * @property {string} request base64
 * @property {number} [calls] how many; or else
 * @property {number} [seconds] for how long; or else
 * @property {boolean} [untilEnd] until stdin ends, so that no load outlives whoever asked for it
 * @property {number} [connections] channels of their own, 1 by default
 * @property {number} [concurrency] calls open at a time, 1 by default
 * @property {number} [deadlineMs] 5 000 by default
 * @property {Record<string, string>} [headers]
 * @property {boolean} [stream] open a stream, send the request once, and end it
 * @property {number} [pauseMs] rest after a failed call, as callers have it that back off
 * @property {boolean} [answers] tell answers apart by what they say
 * @property {boolean} [keep] give the last answer back, in base64
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
const answers = {};
const chains = {};
let kept;
const latencies = {};
const overheads = [];
const failedAtMs = [];
const lastAt = {};
const began = performance.now();
let begun = 0;
let ended = false;
if (orders.untilEnd) process.stdin.resume().once("end", () => (ended = true));

function mayBegin() {
  if (orders.untilEnd) return !ended;
  if (orders.seconds !== undefined) return performance.now() - began < orders.seconds * 1000;
  return begun < (orders.calls ?? 1);
}

function count(table, key) {
  table[key] = (table[key] ?? 0) + 1;
}

/** One call; settles with its status and the answer's bytes, and never rejects. */
function call(client) {
  const options = { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    let answer;
    const started =
      orders.stream === true
        ? client.call(metadata, options)
        : client.call(request, metadata, options, (_error, bytes) => {
            answer = bytes;
          });
    if (orders.stream === true) {
      started.on("data", () => undefined);
      started.on("error", () => undefined);
      started.end(request);
    }
    // The answer's callback comes after the status.
    started.on("status", (ended) => setImmediate(() => resolve({ ...ended, answer })));
  });
}

function note({ code, details: detail, metadata: trailers, answer }, elapsedMs) {
  const name = status[code];
  count(codes, name);
  latencies[name] ??= [];
  latencies[name].push(elapsedMs);
  if (name !== "OK") {
    count(details, `${name}: ${detail}`);
    failedAtMs.push(performance.now() - began);
    return;
  }
  const revision = trailers.get("flotilla-revision")[0] ?? "none";
  count(revisions, revision);
  lastAt[revision] = Date.now();
  if (orders.keep) kept = answer.toString("base64");
  const hops = trailers.get("flotilla-hops").flatMap((text) => String(text).split(", "));
  count(chains, [revision, ...hops.map((hop) => hop.split(";")[0]).sort()].join(" "));
  if (orders.answers) count(answers, createHash("sha256").update(answer).digest("hex").slice(0, 12));
  const total = /\btotal=([\d.]+)/.exec(trailers.get("flotilla-server-timing")[0] ?? "");
  if (total) overheads.push(elapsedMs - Number(total[1]));
}

async function work(client) {
  while (mayBegin()) {
    begun++;
    const start = performance.now();
    const outcome = await call(client);
    note(outcome, performance.now() - start);
    if (outcome.code !== status.OK && orders.pauseMs) await new Promise((next) => setTimeout(next, orders.pauseMs));
  }
}

/** Of numbers in milliseconds; undefined where there are none. */
function spread(numbers) {
  if (numbers.length === 0) return undefined;
  numbers.sort((one, other) => one - other);
  const quantile = (share) => numbers[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99), maxMs: numbers.at(-1) };
}

await Promise.all(Array.from({ length: concurrency }, (_, index) => work(clients[index % connections])));
for (const client of clients) client.close();
console.log(
  JSON.stringify({
    calls: begun,
    codes,
    revisions,
    details,
    answers,
    chains,
    kept,
    lastAt,
    elapsedMs: performance.now() - began,
    latency: Object.fromEntries(Object.entries(latencies).map(([name, numbers]) => [name, spread(numbers)])),
    overhead: spread(overheads),
    ...(failedAtMs.length > 0 ? { firstFailureMs: failedAtMs[0], lastFailureMs: failedAtMs.at(-1) } : {}),
  }),
);
process.exit();
