import type { DescField, DescMessage, DescService, FileRegistry } from "@bufbuild/protobuf";

/**
 * What callers of one server would miss at another: methods, and fields of their messages. More is no loss.
 * @param service full name
 * @returns a line each; empty where the other serves all that the one does
 */
export function lossesOf(service: string, stable: FileRegistry, canary: FileRegistry): string[] {
  const [has, got] = [stable.getService(service), canary.getService(service)];
  if (has === undefined) return [];
  if (got === undefined) return [`no service ${service}`];
  return [...new Set(methodLosses(has, got))];
}

function methodLosses(has: DescService, got: DescService): string[] {
  return has.methods.flatMap((method) => {
    const other = got.methods.find(({ name }) => name === method.name);
    if (other === undefined) return [`no method ${method.name}`];
    if (other.methodKind !== method.methodKind)
      return [`${method.name} is ${other.methodKind}, not ${method.methodKind}`];
    const seen = new Set<string>();
    return [...messageLosses(method.input, other.input, seen), ...messageLosses(method.output, other.output, seen)];
  });
}

function messageLosses(has: DescMessage, got: DescMessage, seen: Set<string>): string[] {
  if (seen.has(has.typeName)) return [];
  seen.add(has.typeName);
  return has.fields.flatMap((field) => {
    const other = got.fields.find(({ number }) => number === field.number);
    const name = `${has.typeName}.${field.name}`;
    if (other === undefined) return [`no field ${name}`];
    if (kindOf(other) !== kindOf(field)) return [`${name} is ${kindOf(other)}, not ${kindOf(field)}`];
    return field.message && other.message ? messageLosses(field.message, other.message, seen) : [];
  });
}

/** What is on the wire, for a reader: `repeated float`. */
function kindOf(field: DescField): string {
  const { type } = field.proto;
  const named = field.message?.typeName ?? field.enum?.typeName ?? `type ${type}`;
  return field.fieldKind === "list" || field.fieldKind === "map" ? `repeated ${named}` : named;
}
