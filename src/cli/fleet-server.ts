import { contractImage } from "../fleet/protos.js";
import type { FleetSpec } from "../fleet/spec.js";
import { GrpcServer } from "../grpc/server.js";
import { fleetSources, type Selection } from "../serving/fleet-sources.js";
import { ModelTelemetry } from "../serving/model-telemetry.js";
import { usableProcessors } from "../serving/processors.js";
import { ServedRepository } from "../serving/served-repository.js";
import { createLog } from "../telemetry/log.js";
import { Metrics } from "../telemetry/metrics.js";
import { createCompose } from "./compose.js";
import { VERSION } from "./package-info.js";
import { readServiceImages } from "./service-images.js";

/** A fleet that a command serves to itself. */
export interface FleetServer {
  /** `127.0.0.1:port`. */
  readonly target: string;
  close(): Promise<void>;
}

const MAX_MESSAGE_BYTES = 64 * 2 ** 20;
/** Longer than any command calls. */
const KEEPALIVE_MS = 3_600_000;
/** Nobody but the command itself calls. */
const DRAIN_MS = 5_000;

/**
 * Serves a fleet, or a part of it, on a free port of this machine, as `flotilla serve` would.
 * @throws Error with the models that can't be served
 */
export async function startFleetServer(fleet: FleetSpec, selection?: Selection): Promise<FleetServer> {
  const metrics = new Metrics();
  const log = createLog("silent");
  const threads = usableProcessors();
  const readImage = (contract: string) => contractImage(fleet.root, contract);
  let target = "";
  const repository = new ServedRepository({
    read: () => fleetSources(fleet, { selection, threads, readImage, environment: {} }),
    observer: new ModelTelemetry(log, metrics, () => {}),
    startsAtOnce: threads,
    compose: createCompose({ metrics, log, ownAddress: () => target }),
  });
  await repository.open();
  const server = await GrpcServer.start({
    repository,
    address: { host: "127.0.0.1", port: 0 },
    serviceImages: await readServiceImages(),
    metrics,
    log,
    version: VERSION,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    connections: { maxAgeMs: undefined, keepaliveMs: KEEPALIVE_MS },
    allowRepositoryControl: false,
  });
  target = `127.0.0.1:${server.port}`;
  const close = async () => {
    await server.drain(DRAIN_MS);
    await repository.close();
  };
  await repository.start();
  const failed = repository.models.filter((model) => model.state !== "READY");
  if (failed.length > 0) {
    await close();
    throw new Error(
      failed.map((model) => model.problem ?? `${model.contract}/${model.revision} is not ready`).join("\n"),
    );
  }
  return { target, close };
}
