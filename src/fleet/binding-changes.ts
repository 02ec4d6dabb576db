import { isDeepStrictEqual } from "node:util";
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  getOption,
  hasOption,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** A binding that means something else than it did, or that callers of the release don't fill. */
export interface BindingChange {
  /** Path below the proto folder. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const FIELD_OPTIONS = ["flotilla.v1.tensor", "flotilla.v1.column", "flotilla.v1.label"];
const CLASS_OPTION = "flotilla.v1.class";
const STATE_OPTION = "flotilla.v1.state";

/**
 * What changed in the bindings of everything that both images have. The same message would mean something else then:
 * no rule about the wire can see it.
 * @param before the released contracts as buf builds them
 * @param now the same contracts, with source info, as they are
 */
export function bindingChanges(before: Uint8Array, now: Uint8Array): BindingChange[] {
  const released = createFileRegistry(fromBinary(FileDescriptorSetSchema, before));
  const current = createFileRegistry(fromBinary(FileDescriptorSetSchema, now));
  const changes: BindingChange[] = [];
  const compare = (one: Described | undefined, other: Described, options: readonly string[]) => {
    if (one === undefined) return;
    const [was, is] = [bindingOf(one, released, options), bindingOf(other, current, options)];
    if (!isSameOrLooser(was, is)) changes.push(changeAt(other, `was ${show(was)}, is ${show(is)}`));
  };
  const sent = requestMessages(current);
  for (const type of current) {
    if (isForeign(type.typeName)) continue;
    if (type.kind === "message") {
      const old = released.getMessage(type.typeName);
      for (const field of type.fields) {
        const oldField = old?.fields.find(({ number }) => number === field.number);
        compare(oldField, field, FIELD_OPTIONS);
        if (old !== undefined && oldField === undefined && sent.has(type.typeName)) changes.push(...unfilled(field, current));
      }
    } else if (type.kind === "enum") {
      const old = released.getEnum(type.typeName);
      for (const value of type.values) {
        compare(old?.values.find(({ number }) => number === value.number), value, [CLASS_OPTION]);
      }
    } else if (type.kind === "service") compare(released.getService(type.typeName), type, [STATE_OPTION]);
  }
  return changes;
}

type Described = Parameters<typeof hasOption>[0];
