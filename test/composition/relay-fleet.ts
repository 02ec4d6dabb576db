import path from "node:path";
import { ComposedModel } from "../../src/composition/composed-model.js";
import { type Contract, loadContract } from "../../src/contract/contract.js";
import { moduleDigest } from "../../src/fleet/module-digest.js";
import type { ContractSource } from "../../src/serving/served-repository.js";
import { compileContract, compileProto, ROOT } from "../support/contract-fixture.js";
import { scaleModel } from "../support/onnx-builder.js";
import { startSources, type TestServer, toSource } from "../support/server.js";
import { SCALE } from "../wire/contracts.js";

const MODULE = path.join(ROOT, "test/composition/relay.ts");
const RELAY = `
  syntax = "proto3";
  package test.relay.v1;
  service RelayService {
    rpc Predict(PredictRequest) returns (PredictResponse);
    rpc PredictStream(stream PredictStreamRequest) returns (stream PredictStreamResponse);
  }
  message PredictRequest { repeated float x = 1; }
  message PredictResponse { repeated float y = 1; }
  message PredictStreamRequest { repeated float x = 1; }
  message PredictStreamResponse { repeated float y = 1; }`;

/** A contract that is served, and what its server reads when it is told to load it anew. */
export interface Served {
  readonly server: TestServer;
  /** Gives the calls that ask for nothing to another revision, as a fleet file with other traffic does. */
  shift(revision: string): Promise<void>;
}

/**
 * Two contracts, each with revisions r1 and r2 on a server of its own: `test.relay.v1` asks `test.scale.v1`, a model that
 * multiplies by 2 in r1 and by 10 in r2.
 */
export interface RelayFleet {
  readonly relay: Served & { readonly contract: Contract };
  readonly scale: Served & { readonly contract: Contract };
  close(): Promise<void>;
}

/** Starts both. @param releases revision by release, the same for both contracts */
export async function startRelayFleet(releases: Readonly<Record<string, string>>): Promise<RelayFleet> {
  const contract = compileContract("test.scale.v1", SCALE);
  const revisions = { r1: scaleModel({ factor: 2 }), r2: scaleModel({ factor: 10 }) };
  const scale = await serve(toSource({ contract, revisions, releases }));
  const relay = await serve(await relaySource(scale.server.address, { contract, releases }));
  return {
    relay: { ...relay, contract: relay.source.contract! },
    scale: { ...scale, contract },
    close: async () => {
      await relay.server.close();
      await scale.server.close();
    },
  };
}

async function serve(source: ContractSource): Promise<Served & { readonly source: ContractSource }> {
  const sources = [source];
  const server = await startSources(sources, {
    compose: (composition, observer) => new ComposedModel(composition, { observer, onHop() {}, onChain() {} }),
  });
  const shift = async (revision: string) => {
    sources[0] = { ...source, defaultRevision: revision };
    await server.repository.load(source.name);
  };
  return { source, server, shift };
}

async function relaySource(
  address: string,
  { contract, releases }: { contract: Contract; releases: Readonly<Record<string, string>> },
): Promise<ContractSource> {
  const service = loadContract(compileProto("test.relay.v1", RELAY), "test.relay.v1");
  const callee = { contract: contract.name, address, deadlineMs: 30_000, overheadMs: 10 };
  const settings = {
    contract: service.name,
    ...{ queueSize: 64, deadlineMs: 60_000, reserveMs: 100, service },
    ...{ module: { path: MODULE, bundledSha256: undefined }, sha256: await moduleDigest(MODULE) },
    callees: [{ ...callee, service: contract, problem: undefined }],
  };
  return {
    ...{ name: service.name, contract: service, problem: undefined, defaultRevision: "r1" },
    models: ["r1", "r2"].map((revision) => ({ ...settings, revision })),
    releases: new Map(Object.entries(releases)),
  };
}
