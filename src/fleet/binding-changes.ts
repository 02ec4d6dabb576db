import { isDeepStrictEqual } from "node:util";
import {
  createFileRegistry,
  type DescEnumValue,
  type DescField,
  type DescMessage,
  type DescService,
  type FileRegistry,
  fromBinary,
  type JsonObject,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import {
  EnumValueOptionsSchema,
  FieldOptionsSchema,
  FileDescriptorSetSchema,
  ServiceOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { placeOf } from "./proto-place.js";

/** A binding that means something else than it did, or one that callers of the release don't fill. */
export interface BindingChange {
  /** Path below the proto folder. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What may carry a binding. */
type Bound = DescField | DescEnumValue | DescService;

/** Flotilla's own options, and the other imports that no fleet owns. */
const FOREIGN = /^(flotilla|google)\./;

/**
 * What changed in the bindings of all that both images have: the same message would mean something else, which no rule
 * about the wire can see.
 * @param before released contracts, as buf builds them
 * @param now the same contracts as they are, built with source info
 */
export function bindingChanges(before: Uint8Array, now: Uint8Array): BindingChange[] {
  const [released, current] = [before, now].map((image) =>
    createFileRegistry(fromBinary(FileDescriptorSetSchema, image)),
  ) as [FileRegistry, FileRegistry];
  const sent = requestMessages(current);
  const changes: BindingChange[] = [];
  for (const [was, is] of pairs(released, current)) {
    const [old, binding] = [was && bindingOf(was, released), bindingOf(is, current)];
    const isRequired = is.kind === "field" && sent.has(is.parent) && is.proto.proto3Optional !== true;
    if (old === undefined && binding !== undefined && was === undefined && isRequired) {
      const message = `${nameOf(is)} is new in a request and bound: callers of the release don't send it`;
      changes.push({ ...placeOf(is), message });
    } else if (was !== undefined && !isSameOrLooser(old, binding)) {
      const message = `the binding of ${nameOf(is)} was ${show(old)}, and is ${show(binding)}`;
      changes.push({ ...placeOf(is), message });
    }
  }
  return changes;
}

/** All that may carry a binding, with what it was in the release. What is there no more is buf's to find. */
function* pairs(released: FileRegistry, current: FileRegistry): Generator<[Bound | undefined, Bound]> {
  for (const type of current) {
    if (FOREIGN.test(type.typeName)) continue;
    if (type.kind === "message") yield* byNumber(released.getMessage(type.typeName)?.fields, type.fields);
    if (type.kind === "enum") yield* byNumber(released.getEnum(type.typeName)?.values, type.values);
    if (type.kind === "service") {
      const was = released.getService(type.typeName);
      if (was !== undefined) yield [was, type];
    }
  }
}

/** Nothing of a message or an enum that is new as a whole: nobody sent it before. */
function* byNumber<Member extends DescField | DescEnumValue>(
  released: readonly Member[] | undefined,
  current: readonly Member[],
): Generator<[Member | undefined, Member]> {
  if (released === undefined) return;
  for (const member of current) yield [released.find(({ number }) => number === member.number), member];
}

function requestMessages(registry: FileRegistry): ReadonlySet<DescMessage> {
  const sent = new Set<DescMessage>();
  const add = (message: DescMessage) => {
    if (sent.has(message)) return;
    sent.add(message);
    for (const field of message.fields) if (field.message !== undefined) add(field.message);
  };
  for (const type of registry) {
    if (type.kind === "service") for (const method of type.methods) add(method.input);
  }
  return sent;
}

/** Flotilla's options on something, as JSON, or undefined where it has none. */
function bindingOf(bound: Bound, registry: FileRegistry): JsonObject | undefined {
  const entries = Object.entries(optionsOf(bound, registry)).filter(([key]) => key.startsWith("[flotilla.v1."));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function optionsOf(bound: Bound, registry: FileRegistry): JsonObject {
  const how = { registry };
  let options: JsonValue | undefined;
  if (bound.kind === "field") options = bound.proto.options && toJson(FieldOptionsSchema, bound.proto.options, how);
  else if (bound.kind === "service")
    options = bound.proto.options && toJson(ServiceOptionsSchema, bound.proto.options, how);
  else options = bound.proto.options && toJson(EnumValueOptionsSchema, bound.proto.options, how);
  return (options ?? {}) as JsonObject;
}

/** A binding that takes more than it did breaks nobody: values that are not finite, classes after those that were named. */
function isSameOrLooser(was: JsonValue | undefined, is: JsonValue | undefined): boolean {
  if (isDeepStrictEqual(was, is) || (was === undefined && is !== undefined && "[flotilla.v1.class]" in Object(is)))
    return true;
  if (!isObject(was) || !isObject(is)) return false;
  return Object.keys({ ...was, ...is }).every((key) => {
    const [old, now] = [was[key], is[key]];
    if (key === "finite") return old === true || old === now;
    if (key === "names" && Array.isArray(old) && Array.isArray(now))
      return isDeepStrictEqual(old, now.slice(0, old.length));
    return isDeepStrictEqual(old, now) || (isObject(old) && isObject(now) && isSameOrLooser(old, now));
  });
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nameOf(bound: Bound): string {
  if (bound.kind === "service") return `service "${bound.name}"`;
  const what = bound.kind === "field" ? "field" : "value";
  return `${what} "${bound.name}" of "${bound.parent.name}"`;
}

/** `column {"tensor":"X","index":0}`, as near to the .proto as it gets in a line. */
function show(binding: JsonObject | undefined): string {
  if (binding === undefined) return "none";
  return Object.entries(binding)
    .map(([key, value]) => `${key.replace("[flotilla.v1.", "").replace("]", "")} ${JSON.stringify(value)}`)
    .join(", ");
}
