import type { ContractDraft } from "./proto-draft.js";
import { isScores, type LabelPlan, labelField, listClasses } from "./proto-labels.js";
import { NameScope } from "./proto-names.js";
import { columnField, rowField } from "./proto-record.js";
import type { ProtoEnum, ProtoField } from "./proto-source.js";
import { type TensorPart, tensorField } from "./proto-tensor.js";
import type { TensorSpec } from "./signature.js";

/** Columns of an output that get a field each. */
const MAX_NAMED = 10;

/** What a response holds: a prediction for each row, tensors beside it, or one of the two. */
export interface ResponsePlan {
  /** Fields of the `Prediction` message; none where there is no such message. */
  readonly prediction: readonly ProtoField[];
  readonly labels: ProtoEnum | undefined;
  readonly tensors: readonly TensorPart[];
}

/**
 * Sorts the outputs: those with one row for each row of the request become predictions.
 * @param byRow whether predictions are wanted; otherwise all outputs are tensors
 */
export function planResponse(draft: ContractDraft, label: LabelPlan | undefined, byRow: boolean): ResponsePlan {
  const { outputs } = draft.model.signature;
  const rows = byRow ? rowOutputs(draft, label) : [];
  const scope = new NameScope();
  const prediction: ProtoField[] = [];
  let labels: ProtoEnum | undefined;
  if (label) {
    const { field, type } = labelField(draft, label, scope);
    prediction.push(field);
    labels = type;
  }
  for (const output of rows) {
    if (output === label?.output && !label.argmax) continue;
    prediction.push(...rowFields(draft, output, { label, scope }));
  }
  const fields = new NameScope();
  if (prediction.length > 0) fields.field("predictions", "", 0);
  const rest = outputs.filter((output) => !rows.includes(output));
  const tensors = rest.map((output) =>
    tensorField(draft, output, { scope: fields, kind: "output", position: outputs.indexOf(output) }),
  );
  return { prediction, labels, tensors };
}

/** Outputs of which each row of the request has one: all whose first dimension is the same as the label's, or the first's. */
function rowOutputs(draft: ContractDraft, label: LabelPlan | undefined): TensorSpec[] {
  const { signature, dimensions } = draft.model;
  const fitting = signature.outputs.filter(fitsRow);
  const first = label?.output ?? fitting[0];
  const rowsOf = (output: TensorSpec | undefined) => output && dimensions.get(output.name)?.[0];
  const expected = rowsOf(first);
  return fitting.filter((output) => expected === undefined || (rowsOf(output) ?? expected) === expected);
}

/** Whether fields of a record can hold an output's row. */
function fitsRow({ datatype, shape }: TensorSpec): boolean {
  if (shape[0] !== -1 || shape.length > 2 || datatype === "FP16") return false;
  const width = shape[1] ?? 1;
  return datatype !== "BYTES" || (width !== -1 && width <= MAX_NAMED);
}

interface RowContext {
  readonly label: LabelPlan | undefined;
  readonly scope: NameScope;
}

/** The fields of one output: a score for each class, each of a few texts, one value, or the whole row. */
function rowFields(draft: ContractDraft, spec: TensorSpec, { label, scope }: RowContext): ProtoField[] {
  const width = spec.shape[1] ?? 1;
  const position = draft.model.signature.outputs.indexOf(spec);
  const one = (index: number, name: string) => columnField(draft, { spec, index, name });
  if (width === 1) return [one(0, scope.field(spec.name, "output", position))];
  const classes = label && isScores(spec) && (width === label.classes.length || width === -1) ? label : undefined;
  const names = classes?.names ?? classes?.classes.map(String);
  if (names && names.length <= MAX_NAMED && width !== -1) {
    const base = singular(spec.name);
    return names.map((name, index) => ({
      ...one(index, scope.field(`${base} ${name}`, "score", index)),
      comment: `${capital(base)} of class ${JSON.stringify(name)}.`,
    }));
  }
  if (spec.datatype === "BYTES") {
    return Array.from({ length: width }, (_, index) =>
      one(index, scope.field(`${spec.name} ${index}`, "output", index)),
    );
  }
  const row = rowField(draft, spec, scope, position);
  return [names ? { ...row, comment: `One for each class, in the order of the model: ${listClasses(names)}.` } : row];
}

/** `probability` for `probabilities`: what one of an output's values is called; `score` where its name does not tell. */
function singular(name: string): string {
  const endings: readonly [RegExp, string][] = [
    [/probabilities$/i, "probability"],
    [/prob(a|s|ability)?$/i, "probability"],
    [/scores$/i, "score"],
    [/logits$/i, "logit"],
  ];
  const found = endings.find(([ending]) => ending.test(name));
  return found ? name.replace(...found) : "score";
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
