import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createFileRegistry, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type Contract, loadContract } from "../../src/contract/contract.js";

/** The repository's root: tests run from it. */
export const ROOT = process.cwd();

/** Compiles a contract's .proto text with buf into a `FileDescriptorSet`, Flotilla's own options beside it. */
export function compileProto(packageName: string, text: string): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-proto-"));
  try {
    const source = path.join(folder, "proto", ...packageName.split("."), "contract.proto");
    mkdirSync(path.dirname(source), { recursive: true });
    writeFileSync(source, text);
    cpSync(path.join(ROOT, "proto", "flotilla"), path.join(folder, "proto", "flotilla"), { recursive: true });
    writeFileSync(path.join(folder, "buf.yaml"), "version: v2\nmodules:\n  - path: proto\n");
    execFileSync(path.join(ROOT, "node_modules", ".bin", "buf"), ["build", "-o", "image.binpb"], {
      cwd: folder,
      stdio: "pipe",
    });
    return readFileSync(path.join(folder, "image.binpb"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A contract compiled from the body of a .proto file: messages and service, without its head. */
export function compileContract(packageName: string, body: string): Contract {
  return loadContract(compileProto(packageName, protoText(packageName, body)), packageName);
}

/** A whole .proto file from its body. */
export function protoText(packageName: string, body: string): string {
  const imports = ["options", "tensor"].filter(
    (file) => file === "options" || (body.includes("flotilla.v1.") && /flotilla\.v1\.\w+Tensor/.test(body)),
  );
  return [
    'syntax = "proto3";',
    `package ${packageName};`,
    ...imports.map((file) => `import "flotilla/v1/${file}.proto";`),
    body,
  ].join("\n");
}

/** Encodes and decodes a contract's messages by @bufbuild/protobuf: an implementation that is not ours. */
export class JsonCodec {
  readonly #registry;

  constructor(image: Uint8Array) {
    this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  }

  encode(type: string, json: JsonValue): Buffer<ArrayBuffer> {
    const schema = this.#registry.getMessage(type)!;
    const bytes = toBinary(schema, fromJson(schema, json, { registry: this.#registry }));
    return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  }

  decode(type: string, bytes: Uint8Array): JsonValue {
    const schema = this.#registry.getMessage(type)!;
    return toJson(schema, fromBinary(schema, bytes), { registry: this.#registry, alwaysEmitImplicit: true });
  }
}
