import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { shortenFloat } from "../contract/json-fields.js";
import { allowedDifference, type Tolerances, toleranceOf } from "./tolerance.js";

/** A place where two messages disagree. Messages that are there on one side alone are shown as `present`. */
export interface Disagreement {
  /** The field, as tolerances name it: `diagnoses.malignant_probability`. */
  readonly field: string;
  /** The value, with its positions: `diagnoses[3].malignant_probability`. */
  readonly path: string;
  /** As protobuf's JSON has it; undefined where the field is not there. */
  readonly expected: JsonValue | undefined;
  readonly got: JsonValue | undefined;
  /** Of two numbers, what lies between them. */
  readonly difference: number | undefined;
  /** Of two numbers, what may lie between them. */
  readonly allowed: number | undefined;
}

/** What came of comparing two messages. */
export interface Comparison {
  readonly disagreements: readonly Disagreement[];
  /** Values that were compared, by field. */
  readonly compared: ReadonlyMap<string, number>;
}

/**
 * Compares two messages of one type field by field. Floats may differ by their tolerance, NaN agrees with NaN, and
 * everything else has to be the same. Fields that the type does not know are not looked at.
 */
export function compareMessages(
  schema: DescMessage,
  [expected, got]: readonly [expected: Message, got: Message],
  tolerances: Tolerances = new Map(),
): Comparison {
  const run: Run = { tolerances, disagreements: [], compared: new Map() };
  compareFields(run, reflect(schema, expected), reflect(schema, got), { field: "", path: "" });
  return run;
}

/**
 * Compares the answers of two calls of one method, message by message; places of a stream begin with the message's
 * position. Where one has more messages, the others are not looked at, and their number is a disagreement.
 */
export function compareAnswers(
  { output, methodKind }: DescMethod,
  [expected, got]: readonly [expected: readonly Message[], got: readonly Message[]],
  tolerances: Tolerances = new Map(),
): Comparison {
  if (methodKind === "unary") return compareMessages(output, [expected[0]!, got[0]!], tolerances);
  const run: Run = { tolerances, disagreements: [], compared: new Map() };
  if (expected.length !== got.length) {
    note(run, { field: "", path: "" }, { expected: elements(expected.length), got: elements(got.length) });
  }
  for (let index = 0; index < Math.min(expected.length, got.length); index++) {
    const pair = [reflect(output, expected[index]!), reflect(output, got[index]!)] as const;
    compareFields(run, ...pair, { field: "", path: `[${index}]` });
  }
  return run;
}

interface Run {
  readonly tolerances: Tolerances;
  readonly disagreements: Disagreement[];
  readonly compared: Map<string, number>;
}

/** Where in the message: with and without positions. */
interface Place {
  readonly field: string;
  readonly path: string;
}

function compareFields(run: Run, expected: ReflectMessage, got: ReflectMessage, around: Place): void {
  for (const field of expected.desc.fields) {
    const place = below(around, field);
    if (toleranceOf(run.tolerances, place.field, undefined).ignore) continue;
    if (field.fieldKind === "list") {
      compareLists(run, field, [[...expected.get(field)], [...got.get(field)]], place);
    } else if (field.fieldKind === "map") {
      compareMaps(run, field, [new Map(expected.get(field)), new Map(got.get(field))], place);
    } else {
      const [one, other] = [valueIn(expected, field), valueIn(got, field)];
      if (one !== undefined || other !== undefined) compareValues(run, field, [one, other], place);
    }
  }
}

function below({ field, path }: Place, { name }: DescField): Place {
  return { field: joined(field, name), path: joined(path, name) };
}

function joined(around: string, name: string): string {
  return around === "" ? name : `${around}.${name}`;
}

/** Undefined where a field that can be absent is. */
function valueIn(message: ReflectMessage, field: DescField): unknown {
  return field.presence !== FeatureSet_FieldPresence.IMPLICIT && !message.isSet(field) ? undefined : message.get(field);
}

type Pair<Value> = readonly [expected: Value, got: Value];

function compareLists(run: Run, field: DescField, [expected, got]: Pair<readonly unknown[]>, place: Place): void {
  if (expected.length !== got.length) {
    const [one, other] = [elements(expected.length), elements(got.length)];
    note(run, place, { expected: one, got: other });
  }
  const shared = Math.min(expected.length, got.length);
  for (let index = 0; index < shared; index++) {
    const at = { field: place.field, path: `${place.path}[${index}]` };
    compareValues(run, field, [expected[index], got[index]], at);
  }
}

function elements(count: number): string {
  return count === 1 ? "1 element" : `${count} elements`;
}

function compareMaps(
  run: Run,
  field: DescField,
  [expected, got]: Pair<ReadonlyMap<unknown, unknown>>,
  place: Place,
): void {
  for (const key of new Set([...expected.keys(), ...got.keys()])) {
    const at = { field: place.field, path: `${place.path}[${JSON.stringify(String(key))}]` };
    compareValues(run, field, [expected.get(key), got.get(key)], at);
  }
}

function compareValues(run: Run, field: DescField, [expected, got]: Pair<unknown>, place: Place): void {
  if (field.message && expected !== undefined && got !== undefined) {
    compareFields(run, expected as ReflectMessage, got as ReflectMessage, place);
    return;
  }
  run.compared.set(place.field, (run.compared.get(place.field) ?? 0) + 1);
  if (isNumeric(field) && expected !== undefined && got !== undefined) {
    compareNumbers(run, field, [expected as number | bigint, got as number | bigint], place);
  } else if (!same(expected, got)) {
    note(run, place, { expected: toShown(field, expected), got: toShown(field, got) });
  }
}

function compareNumbers(run: Run, field: DescField, [expected, got]: Pair<number | bigint>, place: Place): void {
  if (Object.is(expected, got) || expected === got) return;
  const allowed = allowedDifference(toleranceOf(run.tolerances, place.field, field.scalar), Number(expected));
  const difference = distance(expected, got);
  // Infinities agree with themselves alone, and a NaN is not within anything.
  if (difference <= allowed && difference !== Number.POSITIVE_INFINITY) return;
  note(run, place, { expected: toShown(field, expected), got: toShown(field, got), difference, allowed });
}

function distance(one: number | bigint, other: number | bigint): number {
  // Numbers beyond 2^53 are told apart as integers alone.
  if (typeof one === "bigint" && typeof other === "bigint") return Math.abs(Number(one - other));
  return Math.abs(Number(one) - Number(other));
}

function note(
  run: Run,
  place: Place,
  found: Pick<Disagreement, "expected" | "got"> & Partial<Pick<Disagreement, "difference" | "allowed">>,
): void {
  run.disagreements.push({ ...place, difference: undefined, allowed: undefined, ...found });
}

function isNumeric({ scalar, enum: enumeration }: DescField): boolean {
  return (
    !enumeration && scalar !== undefined && ![ScalarType.STRING, ScalarType.BYTES, ScalarType.BOOL].includes(scalar)
  );
}

function same(expected: unknown, got: unknown): boolean {
  if (expected instanceof Uint8Array && got instanceof Uint8Array) return Buffer.compare(expected, got) === 0;
  return Object.is(expected, got);
}

/** A value as protobuf's JSON has it. */
function toShown(field: DescField, value: unknown): JsonValue | undefined {
  if (value === undefined) return undefined;
  if (field.message) return "present";
  if (field.enum) return field.enum.value[value as number]?.name ?? (value as number);
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  // JSON has no word for these; protobuf's JSON writes them as texts.
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return shortenFloat(field.scalar!, value as JsonValue, field);
}
