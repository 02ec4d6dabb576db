import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { type FileDescriptorSet, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { MessageBinding, StateBinding } from "./binding.js";
import { BindingReader } from "./binding-reader.js";
import { boundSignature } from "./bound-signature.js";
import type { Signature } from "./signature.js";
import { StreamState } from "./stream-state.js";

/** One rpc of a contract. */
export interface ContractMethod {
  /** `Predict`. */
  readonly name: string;
  /** `/acme.fraud.v1.FraudService/Predict`. */
  readonly path: string;
  /** `unary`, or `stream`: bidirectional, answered in order. */
  readonly kind: "unary" | "stream";
  /** Full protobuf names of the messages. */
  readonly requestType: string;
  readonly responseType: string;
  readonly request: MessageBinding;
  readonly response: MessageBinding;
}

/** What a .proto says of a model: its service, its messages, and which field is which tensor. */
export interface Contract {
  /** Protobuf package, `acme.fraud.v1`. */
  readonly name: string;
  /** Full name of the service, `acme.fraud.v1.FraudService`. */
  readonly service: string;
  readonly methods: readonly ContractMethod[];
  /** Tensors that a stream carries on. */
  readonly states: readonly StateBinding[];
  /** Whether callers may keep what a stream carries. */
  readonly resumable: boolean;
  /** What the bindings ask of a model, or undefined where nothing is bound: a transform does it. */
  readonly signature: Signature | undefined;
  /** The `FileDescriptorSet` it was read from, imports included. */
  readonly image: Uint8Array;
}

/** A .proto that is no contract. `problems` has a line for each thing that is wrong. */
export class ContractError extends Error {
  override readonly name = "ContractError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/**
 * Reads a contract from a serialized `FileDescriptorSet` that holds it and all it imports, as `buf build` makes it.
 * @param name the contract's protobuf package
 * @throws ContractError with everything that is wrong with it
 */
export function loadContract(image: Uint8Array, name: string): Contract {
  const { files, registry } = readImage(image, name);
  const problems: string[] = [];
  const report = (where: string, message: string) => problems.push(`${where}: ${message}`);

  const services = files.file
    .filter((file) => file.package === name)
    .flatMap((file) => file.service.map((service) => service.name));
  if (services.length !== 1) {
    throw new ContractError([
      `${name}: expected one service in the package, found ${services.length}${services.length ? `: ${services.join(", ")}` : ""}`,
    ]);
  }
  const service = registry.getService(`${name}.${services[0]}`)!;
  const reader = new BindingReader(registry, report);
  const methods = service.methods.flatMap((method) => readMethod(method, reader, report));
  if (methods.length === 0) report(service.typeName, "the service has no method");
  const states = reader.states(service);
  const resumable = reader.resumable(service);
  if (resumable) checkResumable(service, { methods, states }, report);
  const signature = isBound(methods) ? boundSignature(methods, states, report) : undefined;
  if (signature) checkComplete(service, methods, report);
  if (problems.length > 0) throw new ContractError(problems.map((problem) => `${name}: ${problem}`));
  return { name, service: service.typeName, methods, states, resumable, signature, image };
}

function readImage(image: Uint8Array, name: string): { files: FileDescriptorSet; registry: FileRegistry } {
  try {
    const files = fromBinary(FileDescriptorSetSchema, image);
    return { files, registry: createFileRegistry(files) };
  } catch (error) {
    throw new ContractError([
      `${name}: not a FileDescriptorSet with all imports: ${error instanceof Error ? error.message : error}`,
    ]);
  }
}

function readMethod(
  method: DescMethod,
  reader: BindingReader,
  report: (where: string, message: string) => void,
): ContractMethod[] {
  const path = `/${method.parent.typeName}/${method.name}`;
  if (method.methodKind !== "unary" && method.methodKind !== "bidi_streaming") {
    report(path, `a method is unary or streams both ways, this one is ${method.methodKind}`);
    return [];
  }
  return [
    {
      name: method.name,
      path,
      kind: method.methodKind === "unary" ? "unary" : "stream",
      requestType: method.input.typeName,
      responseType: method.output.typeName,
      request: reader.message(method.input),
      response: reader.message(method.output),
    },
  ];
}

/** Kept by a caller it travels in a header, and clients allow 8 KiB of those, in base64. */
const MAX_CARRIED_BYTES = 4096;

function checkResumable(
  service: DescService,
  { methods, states }: Pick<Contract, "methods" | "states">,
  report: (where: string, message: string) => void,
): void {
  for (const { kind, path, request } of methods) {
    if (kind !== "stream") continue;
    const carried = new StreamState(states, request).byteLength;
    if (carried > MAX_CARRIED_BYTES) {
      report(path, `its streams carry ${carried} bytes, and what is resumable carries at most ${MAX_CARRIED_BYTES}`);
    }
  }
  if (methods.every(({ kind }) => kind !== "stream")) report(service.typeName, "is resumable, and no method streams");
}

function isBound(methods: readonly ContractMethod[]): boolean {
  return methods.some((method) => !isEmpty(method.request) || !isEmpty(method.response));
}

function isEmpty(message: MessageBinding): boolean {
  return message.tensors.length + message.records.length === 0;
}

/** Where one message is bound all have to be: a half-bound contract would leave a model's input without a value. */
function checkComplete(
  service: DescService,
  methods: readonly ContractMethod[],
  report: (where: string, message: string) => void,
): void {
  const inputs = methods.map((method) => inputNames(method.request));
  for (const [index, method] of methods.entries()) {
    if (isEmpty(method.request))
      report(method.requestType, "no field is bound to a tensor, though others of the contract are");
    if (isEmpty(method.response))
      report(method.responseType, "no field is bound to a tensor, though others of the contract are");
    if (inputs[index] !== inputs[0]) {
      report(
        service.typeName,
        `${methods[0]!.name} binds the inputs ${inputs[0]}, ${method.name} binds ${inputs[index]}`,
      );
    }
  }
}

function inputNames(message: MessageBinding): string {
  const names = [
    ...message.tensors.map((field) => field.tensor),
    ...message.records.flatMap((record) => record.columns.map((column) => column.tensor)),
  ];
  return [...new Set(names)].sort().join(", ");
}
