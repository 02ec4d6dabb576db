import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import {
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";
import type { Contract } from "../../src/contract/contract.js";
import { GrpcServer, type GrpcServerOptions } from "../../src/grpc/server.js";
import { ModelTelemetry } from "../../src/serving/model-telemetry.js";
import type { ModelSettings } from "../../src/serving/served-model.js";
import { type Compose, type ContractSource, ServedRepository } from "../../src/serving/served-repository.js";
import type { StreamSettings } from "../../src/serving/stream-settings.js";
import { createLog } from "../../src/telemetry/log.js";
import { Metrics } from "../../src/telemetry/metrics.js";
import { ROOT } from "./contract-fixture.js";
import { writeModel } from "./served.js";

/** One contract for a test server: its revisions are models as bytes. */
export interface TestContract {
  readonly contract: Contract;
  readonly revisions: Readonly<Record<string, Uint8Array>>;
  readonly settings?: Partial<Omit<ModelSettings, "contract" | "revision" | "worker">>;
  /** Absolute path of a transform's compiled module. */
  readonly transform?: string;
  /** Revision by release. */
  readonly releases?: Readonly<Record<string, string>>;
  readonly streams?: StreamSettings;
}

/** A real server on a free port, its models loaded and warm. */
export interface TestServer {
  readonly address: string;
  readonly server: GrpcServer;
  readonly repository: ServedRepository;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

/** Starts a server; `options` may change what the tests' own settings are. */
export function startTestServer(
  contracts: readonly TestContract[],
  options: Partial<GrpcServerOptions> = {},
): Promise<TestServer> {
  return startSources(contracts.map(toSource), options);
}

/** The same of sources that a test made itself. */
export async function startSources(
  sources: readonly ContractSource[],
  { compose, ...options }: Partial<GrpcServerOptions> & { readonly compose?: Compose } = {},
): Promise<TestServer> {
  const metrics = new Metrics();
  const log = createLog("silent");
  let server: GrpcServer | undefined;
  const repository = new ServedRepository({
    read: async () => sources,
    observer: new ModelTelemetry(log, metrics, () => server?.health.update()),
    startsAtOnce: 2,
    ...(compose && { compose }),
    onChange: () => server?.health.update(),
  });
  await repository.open();
  const serviceImages = ["flotilla.binpb", "health.binpb"].map((name) =>
    readFileSync(path.join(ROOT, "generated", name)),
  );
  server = await GrpcServer.start({
    repository,
    address: { host: "127.0.0.1", port: 0 },
    serviceImages,
    metrics,
    log,
    version: "0.0.0-test",
    maxMessageBytes: 64 * 2 ** 20,
    allowRepositoryControl: false,
    connections: { maxAgeMs: undefined, keepaliveMs: 60_000 },
    ...options,
  });
  await repository.start();
  const started = server;
  return {
    address: `127.0.0.1:${server.port}`,
    server,
    repository,
    metrics,
    close: async () => {
      await started.drain(5000);
      await repository.close();
    },
  };
}

/** What a server reads of such a contract. */
export function toSource(served: TestContract): ContractSource {
  const { contract, revisions, settings, transform, releases, streams } = served;
  const names = Object.keys(revisions);
  const batching = settings?.batching ?? { maxRows: 1, maxDelayMs: 0 };
  const [method] = contract.methods;
  const models = names.map((revision): ModelSettings => {
    const modelPath = writeModel(revisions[revision]!);
    return {
      contract: contract.name,
      revision,
      workers: 1,
      queueSize: 4096,
      ...settings,
      batching,
      worker: {
        label: `${contract.name}/${revision}`,
        modelPath,
        modelRoot: path.dirname(modelPath),
        sha256: createHash("sha256").update(revisions[revision]!).digest("hex"),
        threads: 1,
        signature: contract.signature,
        transform:
          transform === undefined
            ? undefined
            : {
                path: transform,
                image: contract.image,
                requestType: method!.requestType,
                responseType: method!.responseType,
                stepLimitMs: 300,
              },
      },
    };
  });
  return {
    ...{ name: contract.name, contract, problem: undefined, models, defaultRevision: names[0]! },
    releases: new Map(Object.entries(releases ?? {})),
    ...(streams && { streams }),
  };
}

/** What came of a call on the wire. */
export interface WireAnswer {
  readonly code: number;
  readonly details: string;
  readonly message: Buffer | undefined;
  readonly trailers: Metadata;
}

/** A client that sends and gets bytes: what it sends need not be a message at all. */
export class RawClient {
  readonly #client: Client;

  /** @param options further ones of grpc-js's channel */
  constructor(address: string, options: ChannelOptions = {}) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      ...options,
    });
  }

  unary(
    method: string,
    request: Buffer,
    options: { metadata?: Record<string, string>; deadline?: number } = {},
  ): Promise<WireAnswer> {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
    const callOptions = options.deadline === undefined ? {} : { deadline: options.deadline };
    return new Promise((resolve) => {
      let message: Buffer | undefined;
      const call = this.#client.makeUnaryRequest(
        method,
        same,
        same,
        request,
        metadata,
        callOptions,
        (_error: ServiceError | null, answer?: Buffer) => {
          message = answer;
        },
      );
      call.on("status", ({ code, details, metadata: trailers }: StatusObject) =>
        setImmediate(() => resolve({ code, details, message, trailers })),
      );
    });
  }

  stream(method: string, metadata = new Metadata()) {
    return this.#client.makeBidiStreamRequest(method, same, same, metadata);
  }

  serverStream(method: string, request: Buffer) {
    const stream = this.#client.makeServerStreamRequest(method, same, same, request);
    stream.on("error", () => {});
    return stream;
  }

  close(): void {
    this.#client.close();
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
