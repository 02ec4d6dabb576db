import { Fault } from "./fault.js";
import { findClasses } from "./onnx-classes.js";
import type { Classes } from "./onnx-constant.js";
import { explainForeignFile, OnnxError } from "./onnx-error.js";
import { emptyGraph, GraphReader, type OnnxGraph } from "./onnx-graph.js";
import { dimensionNames, isUnranked, type OnnxValue, toTensorSpec } from "./onnx-value.js";
import { field, readMessage, varintField } from "./onnx-wire.js";
import type { Signature, TensorSpec } from "./signature.js";
import { WireReader } from "./wire.js";

export { OnnxError };

/** What an .onnx file says of itself. */
export interface OnnxModel {
  /** Inputs that a caller has to give, and outputs. */
  readonly signature: Signature;
  /** Names of free dimensions by tensor, one entry an axis; undefined where it is fixed or has no name. */
  readonly dimensions: ReadonlyMap<string, readonly (string | undefined)[]>;
  /** Outputs whose number of dimensions the file leaves out; their shape in `signature` is []. */
  readonly unranked: readonly string[];
  /** Files that hold weights, as the model states them: relative to its folder if it is well made. */
  readonly externalData: readonly string[];
  /** Classes by the output that gives them, where a classifier lists them. */
  readonly classes: ReadonlyMap<string, Classes>;
  /** Versions by operator set; ONNX's own is "". */
  readonly opsets: ReadonlyMap<string, number>;
  /** Whether it has loops or branches: how long a run takes then hangs on what it is given. */
  readonly hasSubgraphs: boolean;
  /** Tool that wrote the file, `skl2onnx 1.17.0`; empty where it does not say. */
  readonly producer: string;
}

/**
 * Reads what an .onnx file says of itself. Weights are stepped over, never copied.
 * @throws OnnxError where it is no ONNX model, is damaged, or has inputs or outputs that can't be served
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  try {
    return toModel(readModel(new WireReader(bytes as Uint8Array<ArrayBuffer>)));
  } catch (error) {
    if (!(error instanceof OnnxError || error instanceof Fault)) throw error;
    const foreign = explainForeignFile(bytes);
    if (foreign !== undefined) throw new OnnxError(foreign);
    if (error instanceof OnnxError) throw error;
    throw new OnnxError(
      beginsAsOnnx(bytes)
        ? `the file is damaged or cut short: ${error.message}; copy or download it again`
        : `this is not an ONNX model: ${error.message}`,
    );
  }
}

interface ModelParts {
  readonly graph: OnnxGraph | undefined;
  readonly externalData: ReadonlySet<string>;
  readonly hasSubgraphs: boolean;
  readonly opsets: Map<string, number>;
  readonly producer: string;
}

/** Reads an `onnx.ModelProto`. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
function readModel(reader: WireReader): ModelParts {
  const graphs = new GraphReader();
  const opsets = new Map<string, number>();
  let graph: OnnxGraph | undefined;
  let name = "";
  let version = "";
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field(2)) name = reader.string();
    else if (tag === field(3)) version = reader.string();
    else if (tag === field(7)) {
      graph ??= emptyGraph();
      graphs.read(readMessage(reader), graph);
    } else if (tag === field(8)) opsets.set(...readOpset(readMessage(reader)));
    else if (tag === field(25)) graphs.readFunction(readMessage(reader));
    else reader.skip(tag & 7);
  }
  return {
    graph,
    externalData: graphs.externalData,
    hasSubgraphs: graphs.hasSubgraphs,
    opsets,
    producer: `${name} ${version}`.trim(),
  };
}

function readOpset(reader: WireReader): [string, number] {
  let domain = "";
  let version = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field(1)) domain = reader.string();
    else if (tag === varintField(2)) version = Number(reader.int64());
    else reader.skip(tag & 7);
  }
  return [domain, version];
}

function toModel({ graph, externalData, hasSubgraphs, opsets, producer }: ModelParts): OnnxModel {
  if (graph === undefined) throw new OnnxError("this is not an ONNX model: it has no graph");
  if (opsets.size === 0)
    throw new OnnxError("the model names no operator set: the file is cut short, or older than ONNX 1.0");
  // An input with a constant of its name is a default that callers leave out.
  const inputs = graph.inputs.filter((input) => !graph.constants.has(input.name));
  const signature = { inputs: toSpecs("input", inputs), outputs: toSpecs("output", graph.outputs) };
  if (signature.outputs.length === 0) throw new OnnxError("the model has no output");
  const unranked = inputs.find(isUnranked);
  if (unranked) {
    throw new OnnxError(
      `input ${JSON.stringify(unranked.name)} has no shape, so that nobody can say what to send; ` +
        "export the model with a shape for it, free dimensions included",
    );
  }
  const classes = graph.outputs.flatMap(({ name }) => {
    const found = findClasses(graph, name);
    return found ? [[name, found] as const] : [];
  });
  return {
    signature,
    dimensions: new Map([...inputs, ...graph.outputs].map((value) => [value.name, dimensionNames(value)])),
    unranked: graph.outputs.filter(isUnranked).map((output) => output.name),
    externalData: [...externalData],
    hasSubgraphs,
    classes: new Map(classes),
    opsets,
    producer,
  };
}

function toSpecs(kind: "input" | "output", values: readonly OnnxValue[]): TensorSpec[] {
  const names = new Set<string>();
  return values.map((value) => {
    if (names.has(value.name)) throw new OnnxError(`two ${kind}s are called ${JSON.stringify(value.name)}`);
    names.add(value.name);
    return toTensorSpec(kind, value);
  });
}

/** Whether a file begins as every exporter begins one: with a small `ir_version`. */
function beginsAsOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === varintField(1) && bytes[1] !== undefined && bytes[1] < 128;
}
