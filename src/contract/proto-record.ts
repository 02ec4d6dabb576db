import { type ContractDraft, DraftError, optionsPackage } from "./proto-draft.js";
import { NameScope, toSnakeCase } from "./proto-names.js";
import type { ProtoField } from "./proto-source.js";
import { valueType } from "./proto-types.js";
import { formatSpec, type TensorSpec } from "./signature.js";

/** Fields that one record may have: more than people read, fewer than protobuf's reserved numbers. */
const MAX_COLUMNS = 2000;

/** Whether each of several inputs is one column, as exporters of data frames make them: a record is what they mean. */
export function isDataFrame({ model }: ContractDraft): boolean {
  const { inputs } = model.signature;
  const rows = new Set(
    inputs.map((input) => model.dimensions.get(input.name)?.[0]).filter((name) => name !== undefined),
  );
  return (
    inputs.length > 1 && rows.size <= 1 && inputs.every((input) => widthOf(input) === 1 && input.datatype !== "FP16")
  );
}

/**
 * The fields of the record that a request repeats: one for each column where columns are named or an input is one
 * column, one for the whole row of an input otherwise.
 * @throws DraftError where an input is no table of rows, or the names are not as many as the columns
 */
export function recordFields(draft: ContractDraft): ProtoField[] {
  const { inputs } = draft.model.signature;
  const names = columnNames(draft, inputs);
  const scope = new NameScope();
  let column = 0;
  return inputs.flatMap((input) => {
    const width = widthOf(input)!;
    const named = names.get(input.name);
    if (!named && width > 1) return [rowField(draft, input, scope, inputs.indexOf(input))];
    return Array.from({ length: width }, (_, index) => {
      const name = named?.[index] ?? input.name;
      const field = columnField(draft, { spec: input, index, name: scope.field(name, "column", column++) });
      return {
        ...field,
        comment: named && toSnakeCase(name) !== field.name ? `Column ${JSON.stringify(name)}.` : undefined,
      };
    });
  });
}

/** Columns of a table [rows, columns] or [rows]; undefined for any other shape. */
function widthOf({ shape }: TensorSpec): number | undefined {
  if (shape[0] !== -1 || shape.length > 2) return undefined;
  return shape[1] === -1 ? undefined : (shape[1] ?? 1);
}

/** The given names by input: of all inputs in order, or of the only one that has several columns. */
function columnNames(draft: ContractDraft, inputs: readonly TensorSpec[]): Map<string, readonly string[]> {
  for (const input of inputs) checkTable(input);
  const widths = inputs.map((input) => widthOf(input)!);
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (total > MAX_COLUMNS)
    throw new DraftError(`${total} columns are more than the ${MAX_COLUMNS} of a record; use --style tensor`);
  const { columns } = draft;
  if (!columns) return new Map();
  if (new Set(columns).size < columns.length) throw new DraftError(`--columns names ${firstTwice(columns)} twice`);
  const wide = inputs.filter((input) => widthOf(input)! > 1);
  const only = wide.length === 1 ? wide[0]! : undefined;
  if (only && inputs.length > 1 && columns.length === widthOf(only)) return new Map([[only.name, columns]]);
  if (columns.length !== total)
    throw new DraftError(`--columns names ${columns.length} columns, the model has ${total}: ${listWidths(inputs)}`);
  const ends = widths.map((_, index) => widths.slice(0, index + 1).reduce((sum, width) => sum + width, 0));
  return new Map(
    inputs.map((input, index) => [input.name, columns.slice(ends[index]! - widths[index]!, ends[index]!)]),
  );
}

function checkTable(input: TensorSpec): void {
  const what = `input ${JSON.stringify(input.name)} is ${formatSpec(input)}`;
  if (input.datatype === "FP16")
    throw new DraftError(`${what}: protobuf has no type for FP16 columns; use --style tensor`);
  if (widthOf(input) !== undefined) return;
  if (input.shape[0] !== -1 && input.shape.length > 0 && input.shape.length <= 2) {
    throw new DraftError(
      `${what}: records need a free first dimension; export the model with one, or use --style tensor`,
    );
  }
  throw new DraftError(`${what}: a record needs rows of columns, [-1, n]; use --style tensor`);
}

function listWidths(inputs: readonly TensorSpec[]): string {
  return inputs.map((input) => `${JSON.stringify(input.name)} ${formatSpec(input)}`).join(", ");
}

function firstTwice(names: readonly string[]): string {
  return JSON.stringify(names.find((name, index) => names.indexOf(name) !== index));
}

/** A field that is one column of a table. */
export function columnField(
  draft: ContractDraft,
  column: { readonly spec: TensorSpec; readonly index: number; readonly name: string },
): ProtoField {
  const { spec, index, name } = column;
  const { type, datatype } = valueType(spec.datatype, draft.integers ?? "varint")!;
  const values = { tensor: spec.name, index: spec.shape.length === 2 ? index : undefined, datatype };
  return { type, name, option: { name: `${optionsPackage(draft)}.column`, values } };
}

/** A field that is the whole row of a table of numbers. */
export function rowField(draft: ContractDraft, spec: TensorSpec, scope: NameScope, position: number): ProtoField {
  if (spec.datatype === "BYTES") {
    throw new DraftError(
      `input ${JSON.stringify(spec.name)} is ${formatSpec(spec)}: a row of texts needs a name for each; give --columns`,
    );
  }
  const { type, datatype } = valueType(spec.datatype, draft.integers ?? "varint")!;
  const width = spec.shape[1] === -1 ? undefined : spec.shape[1];
  return {
    comment: width === undefined ? "One row." : `One row: ${width} values.`,
    repeated: true,
    type,
    name: scope.field(spec.name, "row", position),
    option: { name: `${optionsPackage(draft)}.column`, values: { tensor: spec.name, datatype, width } },
  };
}
