import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { nearest } from "../fleet/nearest.js";
import { contractImage } from "../fleet/protos.js";
import type { Method } from "./call.js";
import { CallError } from "./call-error.js";
import type { Reflection } from "./reflect.js";

/** A method that was found by its name. */
export interface FoundMethod {
  readonly method: DescMethod;
  /** All types around it: for `Any` and extensions in JSON. */
  readonly registry: FileRegistry;
}

/** What `CONTRACT[/Method]` says. */
export interface MethodName {
  /** A package, or the full name of one of its services. */
  readonly contract: string;
  readonly method: string;
}

/**
 * Finds a method by what the server says of itself.
 * @throws Error that lists what there is; CallError
 */
export async function findByReflection(reflection: Reflection, name: MethodName): Promise<FoundMethod> {
  const services = await reflection.services().catch((error) => {
    if (!(error instanceof CallError) || error.code !== status.UNIMPLEMENTED) throw error;
    throw new Error(
      `${error.target} does not say what it serves (no reflection): --local reads the contract from .proto files`,
    );
  });
  const service = theOne(name.contract, services);
  const registry = await reflection.describe(service);
  return { method: findMethod(registry.getService(service)!, name.method), registry };
}

/**
 * Finds a method in the .proto files of a folder.
 * @throws Error that lists what there is; FleetError with what is wrong in the files
 */
export async function findLocally(root: string, name: MethodName): Promise<FoundMethod> {
  const isPackage = /\.v\d+\w*$/.test(name.contract);
  const contract = isPackage ? name.contract : packageOf(name.contract);
  return findInImage(await contractImage(root, contract), name);
}

/**
 * Finds a method in a contract's image, a serialized `FileDescriptorSet`.
 * @throws Error that lists what there is
 */
export function findInImage(image: Uint8Array, name: MethodName): FoundMethod {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  const services = [...registry].filter((type) => type.kind === "service").map((service) => service.typeName);
  return { method: findMethod(registry.getService(theOne(name.contract, services))!, name.method), registry };
}

/** A method as the channel takes it, its messages those of @bufbuild/protobuf. */
export function toChannelMethod({ parent, name, input, output }: DescMethod): Method<Message, Message> {
  return {
    path: `/${parent.typeName}/${name}`,
    requestSerialize: (message) => Buffer.from(toBinary(input, message)),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
  };
}

function theOne(contract: string, services: readonly string[]): string {
  if (services.includes(contract)) return contract;
  const found = services.filter((service) => packageOf(service) === contract);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw new Error(`${contract} has several services, name one: ${found.join(", ")}`);
  const contracts = [...new Set(services.map(packageOf))].filter(
    (name) => name !== "inference" && !name.startsWith("grpc."),
  );
  const meant = nearest(contract, contracts);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new Error(`there is no contract "${contract}"; there is ${contracts.join(", ") || "none at all"}${hint}`);
}

function packageOf(service: string): string {
  return service.slice(0, Math.max(0, service.lastIndexOf(".")));
}

function findMethod(service: DescService, name: string): DescMethod {
  const found = service.methods.find((method) => method.name.toLowerCase() === name.toLowerCase());
  if (found) return found;
  const names = service.methods.map((method) => method.name).join(", ");
  throw new Error(`${service.typeName} has no method "${name}"; it has ${names}`);
}
