import { type ClassNode, toClassNode } from "./onnx-classes.js";
import { type Classes, type OnnxConstant, readConstant, readIntegers, readSparse, readText } from "./onnx-constant.js";
import { OnnxError } from "./onnx-error.js";
import { type OnnxValue, readValue } from "./onnx-value.js";
import { field, isVarints, readMessage } from "./onnx-wire.js";
import type { WireReader } from "./wire.js";

/** Graphs within graphs (loops, branches) that are read. ONNX Runtime's own limit is near. */
const MAX_GRAPH_DEPTH = 32;

/** Inputs and outputs of a graph, and names of its constants, that are kept: far more than any model has. */
const MAX_VALUES = 100_000;
const MAX_CONSTANTS = 1_000_000;
/** What is kept for telling classes, all together: nodes, and values of constants. What is beyond tells nothing. */
const MAX_CLASS_NODES = 100_000;
const MAX_CLASS_VALUES = 1_000_000;

/** What is kept of a graph (`onnx.GraphProto`). */
export interface OnnxGraph {
  readonly inputs: OnnxValue[];
  readonly outputs: OnnxValue[];
  /** Those that can tell the classes of a classifier, by the name of their first output. */
  readonly nodes: Map<string, ClassNode>;
  /** Constants by name, with their values where these can be classes. */
  readonly constants: Map<string, Classes | undefined>;
}

/** Reads graphs and gathers what they hold in other files, subgraphs and functions included. */
export class GraphReader {
  /** Locations of external data, each once, as the file states them. */
  readonly externalData = new Set<string>();
  /** Whether there are graphs within graphs: loops and branches. */
  hasSubgraphs = false;
  #classValues = 0;

  /** Reads an `onnx.GraphProto` into `graph`: as in all of protobuf, one written in two parts is one. */
  read(reader: WireReader, graph: OnnxGraph, depth = 0): void {
    if (depth > MAX_GRAPH_DEPTH) throw new OnnxError(`graphs are nested more than ${MAX_GRAPH_DEPTH} levels deep`);
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === field(1)) this.#node(readMessage(reader), graph, depth);
      else if (tag === field(5)) this.#keep(readConstant(readMessage(reader)), graph);
      else if (tag === field(11)) addValue(graph.inputs, readMessage(reader));
      else if (tag === field(12)) addValue(graph.outputs, readMessage(reader));
      else if (tag === field(15)) for (const part of readSparse(readMessage(reader))) this.#keep(part, graph);
      else reader.skip(tag & 7);
    }
  }

  /** Reads an `onnx.FunctionProto`. */
  readFunction(reader: WireReader): void {
    const graph = emptyGraph();
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === field(7)) this.#node(readMessage(reader), graph, 0);
      else reader.skip(tag & 7);
    }
  }

  #keep(constant: OnnxConstant, graph: OnnxGraph): void {
    this.#note(constant);
    if (graph.constants.size >= MAX_CONSTANTS) throw new OnnxError(`a graph has more than ${MAX_CONSTANTS} constants`);
    graph.constants.set(constant.name, this.#keepsClasses(constant.classes) ? constant.classes : undefined);
  }

  #keepsClasses(classes: Classes | undefined): boolean {
    this.#classValues += classes?.values.length ?? 0;
    return this.#classValues <= MAX_CLASS_VALUES;
  }

  #note({ location }: OnnxConstant): void {
    if (location) this.externalData.add(location);
  }

  #node(reader: WireReader, graph: OnnxGraph, depth: number): void {
    let op = "";
    let source: string | undefined;
    let output: string | undefined;
    const lists = new Map<string, Classes>();
    let value: OnnxConstant | undefined;
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === field(1) && source === undefined) source = reader.string();
      else if (tag === field(2) && output === undefined) output = reader.string();
      else if (tag === field(4)) op = reader.string();
      else if (tag === field(5)) {
        const attribute = this.#attribute(readMessage(reader), depth);
        if (attribute.list) lists.set(attribute.name, attribute.list);
        if (attribute.name === "value") value = attribute.constant;
      } else reader.skip(tag & 7);
    }
    if (op === "Constant" && value && output !== undefined) this.#keep({ ...value, name: output }, graph);
    const node = toClassNode({ op, source, output, lists });
    if (node && graph.nodes.size < MAX_CLASS_NODES && this.#keepsClasses(node.classes)) {
      graph.nodes.set(node.output, node);
    }
  }

  #subgraph(reader: WireReader, depth: number): void {
    this.hasSubgraphs = true;
    this.read(reader, emptyGraph(), depth + 1);
  }

  #attribute(reader: WireReader, depth: number): OnnxAttribute {
    let name = "";
    let constant: OnnxConstant | undefined;
    const integers: number[] = [];
    const texts: string[] = [];
    let long = false;
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === field(1)) name = reader.string();
      else if (isVarints(tag, 8)) long = readIntegers(reader, tag, integers) || long;
      else if (tag === field(9)) long = readText(reader, texts) || long;
      else if (tag === field(5) || tag === field(10)) {
        constant = readConstant(readMessage(reader));
        this.#note(constant);
      } else if (tag === field(6) || tag === field(11)) this.#subgraph(readMessage(reader), depth);
      else if (tag === field(22) || tag === field(23)) {
        for (const part of readSparse(readMessage(reader))) this.#note(part);
      } else reader.skip(tag & 7);
    }
    return { name, constant, list: long ? undefined : toList(integers, texts) };
  }
}

interface OnnxAttribute {
  readonly name: string;
  readonly constant: OnnxConstant | undefined;
  readonly list: Classes | undefined;
}

function toList(integers: readonly number[], texts: readonly string[]): Classes | undefined {
  if (texts.length > 0) return { kind: "names", values: texts };
  return integers.length > 0 ? { kind: "ids", values: integers } : undefined;
}

function addValue(values: OnnxValue[], reader: WireReader): void {
  if (values.length >= MAX_VALUES) throw new OnnxError(`a graph has more than ${MAX_VALUES} inputs or outputs`);
  values.push(readValue(reader));
}

/** A graph with nothing in it. */
export function emptyGraph(): OnnxGraph {
  return { inputs: [], outputs: [], nodes: new Map(), constants: new Map() };
}
