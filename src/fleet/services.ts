import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { FleetError, fileFinding, shownFile } from "./findings.js";
import { contractFolder, PROTO_FOLDER, ProtoWorkspace } from "./proto-workspace.js";
import { contractFiles, keptImage } from "./protos.js";

/** A contract's gRPC service, as the mesh has to know it: by its paths. */
export interface ContractService {
  /** Full name, `acme.fraud.v1.FraudService`: calls go to `/acme.fraud.v1.FraudService/Predict`. */
  readonly name: string;
  /** In the .proto's order. */
  readonly methods: readonly ServiceMethod[];
}

export interface ServiceMethod {
  /** `Predict`. */
  readonly name: string;
  /** Whether either side sends a stream. */
  readonly streaming: boolean;
}

/**
 * The services of some contracts, read from their images; the contracts that have none that is fresh are compiled in one
 * run of buf, so that a thousand take no longer than a few.
 * @param root absolute folder of the fleet file
 * @throws FleetError with what is wrong in which .proto
 */
export async function contractServices(
  root: string,
  contracts: readonly string[],
): Promise<Map<string, ContractService>> {
  const files: FileDescriptorProto[] = [];
  const stale: string[] = [];
  for (const contract of contracts) {
    const image = keptImage(root, contract);
    if (image === undefined) stale.push(contract);
    else files.push(...fromBinary(FileDescriptorSetSchema, image).file);
  }
  if (stale.length > 0) files.push(...(await compile(root, stale)));
  const byPackage = new Map<string, FileDescriptorProto[]>();
  for (const file of files) byPackage.set(file.package, [...(byPackage.get(file.package) ?? []), file]);
  const services = contracts.map((contract) => serviceOf(root, contract, byPackage.get(contract) ?? []));
  const findings = services.filter((service) => service instanceof FleetError).flatMap((error) => error.findings);
  if (findings.length > 0) throw new FleetError(findings);
  return new Map(contracts.map((contract, index) => [contract, services[index] as ContractService]));
}

async function compile(root: string, contracts: readonly string[]): Promise<FileDescriptorProto[]> {
  const missing = contracts.filter((contract) => contractFiles(root, contract).length === 0);
  if (missing.length > 0) {
    const fix = "write the contract there, or make one with `flotilla add`";
    throw new FleetError(
      missing.map((name) => fileFinding(shownFolder(root, name), `no .proto files for ${name}`, fix)),
    );
  }
  const workspace = new ProtoWorkspace(root);
  try {
    const flags = ["--as-file-descriptor-set", "--error-format=json", "-o", "image.binpb"];
    const result = await workspace.run(["build", ...flags, ...workspace.pathFlags(contracts)]);
    if (result.exitCode !== 0) throw new FleetError(workspace.findings(result));
    return fromBinary(FileDescriptorSetSchema, readFileSync(join(workspace.folder, "image.binpb"))).file;
  } finally {
    workspace.close();
  }
}

function serviceOf(
  root: string,
  contract: string,
  files: readonly FileDescriptorProto[],
): ContractService | FleetError {
  // Kept images of several contracts may hold the same file.
  const services = new Map(files.flatMap((file) => file.service.map((service) => [service.name, service] as const)));
  const [service] = services.values();
  if (service === undefined || services.size > 1) {
    const message = `${contract}: expected one service in the package, found ${services.size}`;
    return new FleetError([
      fileFinding(shownFolder(root, contract), message, `write one service in package ${contract}`),
    ]);
  }
  return {
    name: `${contract}.${service.name}`,
    methods: service.method.map(({ name, clientStreaming, serverStreaming }) => {
      return { name, streaming: clientStreaming || serverStreaming };
    }),
  };
}

function shownFolder(root: string, contract: string): string {
  return shownFile(join(root, PROTO_FOLDER, contractFolder(contract)));
}
