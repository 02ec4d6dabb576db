import type { Classes } from "./onnx-constant.js";
import { type ContractDraft, DraftError, optionsPackage } from "./proto-draft.js";
import { NameScope } from "./proto-names.js";
import type { OptionValue, ProtoEnum, ProtoField } from "./proto-source.js";
import { datatypeValue, valueType } from "./proto-types.js";
import { formatSpec, type TensorSpec } from "./signature.js";

/** Classes that an enum may list; more are names in a string. */
const MAX_ENUM_VALUES = 100;

/** What a model's answer is a choice of. */
export interface LabelPlan {
  /** The output that gives the class of each row, or with `argmax` the scores of the classes. */
  readonly output: TensorSpec;
  readonly argmax: boolean;
  /** Classes in the order of the scores, each as the model gives it. */
  readonly classes: readonly (number | string)[];
  /** What people call them, where anybody has said so. */
  readonly names: readonly string[] | undefined;
}

/**
 * The output that says the class of each row: one that a classifier makes, or whose classes `labels` names.
 * @throws DraftError where `labels` are given and nothing in the model has as many classes
 */
export function planLabel(draft: ContractDraft): LabelPlan | undefined {
  const { model, labels } = draft;
  if (labels && new Set(labels).size < labels.length) throw new DraftError("--labels names a class twice");
  const candidates = model.signature.outputs.filter(isLabel);
  const listed = candidates.find((output) => model.classes.has(output.name));
  if (listed) return fromClasses(listed, model.classes.get(listed.name)!, labels);
  if (!labels) return undefined;
  const scores = model.signature.outputs.filter(isScores);
  const fitting =
    scores.find((output) => output.shape[1] === labels.length) ?? scores.find((output) => output.shape[1] === -1);
  const [output] = candidates;
  if (output && (fitting || scores.length === 0)) {
    return { output, argmax: false, classes: output.datatype === "BYTES" ? labels : [...labels.keys()], names: labels };
  }
  if (fitting) return { output: fitting, argmax: true, classes: [...labels.keys()], names: labels };
  const outputs = model.signature.outputs.map((each) => `${JSON.stringify(each.name)} ${formatSpec(each)}`).join(", ");
  throw new DraftError(`--labels names ${labels.length} classes, and no output of the model has as many: ${outputs}`);
}

function fromClasses(output: TensorSpec, { kind, values }: Classes, labels: readonly string[] | undefined): LabelPlan {
  if (labels && labels.length !== values.length) {
    throw new DraftError(
      `--labels names ${labels.length} classes, the model has ${values.length} in ${JSON.stringify(output.name)}: ${values.join(", ")}`,
    );
  }
  const own = kind === "names" ? values : undefined;
  return { output, argmax: false, classes: values, names: labels ?? own };
}

function isLabel({ datatype, shape }: TensorSpec): boolean {
  return (
    shape.length === 1 && shape[0] === -1 && (datatype === "INT64" || datatype === "INT32" || datatype === "BYTES")
  );
}

/** Whether an output has a score for each class of each row. */
export function isScores({ datatype, shape }: TensorSpec): boolean {
  return shape.length === 2 && shape[0] === -1 && (datatype === "FP32" || datatype === "FP64");
}

/** The field for the class of a row, and the enum that it needs where the classes have names and are not too many. */
export function labelField(
  draft: ContractDraft,
  plan: LabelPlan,
  scope: NameScope,
): { field: ProtoField; type?: ProtoEnum } {
  const name = scope.field(plan.argmax ? "label" : plan.output.name, "label", 0);
  const tensor = plan.output.name;
  const options = optionsPackage(draft);
  if (plan.names === undefined) {
    const { type } = valueType(plan.output.datatype, draft.integers ?? "varint")!;
    const comment = `Class of the row, one of ${listClasses(plan.classes.map(String))}.`;
    return {
      field: { comment, type, name, option: { name: `${options}.column`, values: { tensor } } },
    };
  }
  const comment = "Class of the row.";
  const values = { tensor, argmax: plan.argmax ? { identifier: "true" } : undefined, datatype: datatypeOf(plan) };
  const plain = plan.classes.every((each, index) => each === (typeof each === "string" ? plan.names![index] : index));
  if (plan.names.length > MAX_ENUM_VALUES && plain) {
    const texts = plan.output.datatype === "BYTES" && !plan.argmax ? undefined : plan.names;
    return {
      field: {
        comment,
        type: "string",
        name,
        option: { name: `${options}.label`, values: { ...values, names: texts } },
      },
    };
  }
  return {
    field: { comment, type: "Label", name, option: { name: `${options}.label`, values } },
    type: labelEnum(plan, options),
  };
}

/** The datatype that the binding has to say; see LabelBinding in `flotilla/v1/options.proto` for the defaults. */
function datatypeOf({ output, argmax }: LabelPlan): OptionValue | undefined {
  const fallback = argmax ? "FP32" : output.datatype === "BYTES" ? "BYTES" : "INT64";
  return output.datatype === fallback ? undefined : datatypeValue(output.datatype);
}

function labelEnum({ classes, names }: LabelPlan, options: string): ProtoEnum {
  const scope = new NameScope();
  const unspecified = scope.enumValue("unspecified", "label", 0);
  const values = classes.map((each, index) => ({
    name: scope.enumValue(names![index]!, "label", index),
    option: { name: `${options}.class`, values: typeof each === "string" ? { name: each } : { id: each } },
  }));
  return {
    kind: "enum",
    name: "Label",
    comment: "Label is what the model takes a row for.",
    values: [{ name: unspecified, comment: "A class that this contract does not name." }, ...values],
  };
}

/** Some classes in words: the first ten of them. */
export function listClasses(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown;
}
