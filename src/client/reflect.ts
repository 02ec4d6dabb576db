import { create, createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import {
  ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService as V1,
} from "../../generated/ts/grpc/reflection/v1/reflection.js";
import { ServerReflectionService as V1Alpha } from "../../generated/ts/grpc/reflection/v1alpha/reflection.js";
import { type Channel, callStream } from "./call.js";
import { CallError } from "./call-error.js";
import type { CallOptions } from "./call-options.js";

type Question = Partial<ServerReflectionRequest>;

/** Asks a server what it serves: reflection v1, or v1alpha where the server knows no other. */
export class Reflection {
  readonly #channel: Channel;
  readonly #options: CallOptions;
  #service: typeof V1 | typeof V1Alpha = V1;

  /** @param options of each question; a server may ask who it is that asks */
  constructor(channel: Channel, options: CallOptions) {
    this.#channel = channel;
    this.#options = options;
  }

  /**
   * Full names of the services.
   * @throws CallError UNIMPLEMENTED where the server has no reflection
   */
  async services(): Promise<string[]> {
    const { listServicesResponse } = await this.#ask({ listServices: "" });
    return listServicesResponse?.service.map(({ name }) => name) ?? [];
  }

  /**
   * The file that declares a symbol, and all that it imports.
   * @throws CallError NOT_FOUND where the server knows no such symbol
   */
  async describe(symbol: string): Promise<FileRegistry> {
    const files = new Map<string, FileDescriptorProto>();
    await this.#files({ fileContainingSymbol: symbol }, files);
    // Not every server sends the imports along.
    for (let missing = missingImports(files); missing.length > 0; missing = missingImports(files)) {
      for (const name of missing) await this.#files({ fileByFilename: name }, files);
    }
    return createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(files) }));
  }

  async #files(question: Question, known: Map<string, FileDescriptorProto>): Promise<void> {
    const { fileDescriptorResponse } = await this.#ask(question);
    const files = (fileDescriptorResponse?.fileDescriptorProto ?? []).map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    if (files.length === 0) throw this.#failure(status.INTERNAL, "the server's reflection answered without a file");
    for (const file of files) known.set(file.name, file);
  }

  async #ask(question: Question): Promise<ServerReflectionResponse> {
    const answer = await this.#exchange(question);
    const { errorResponse } = answer;
    if (errorResponse) throw this.#failure(errorResponse.errorCode, errorResponse.errorMessage);
    return answer;
  }

  async #exchange(question: Question): Promise<ServerReflectionResponse> {
    const method = this.#service.serverReflectionInfo;
    try {
      for await (const answer of callStream(
        this.#channel,
        method,
        [ServerReflectionRequest.fromPartial(question)],
        this.#options,
      )) {
        return answer;
      }
    } catch (error) {
      const unknown = error instanceof CallError && error.code === status.UNIMPLEMENTED;
      if (!unknown || this.#service === V1Alpha) throw error;
      this.#service = V1Alpha;
      return this.#exchange(question);
    }
    throw this.#failure(status.INTERNAL, "the server's reflection ended without an answer");
  }

  #failure(code: status, details: string): CallError {
    const method = this.#service.serverReflectionInfo.path.slice(1);
    return new CallError({ code, details, method, target: this.#channel.target });
  }
}

function missingImports(files: ReadonlyMap<string, FileDescriptorProto>): string[] {
  const wanted = [...files.values()].flatMap((file) => file.dependency);
  return [...new Set(wanted)].filter((name) => !files.has(name));
}

function importsFirst(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const sorted: FileDescriptorProto[] = [];
  const visited = new Set<string>();
  const visit = (name: string) => {
    if (visited.has(name)) return;
    visited.add(name);
    const file = files.get(name)!;
    file.dependency.forEach(visit);
    sorted.push(file);
  };
  for (const name of files.keys()) visit(name);
  return sorted;
}
