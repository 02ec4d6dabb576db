import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/** How far a field may be from what is expected. */
export interface Tolerance {
  /** Numbers may differ by this, whatever their size. @default 0 */
  readonly absolute?: number | undefined;
  /** And by this share of the expected number. @default 0 */
  readonly relative?: number | undefined;
  /** The field, and all below it, is not looked at. */
  readonly ignore?: boolean | undefined;
}

/** Tolerances by field: `diagnoses.malignant_probability`. One of a message is that of all fields below it. */
export type Tolerances = ReadonlyMap<string, Tolerance>;

/** Sums of floats come out differently where a processor has other instructions, and where rows share a batch. */
export const FLOAT_TOLERANCE: Tolerance = { absolute: 1e-6, relative: 1e-4 };
const EXACT: Tolerance = {};

/** The tolerance that holds for a field: its own, that of the nearest message around it, or its type's. */
export function toleranceOf(tolerances: Tolerances, path: string, scalar: ScalarType | undefined): Tolerance {
  for (let prefix = path; ; prefix = prefix.slice(0, prefix.lastIndexOf("."))) {
    const found = tolerances.get(prefix);
    if (found) return found;
    if (!prefix.includes(".")) break;
  }
  return scalar === ScalarType.FLOAT || scalar === ScalarType.DOUBLE ? FLOAT_TOLERANCE : EXACT;
}

/** By how much a number may differ from the expected one. */
export function allowedDifference({ absolute = 0, relative = 0 }: Tolerance, expected: number): number {
  return absolute + relative * Math.abs(expected);
}

/**
 * Tolerances as people write them, with every path in the names of the .proto.
 * @throws Error where the message has no such field
 */
export function toTolerances(message: DescMessage, written: Readonly<Record<string, Tolerance>>): Tolerances {
  return new Map(Object.entries(written).map(([path, tolerance]) => [protoPath(message, path), tolerance]));
}

/**
 * A field's path in the names of the .proto, from those names or the names of protobuf's JSON.
 * @throws Error where the message has no such field
 */
export function protoPath(message: DescMessage, path: string): string {
  let around: DescMessage | undefined = message;
  const names = path.split(".").map((step) => {
    const field: DescField | undefined = around?.fields.find(
      ({ name, jsonName }) => name === step || jsonName === step,
    );
    if (!field) {
      const known = around ? `; it has ${around.fields.map(({ name }) => name).join(", ")}` : "";
      throw new Error(`${around?.typeName ?? message.typeName} has no field "${step}" (of "${path}")${known}`);
    }
    around = field.message;
    return field.name;
  });
  return names.join(".");
}
