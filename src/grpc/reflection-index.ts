import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

/** Field in which `buf build` notes facts of its own (`ImageFileExtension`). */
const BUF_NOTE = 8042;

/** Every file of some images by all that a reflection client may ask for. Built once; looking up costs a map access. */
export class ReflectionIndex {
  /** Full names, in alphabetical order. */
  readonly services: readonly string[];
  readonly #files = new Map<string, FileDescriptorProto>();
  readonly #fileOfSymbol = new Map<string, string>();
  /** By full name of the extended message, then by number. */
  readonly #fileOfExtension = new Map<string, Map<number, string>>();
  readonly #messages = new Set<string>();
  readonly #closures = new Map<string, readonly Buffer[]>();

  /**
   * @param images serialized `FileDescriptorSet`s with all imports, as `buf build` writes them. Where several hold a file
   * of the same name, the first one counts.
   * @throws Error where an image lacks an import
   */
  constructor(images: readonly Uint8Array[]) {
    const services: string[] = [];
    for (const image of images) {
      for (const file of fromBinary(FileDescriptorSetSchema, image).file) {
        if (this.#files.has(file.name)) continue;
        this.#addFile(file);
        services.push(...file.service.map((service) => qualify(file.package, service.name)));
      }
    }
    this.services = services.sort();
    for (const file of this.#files.values()) this.#checkImports(file);
  }

  /** A file and all that it imports, serialized, the file itself first; undefined for an unknown name. */
  file(name: string): readonly Buffer[] | undefined {
    if (!this.#files.has(name)) return undefined;
    let closure = this.#closures.get(name);
    if (!closure) {
      closure = [...this.#withImports(name, new Set())].map((file) =>
        Buffer.from(toBinary(FileDescriptorProtoSchema, this.#files.get(file)!)),
      );
      this.#closures.set(name, closure);
    }
    return closure;
  }

  /** The file that declares a message, field, oneof, enum, enum value, service, method or extension, by full name. */
  fileOfSymbol(symbol: string): readonly Buffer[] | undefined {
    const name = this.#fileOfSymbol.get(symbol);
    return name === undefined ? undefined : this.file(name);
  }

  /** The file that declares the extension of a message with a number. */
  fileOfExtension(message: string, number: number): readonly Buffer[] | undefined {
    const name = this.#fileOfExtension.get(message)?.get(number);
    return name === undefined ? undefined : this.file(name);
  }

  /** Numbers of all extensions of a message, ascending; undefined for an unknown message. */
  extensionNumbers(message: string): number[] | undefined {
    const extensions = this.#fileOfExtension.get(message);
    if (!extensions) return this.#messages.has(message) ? [] : undefined;
    return [...extensions.keys()].sort((a, b) => a - b);
  }

  #addFile(file: FileDescriptorProto): void {
    file.$unknown = file.$unknown?.filter((field) => field.no !== BUF_NOTE);
    this.#files.set(file.name, file);
    const scope: Scope = { file: file.name, name: file.package };
    for (const message of file.messageType) this.#addMessage(message, scope);
    for (const enumeration of file.enumType) this.#addEnum(enumeration, scope);
    for (const extension of file.extension) this.#addExtension(extension, scope);
    for (const service of file.service) {
      const inner = this.#addSymbol(service.name, scope);
      for (const method of service.method) this.#addSymbol(method.name, inner);
    }
  }

  #addMessage(message: DescriptorProto, scope: Scope): void {
    const inner = this.#addSymbol(message.name, scope);
    this.#messages.add(inner.name);
    for (const { name } of [...message.field, ...message.oneofDecl]) this.#addSymbol(name, inner);
    for (const nested of message.nestedType) this.#addMessage(nested, inner);
    for (const enumeration of message.enumType) this.#addEnum(enumeration, inner);
    for (const extension of message.extension) this.#addExtension(extension, inner);
  }

  #addEnum(enumeration: EnumDescriptorProto, scope: Scope): void {
    this.#addSymbol(enumeration.name, scope);
    // Protobuf puts an enum's values beside the enum, not into it.
    for (const value of enumeration.value) this.#addSymbol(value.name, scope);
  }

  #addExtension(extension: FieldDescriptorProto, scope: Scope): void {
    this.#addSymbol(extension.name, scope);
    const message = extension.extendee.replace(/^\./, "");
    const numbers = this.#fileOfExtension.get(message) ?? new Map<number, string>();
    this.#fileOfExtension.set(message, numbers.set(extension.number, scope.file));
  }

  #addSymbol(name: string, scope: Scope): Scope {
    const symbol = qualify(scope.name, name);
    if (!this.#fileOfSymbol.has(symbol)) this.#fileOfSymbol.set(symbol, scope.file);
    return { file: scope.file, name: symbol };
  }

  #checkImports(file: FileDescriptorProto): void {
    const missing = file.dependency.find((name) => !this.#files.has(name));
    if (missing === undefined) return;
    throw new Error(
      `reflection: ${file.name} imports ${missing}, which no image holds; build images with their imports (buf build without --exclude-imports)`,
    );
  }

  #withImports(name: string, seen: Set<string>): Set<string> {
    if (seen.has(name)) return seen;
    seen.add(name);
    for (const dependency of this.#files.get(name)!.dependency) this.#withImports(dependency, seen);
    return seen;
  }
}

/** Where a declaration stands: its file, and the full name of what is around it. */
interface Scope {
  readonly file: string;
  readonly name: string;
}

function qualify(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}
