import { type ColumnField, groupByTensor, type MessageBinding, type StateBinding } from "./binding.js";
import type { Report } from "./binding-reader.js";
import { formatSpec, type Signature, type TensorSpec } from "./signature.js";

/** A method's two messages. */
export interface BoundMethod {
  readonly request: MessageBinding;
  readonly response: MessageBinding;
}

/**
 * The signature that bindings ask of a model: the tensors of all methods and states together.
 * @param report told of bindings that contradict one another
 */
export function boundSignature(
  methods: readonly BoundMethod[],
  states: readonly StateBinding[],
  report: Report,
): Signature {
  const inputs = new SpecMerger("input", report);
  const outputs = new SpecMerger("output", report);
  for (const method of methods) {
    for (const spec of messageSpecs(method.request)) inputs.add(spec);
    for (const spec of messageSpecs(method.response)) outputs.add(spec);
    checkColumns(method.request, report);
    checkOnce(method.request, report);
  }
  for (const { input, output, datatype, shape } of states) {
    inputs.add({ name: input, datatype, shape });
    outputs.add({ name: output, datatype, shape });
  }
  return { inputs: inputs.specs, outputs: outputs.specs };
}

function messageSpecs(message: MessageBinding): TensorSpec[] {
  const specs: TensorSpec[] = message.tensors.map(({ tensor, datatype, shape }) => ({ name: tensor, datatype, shape }));
  for (const record of message.records) {
    for (const [name, columns] of groupByTensor(record.columns)) {
      for (const datatype of new Set(columns.map((column) => column.datatype))) {
        specs.push({ name, datatype, shape: columnsShape(columns) });
      }
    }
    for (const label of record.labels) {
      specs.push({ name: label.tensor, datatype: label.datatype, shape: label.argmax ? [-1, -1] : [-1] });
    }
  }
  return specs;
}

/** [rows] for a lone column with no index, [rows, columns] otherwise; columns are -1 where the model decides. */
function columnsShape(columns: readonly ColumnField[]): number[] {
  if (columns.some((column) => column.index === undefined && !column.repeated)) return [-1];
  const width = Math.max(...columns.map((column) => Math.max(column.width, (column.index ?? -1) + 1)));
  return [-1, width || -1];
}

/** An input comes from one field, or from the columns of one record. */
function checkOnce(message: MessageBinding, report: Report): void {
  const sources = [
    ...message.tensors.map(({ field, tensor }) => ({ field, tensor })),
    ...message.records.flatMap((record) =>
      [...groupByTensor(record.columns).keys()].map((tensor) => ({ field: record.field, tensor })),
    ),
  ];
  for (const [tensor, fields] of groupByTensor(sources)) {
    if (fields.length > 1) report(fields[1]!.field, `input "${tensor}" is bound to "${fields[0]!.field}" already`);
  }
}

/** A request fills every column of its tensors, each once. */
function checkColumns(message: MessageBinding, report: Report): void {
  for (const record of message.records) {
    for (const [name, columns] of groupByTensor(record.columns)) {
      const [rows, width] = columnsShape(columns);
      if (rows === undefined || width === undefined) continue;
      if (width === -1)
        report(`${record.field}.${columns[0]!.field}`, `tensor "${name}": say its \`width\`, the number of columns`);
      const indices = columns.flatMap((column) => column.index ?? []);
      const whole = columns.length - indices.length;
      const missing = Array.from({ length: Math.max(width, 0) }, (_, index) => index).filter(
        (index) => !indices.includes(index),
      );
      if (whole === 0 && missing.length > 0)
        report(record.field, `tensor "${name}": no field is column ${missing.join(", ")}`);
      if (new Set(indices).size < indices.length || (whole > 0 && columns.length > 1)) {
        report(record.field, `tensor "${name}": two fields are the same column`);
      }
    }
  }
}

/** Collects tensors by name; two mentions of one have to agree, and a fixed dimension decides over a free one. */
class SpecMerger {
  readonly #kind: string;
  readonly #report: Report;
  readonly #specs = new Map<string, TensorSpec>();

  constructor(kind: string, report: Report) {
    this.#kind = kind;
    this.#report = report;
  }

  get specs(): TensorSpec[] {
    return [...this.#specs.values()];
  }

  add(spec: TensorSpec): void {
    const known = this.#specs.get(spec.name);
    const merged = known ? merge(known, spec) : spec;
    if (merged) this.#specs.set(spec.name, merged);
    else this.#report(`${this.#kind} "${spec.name}"`, `bound as ${formatSpec(known!)} and as ${formatSpec(spec)}`);
  }
}

function merge(one: TensorSpec, other: TensorSpec): TensorSpec | undefined {
  if (one.datatype !== other.datatype || one.shape.length !== other.shape.length) return undefined;
  const shape = one.shape.map((dimension, axis) => (dimension === -1 ? other.shape[axis]! : dimension));
  const agree = other.shape.every((dimension, axis) => dimension === -1 || dimension === shape[axis]);
  return agree ? { ...one, shape } : undefined;
}
