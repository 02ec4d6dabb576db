import { placeContract } from "./contract-name.js";
import { type ContractDraft, DraftError } from "./proto-draft.js";
import { planLabel } from "./proto-labels.js";
import { NameScope } from "./proto-names.js";
import { isDataFrame, recordFields } from "./proto-record.js";
import { planResponse, type ResponsePlan } from "./proto-response.js";
import { type ProtoEnum, type ProtoField, type ProtoMessage, type ProtoService, renderProto } from "./proto-source.js";
import { tensorField } from "./proto-tensor.js";
import { isIntegerType } from "./proto-types.js";
import { formatSpec, type TensorSpec } from "./signature.js";

const OPTIONS = "flotilla/v1/options.proto";
const TENSORS = "flotilla/v1/tensor.proto";

/** One of a contract's two messages, and what it needs beside it. */
interface Side {
  readonly comment: string;
  readonly fields: readonly ProtoField[];
  readonly declarations: readonly (ProtoMessage | ProtoEnum)[];
  /** A field's type is in `flotilla/v1/tensor.proto`. */
  readonly shaped: boolean;
}

/**
 * The text of a contract's .proto: a service with `Predict`, its two messages, and the bindings that say which field is
 * which tensor of the model.
 * @throws DraftError where the model does not allow what the draft asks for
 */
export function writeContract(draft: ContractDraft): string {
  const place = placeContract(draft.name);
  const style = draft.transform ? "transform" : chooseStyle(draft);
  const { request, response, predict } = style === "transform" ? transformSides(draft) : boundSides(draft, style);
  const service: ProtoService = {
    kind: "service",
    name: place.service,
    comment: `${place.service} answers with the models of ${draft.name}.`,
    methods: [{ name: "Predict", comment: predict }],
  };
  const imports = style === "transform" ? [] : [OPTIONS, ...(request.shaped || response.shaped ? [TENSORS] : [])];
  return renderProto({
    comment: headComment(draft, [...request.fields, ...response.fields]),
    package: draft.name,
    imports,
    declarations: [
      service,
      { kind: "message", name: "PredictRequest", comment: request.comment, fields: request.fields },
      { kind: "message", name: "PredictResponse", comment: response.comment, fields: response.fields },
      ...request.declarations,
      ...response.declarations,
    ],
  });
}

function chooseStyle(draft: ContractDraft): "record" | "tensor" {
  if (draft.style === "tensor" && draft.columns)
    throw new DraftError("--columns names the fields of records; leave --style tensor out");
  if (draft.style) return draft.style;
  return draft.columns || isDataFrame(draft) ? "record" : "tensor";
}

interface Sides {
  readonly request: Side;
  readonly response: Side;
  /** The comment of `Predict`. */
  readonly predict: string;
}

function boundSides(draft: ContractDraft, style: "record" | "tensor"): Sides {
  if (draft.model.signature.inputs.length === 0)
    throw new DraftError("the model has no input: there is nothing to call it with");
  const label = planLabel(draft);
  const byRow = style === "record" || label !== undefined;
  const request = style === "record" ? recordRequest(draft) : tensorRequest(draft);
  const plan = planResponse(draft, label, byRow);
  const noun = style === "record" ? "instance" : "row";
  const predict =
    plan.prediction.length > 0
      ? `Predict gives one prediction for each ${noun} of the request, in the same order.`
      : "Predict runs the model once.";
  return { request, response: toResponse(plan, noun), predict };
}

function recordRequest(draft: ContractDraft): Side {
  const instances = { comment: "One or more instances.", repeated: true, type: "Instance", name: "instances" };
  const record: ProtoMessage = {
    kind: "message",
    name: "Instance",
    comment: "Instance is one row of the model's input.",
    fields: recordFields(draft),
  };
  return {
    comment: "PredictRequest holds the instances to predict for.",
    fields: [instances],
    declarations: [record],
    shaped: false,
  };
}

function tensorRequest(draft: ContractDraft): Side {
  const scope = new NameScope();
  const { inputs } = draft.model.signature;
  const parts = inputs.map((spec, position) => tensorField(draft, spec, { scope, kind: "input", position }));
  return {
    comment: "PredictRequest holds the model's input.",
    fields: parts.map((part) => part.field),
    declarations: [],
    shaped: parts.some((part) => part.shaped),
  };
}

function toResponse({ prediction, labels, tensors }: ResponsePlan, noun: string): Side {
  const shaped = tensors.some((part) => part.shaped);
  const fields = tensors.map((part) => part.field);
  if (prediction.length === 0) {
    return { comment: "PredictResponse holds the model's output.", fields, declarations: [], shaped };
  }
  const predictions: ProtoField = {
    comment: `One prediction for each ${noun}, in the same order.`,
    repeated: true,
    type: "Prediction",
    name: "predictions",
  };
  const record: ProtoMessage = {
    kind: "message",
    name: "Prediction",
    comment: `Prediction is the model's answer to one ${noun}.`,
    fields: prediction,
  };
  return {
    comment: "PredictResponse holds the answers to one request.",
    fields: [predictions, ...fields],
    declarations: labels ? [record, labels] : [record],
    shaped,
  };
}

/** With a transform the messages are its author's to fill. */
function transformSides({ model }: ContractDraft): Sides {
  const list = (specs: readonly TensorSpec[]) =>
    specs.map((spec) => `${JSON.stringify(spec.name)} ${formatSpec(spec)}`).join(", ");
  const side = (comment: string): Side => ({ comment, fields: [], declarations: [], shaped: false });
  return {
    request: side(
      `PredictRequest holds what callers send: give it fields. The transform makes the model's input of them: ${list(model.signature.inputs)}.`,
    ),
    response: side(
      `PredictResponse holds the answer: give it fields. The transform fills them from the model's output: ${list(model.signature.outputs)}.`,
    ),
    predict: "Predict answers one request.",
  };
}

/** What the contract is for; with lists of whole numbers, how these are written. */
function headComment(draft: ContractDraft, fields: readonly ProtoField[]): string {
  const { producer } = draft.model;
  const origin = producer ? `${draft.source} (${producer})` : draft.source;
  const first = `The contract of the ${placeContract(draft.name).model.replaceAll("_", " ")} models, first written for ${origin}.`;
  if (!fields.some((field) => field.repeated && isIntegerType(field.type))) return first;
  const choice =
    draft.integers === "fixed"
      ? "Whole numbers have a fixed width on the wire, so that they reach the model without being decoded."
      : "Whole numbers are varints on the wire: small ones take few bytes.";
  return `${first} ${choice}`;
}
