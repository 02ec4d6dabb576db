import {
  type Classes,
  isVarints,
  type OnnxConstant,
  readConstant,
  readIntegers,
  readSparse,
  readText,
} from "./onnx-constant.js";
import { OnnxError } from "./onnx-error.js";
import { field, type OnnxValue, readMessage, readValue } from "./onnx-value.js";
import type { WireReader } from "./wire.js";

/** Graphs within graphs (loops, branches) that are read. ONNX Runtime's own limit is near. */
const MAX_GRAPH_DEPTH = 32;

/** What is kept of a node: enough to follow a classifier's answer back to its classes. */
export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Lists of integers or strings by attribute. */
  readonly lists: ReadonlyMap<string, Classes>;
}

/** What is kept of a graph (`onnx.GraphProto`). */
export interface OnnxGraph {
  readonly inputs: OnnxValue[];
  readonly outputs: OnnxValue[];
  readonly nodes: OnnxNode[];
  /** Constants by name, with their values where these can be classes. */
  readonly constants: Map<string, Classes | undefined>;
}

/** Reads graphs and gathers what they hold in other files, subgraphs and functions included. */
export class GraphReader {
  /** Locations of external data, each once, as the file states them. */
  readonly externalData = new Set<string>();

  /** Reads an `onnx.GraphProto` into `graph`: as in all of protobuf, one written in two parts is one. */
  read(reader: WireReader, graph: OnnxGraph, depth = 0): void {
    if (depth > MAX_GRAPH_DEPTH) throw new OnnxError(`graphs are nested more than ${MAX_GRAPH_DEPTH} levels deep`);
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === field(1)) graph.nodes.push(this.#node(readMessage(reader), graph, depth));
      else if (tag === field(5)) this.#keep(readConstant(readMessage(reader)), graph);
      else if (tag === field(11)) graph.inputs.push(readValue(readMessage(reader)));
      else if (tag === field(12)) graph.outputs.push(readValue(readMessage(reader)));
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
    graph.constants.set(constant.name, constant.classes);
    this.#note(constant);
  }

  #note({ location }: OnnxConstant): void {
    if (location) this.externalData.add(location);
  }

  #node(reader: WireReader, graph: OnnxGraph, depth: number): OnnxNode {
    let op = "";
    let domain = "";
    const inputs: string[] = [];
    const outputs: string[] = [];
    const attributes: OnnxAttribute[] = [];
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === field(1)) inputs.push(reader.string());
      else if (tag === field(2)) outputs.push(reader.string());
      else if (tag === field(4)) op = reader.string();
      else if (tag === field(7)) domain = reader.string();
      else if (tag === field(5)) attributes.push(this.#attribute(readMessage(reader), depth));
      else reader.skip(tag & 7);
    }
    const value = attributes.find((attribute) => attribute.name === "value")?.constant;
    if (op === "Constant" && outputs[0] !== undefined) graph.constants.set(outputs[0], value?.classes);
    const lists = attributes.flatMap(({ name, list }) => (list ? [[name, list] as const] : []));
    return { op, domain, inputs, outputs, lists: new Map(lists) };
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
      } else if (tag === field(6) || tag === field(11)) this.read(readMessage(reader), emptyGraph(), depth + 1);
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

/** A graph with nothing in it. */
export function emptyGraph(): OnnxGraph {
  return { inputs: [], outputs: [], nodes: [], constants: new Map() };
}
