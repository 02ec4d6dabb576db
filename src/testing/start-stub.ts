import path from "node:path";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { type FoundMethod, findInImage } from "../client/find-method.js";
import { type Contract, loadContract } from "../contract/contract.js";
import { parseLatency } from "../fleet/latency-profile.js";
import { LIVENESS_SERVICE } from "../fleet/names.js";
import { contractImage } from "../fleet/protos.js";
import { reflectionServices } from "../grpc/reflection.js";
import { GoldenFile, readGoldenCases, toGoldenCase } from "./golden-case.js";
import { readRecording } from "./recording.js";
import { seededRandom } from "./seeded-random.js";
import { StubAnswers } from "./stub-answers.js";
import { parseErrors } from "./stub-profile.js";
import { type StubCall, stubService } from "./stub-service.js";

/** A request, and the answer to it or the code that it is refused with, in protobuf's JSON. */
export interface StubAnswer {
  /** `acme.fraud.v1`, or `acme.fraud.v1/PredictStream`, whose request and response are lists. */
  readonly method: string;
  readonly request: object;
  readonly response?: object;
  /** `UNAVAILABLE`. */
  readonly code?: string;
}

/** How a stub answers. What comes first in this list is looked at last: answers win over recordings, over golden cases. */
export interface StubOptions {
  /** Folder of the fleet file: proto/ and the golden cases are there. @default "." */
  readonly root?: string;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** @default any free one */
  readonly port?: number;
  /** Whether the contract's golden cases are answers. @default true */
  readonly golden?: boolean;
  /** The revision whose golden answers count. @default what holds for all, or else the first revision's */
  readonly revision?: string;
  /** Files of `flotilla record`. @default none */
  readonly recordings?: readonly string[];
  /** Answers of your own, as golden cases have them: `{ method: "acme.fraud.v1", request: {…}, response: {…} }`. */
  readonly answers?: readonly StubAnswer[];
  /** What other requests get: an answer out of the contract, or NOT_FOUND. @default "generate" */
  readonly otherwise?: "generate" | "refuse";
  /** The same seed has the same answers, times and errors. @default 1 */
  readonly seed?: number;
  /** `20ms`, `20ms..80ms`, or `p50=20ms,p99=200ms`. @default none */
  readonly latency?: string;
  /** Codes of the calls that fail, in per cent: `UNAVAILABLE=2%,RESOURCE_EXHAUSTED=1%`. @default none */
  readonly errors?: string;
}

/** A stub that listens. */
export interface Stub {
  /** `127.0.0.1:port`, for `connect` and its like. */
  readonly target: string;
  /** The latest messages that came and that the contract allows, the first one first. */
  readonly calls: readonly StubCall[];
  /** Requests that an answer is known for. */
  readonly known: number;
  /** Cuts off what is open, and ends. */
  close(): Promise<void>;
}

/** Older ones are forgotten. */
const MAX_CALLS = 1000;
const MAX_MESSAGE_BYTES = 64 * 2 ** 20;

/**
 * Serves contracts with no models: with reflection, health, and all that the contracts refuse.
 *
 *     const stub = await startStub("acme.fraud.v1");
 *     const fraud = connect(FraudServiceClient, stub.target);
 *     after(() => stub.close());
 *
 * @throws Error where a contract, a golden case or a recording can't be read, or the port can't be had
 */
export async function startStub(contracts: string | readonly string[], options: StubOptions = {}): Promise<Stub> {
  const root = path.resolve(options.root ?? ".");
  const loaded = await Promise.all([contracts].flat().map((name) => loadFor(root, name)));
  const answers = await collectAnswers(root, loaded, options);
  const calls: StubCall[] = [];
  const server = createServer(loaded, { answers, calls, options });
  const host = options.host ?? "127.0.0.1";
  const port = await listen(server, `${host}:${options.port ?? 0}`);
  return {
    target: `${host}:${port}`,
    calls,
    known: answers.size,
    close: async () => server.forceShutdown(),
  };
}

async function loadFor(root: string, name: string): Promise<Contract> {
  return loadContract(await contractImage(root, name), name);
}

async function collectAnswers(
  root: string,
  contracts: readonly Contract[],
  options: StubOptions,
): Promise<StubAnswers> {
  const answers = new StubAnswers();
  if (options.golden ?? true) {
    const cases = contracts.flatMap(({ name, image }) => readGoldenCases(root, name, image));
    for (const golden of cases) answers.addGolden(golden, options.revision);
  }
  for (const file of options.recordings ?? []) await addRecording(answers, file, contracts);
  for (const answer of options.answers ?? []) {
    // Objects of generated code have fields that are undefined, which JSON has none of.
    const file = GoldenFile.parse(JSON.parse(JSON.stringify(answer)));
    const contract = contracts.find(({ name }) => name === file.method.split("/")[0]);
    if (!contract) throw new Error(`an answer is of ${file.method}, and that is not served here`);
    answers.addGolden(toGoldenCase(path.join(root, "answer.json"), file, contract.image), options.revision);
  }
  return answers;
}

async function addRecording(answers: StubAnswers, file: string, contracts: readonly Contract[]): Promise<void> {
  const known = new Map<string, FoundMethod>();
  for await (const call of readRecording(file)) {
    const [service = "", method = ""] = call.method.slice(1).split("/");
    const contract = contracts.find((candidate) => candidate.service === service);
    if (!contract) continue;
    const found = known.get(call.method) ?? findInImage(contract.image, { contract: service, method });
    known.set(call.method, found);
    answers.addRecorded(call, found);
  }
}

function createServer(
  contracts: readonly Contract[],
  { answers, calls, options }: { answers: StubAnswers; calls: StubCall[]; options: StubOptions },
): Server {
  const { seed = 1, otherwise = "generate" } = options;
  const behaviour = {
    answers,
    otherwise,
    seed,
    latency: options.latency === undefined ? undefined : parseLatency(options.latency),
    errors: options.errors === undefined ? new Map() : parseErrors(options.errors),
    random: seededRandom(seed),
    onCall: (call: StubCall) => {
      calls.push(call);
      if (calls.length > MAX_CALLS) calls.shift();
    },
  };
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  const health = new HealthImplementation();
  for (const service of ["", LIVENESS_SERVICE, ...contracts.map((contract) => contract.service)]) {
    health.setStatus(service, "SERVING");
  }
  health.addToServer(server);
  for (const contract of contracts) {
    const { definition, implementation } = stubService(contract, behaviour);
    server.addService(definition, implementation);
  }
  for (const { definition, implementation } of reflectionServices(contracts.map(({ image }) => image))) {
    server.addService(definition, implementation);
  }
  return server;
}

function listen(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}
