import { formatSpec, type Signature, type TensorSpec } from "./signature.js";

/** One way in which a model does not fit a contract. */
export interface Difference {
  readonly kind: "input" | "output";
  /** Name of the tensor. */
  readonly tensor: string;
  /** What differs, on one line: `input "X": contract FP32[-1, 30], model FP32[-1, 28]`. */
  readonly message: string;
}

/**
 * How a model differs from the contract that it is to serve; empty where it fits. The contract's tensors have to be
 * there with the same datatype and a shape that fits. An output more than the contract names is no difference, an
 * input more is one: nobody would fill it.
 */
export function compareSignatures(contract: Signature, model: Signature): Difference[] {
  const differences: Difference[] = [];
  for (const kind of ["input", "output"] as const) {
    const [bound, given] = kind === "input" ? [contract.inputs, model.inputs] : [contract.outputs, model.outputs];
    const unbound = given.filter((other) => !bound.some((one) => one.name === other.name));
    for (const spec of bound) {
      const found = given.find((other) => other.name === spec.name);
      if (found && found.datatype === spec.datatype && shapesFit(kind, spec.shape, found.shape)) continue;
      const got = found ? formatSpec(found) : `has none of that name${kind === "output" ? butHas(unbound) : ""}`;
      differences.push(toDifference(kind, spec, `contract ${formatSpec(spec)}, model ${got}`));
    }
    if (kind === "output") continue;
    for (const spec of unbound) {
      differences.push(toDifference(kind, spec, `contract has none of that name, model ${formatSpec(spec)}`));
    }
  }
  return differences;
}

/** What the model has instead; of inputs that is a difference of its own. */
function butHas(specs: readonly TensorSpec[]): string {
  const list = specs.map((spec) => `${JSON.stringify(spec.name)} ${formatSpec(spec)}`).join(", ");
  return list && `, but ${list}`;
}

function toDifference(kind: Difference["kind"], { name }: TensorSpec, what: string): Difference {
  return { kind, tensor: name, message: `${kind} ${JSON.stringify(name)}: ${what}` };
}

/**
 * A free dimension of the model takes whatever the contract says. Where the contract leaves a dimension free, callers
 * choose it, so the model's input has to as well; an output may be narrower than promised, but not in its rows, which
 * answer those of the request.
 */
function shapesFit(kind: Difference["kind"], contract: readonly number[], model: readonly number[]): boolean {
  if (contract.length !== model.length) return false;
  return contract.every((dimension, axis) => {
    if (model[axis] === -1 || model[axis] === dimension) return true;
    return dimension === -1 && kind === "output" && axis > 0;
  });
}
