import path from "node:path";
import { Registry } from "prom-client";
import { connect, type MethodShape } from "../../src/client/connect.js";
import { ComposedModel } from "../../src/composition/composed-model.js";
import { type Contract, loadContract } from "../../src/contract/contract.js";
import { moduleDigest } from "../../src/fleet/module-digest.js";
import { contractImage } from "../../src/fleet/protos.js";
import type { CompositionSettings } from "../../src/serving/composition-settings.js";
import { HopMetrics } from "../../src/telemetry/hop-metrics.js";
import { compileProto, JsonCodec, ROOT } from "../support/contract-fixture.js";
import { startSources, type TestServer } from "../support/server.js";

export const CHAIN = "test.chain.v1";
export const CHAIN_MODULE = path.join(ROOT, "test/composition/chain.ts");

const PROTO = `
  syntax = "proto3";
  package test.chain.v1;
  service ChainService { rpc Join(JoinRequest) returns (JoinResponse); }
  message JoinRequest { repeated float values = 1; uint32 limit = 2; string mood = 3; }
  message JoinResponse { repeated Part parts = 1; }
  message Part { float value = 1; string missing = 2; }`;

export interface JoinRequest {
  readonly values: readonly number[];
  readonly limit?: number;
  readonly mood?: string;
}

export interface JoinResponse {
  readonly parts?: readonly { readonly value?: number; readonly missing?: string }[];
}

type Chain = { readonly join: MethodShape<JoinRequest, JoinResponse> };

/** The contract of the chain, and that of those whom it calls. */
export async function chainContracts(): Promise<{ chain: Contract; voice: Contract }> {
  return {
    chain: loadContract(compileProto(CHAIN, PROTO), CHAIN),
    voice: loadContract(await contractImage(ROOT, "acme.voice.v1"), "acme.voice.v1"),
  };
}

/** Settings of the chain, whose one callee is at `address`. */
export async function chainSettings(
  address: string | undefined,
  overrides: Partial<CompositionSettings> = {},
): Promise<CompositionSettings> {
  const { chain, voice } = await chainContracts();
  return {
    contract: CHAIN,
    revision: "r1",
    queueSize: 64,
    module: { path: CHAIN_MODULE, bundledSha256: undefined },
    sha256: await moduleDigest(CHAIN_MODULE),
    service: chain,
    deadlineMs: 5000,
    reserveMs: 100,
    callees: [
      { contract: "acme.voice.v1", address, deadlineMs: 2000, overheadMs: 10, service: voice, problem: undefined },
    ],
    ...overrides,
  };
}

const OUTER_MODULE = path.join(ROOT, "test/composition/outer.ts");

/** Settings of a composition with the chain's messages that asks the chain, which is at `address`. */
export async function outerSettings(address: string): Promise<CompositionSettings> {
  const settings = await chainSettings(address);
  const [callee] = settings.callees;
  return {
    ...settings,
    module: { path: OUTER_MODULE, bundledSha256: undefined },
    sha256: await moduleDigest(OUTER_MODULE),
    callees: [{ ...callee!, contract: CHAIN, deadlineMs: 60_000, service: settings.service }],
  };
}

/** A real server of the chain, a client of it, and the registry that its hops are counted in. */
export async function startChain(
  settings: CompositionSettings,
): Promise<TestServer & { chain: ReturnType<typeof connectChain>; hops: Registry }> {
  const hops = new Registry();
  const metrics = new HopMetrics(hops);
  const source = {
    name: CHAIN,
    contract: settings.service,
    problem: undefined,
    models: [settings],
    defaultRevision: "r1",
    releases: new Map([["2026-11", "r1"]]),
  };
  const server = await startSources([source], {
    compose: (composition, observer) =>
      new ComposedModel(composition, { observer, onHop: metrics.onHop, onChain: metrics.onChain.bind(metrics) }),
  });
  const chain = connectChain(server.address, settings.service!);
  const close = async () => {
    chain.close();
    await server.close();
  };
  return { ...server, chain, hops, close };
}

function connectChain(address: string, { image }: Contract) {
  const json = new JsonCodec(image);
  const join: Chain["join"] = {
    path: `/${CHAIN}.ChainService/Join`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (request) => Buffer.from(json.encode(`${CHAIN}.JoinRequest`, request as never)),
    responseDeserialize: (bytes) => json.decode(`${CHAIN}.JoinResponse`, new Uint8Array(bytes)) as JoinResponse,
  };
  return connect({ service: { join } }, address, { from: "test" });
}
