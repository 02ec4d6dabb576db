import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type DescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  loadFileDescriptorSetFromBuffer,
  type MessageTypeDefinition,
  type PackageDefinition,
} from "@grpc/proto-loader";
import { createMessageCheck, type MessageCheck } from "../contract/message-check.js";

/** A message as a plain object. */
export type Message = Record<string, unknown>;
type MessageType = MessageTypeDefinition<Message, Message>;

/** The plain objects that a contract's own code sees: as ts-proto's types have them. */
const LOADER_OPTIONS = { longs: Number, defaults: true, arrays: true } as const;

/** Reads and writes a contract's messages as the plain objects that transforms and compositions see. */
export class MessageCodec {
  readonly #image: Uint8Array;
  readonly #types: PackageDefinition;
  readonly #checks = new Map<string, MessageCheck>();

  /** @param image the contract's `FileDescriptorSet`, imports included */
  constructor(image: Uint8Array) {
    this.#image = image;
    this.#types = loadFileDescriptorSetFromBuffer(withCodeNames(image), LOADER_OPTIONS);
  }

  /**
   * @param type full name of the message, `acme.digits.v1.PredictRequest`
   * @throws Error that says why the bytes are no such message
   */
  decode(type: string, bytes: Uint8Array<ArrayBuffer>): Message {
    try {
      this.#check(type)(bytes);
      return this.#type(type).deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch (error) {
      throw new Error(`not a ${type}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** @throws Error where the object is no such message */
  encode(type: string, message: Message): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#type(type).serialize(message));
  }

  /** protobufjs takes broken text and wrong wire types as they come: what it reads is checked first. */
  #check(type: string): MessageCheck {
    const known = this.#checks.get(type) ?? createMessageCheck(this.#image, type);
    this.#checks.set(type, known);
    return known;
  }

  #type(name: string): MessageType {
    const type = this.#types[name];
    if (!type || !("serialize" in type)) throw new Error(`the contract has no message ${name}`);
    return type as MessageType;
  }
}

/** The same descriptors with fields as code writes them: proto-loader leaves the names of a descriptor as they are. */
function withCodeNames(image: Uint8Array): Buffer {
  const files = fromBinary(FileDescriptorSetSchema, image);
  for (const { messageType } of files.file) messageType.forEach(renameFields);
  return Buffer.from(toBinary(FileDescriptorSetSchema, files));
}

function renameFields({ field, nestedType }: DescriptorProto): void {
  for (const one of field) one.name = one.jsonName;
  nestedType.forEach(renameFields);
}
