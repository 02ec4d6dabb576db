import { invalid } from "../../contract/fault.js";
import { WireReader, WireType } from "../../contract/wire.js";
import { type Parameters, readParameterEntry } from "./parameters.js";
import { toText } from "./wire-text.js";

/** One input of a request, as it came: nothing is checked against the model yet. */
export interface InferInput {
  name: string;
  datatype: string;
  shape: number[];
  parameters: Parameters;
  /** The encoded `InferTensorContents`, or undefined where the input has none. */
  contents: Uint8Array<ArrayBuffer> | undefined;
}

/** One output that a request asks for. */
export interface RequestedOutput {
  name: string;
  parameters: Parameters;
}

/** A `ModelInferRequest`, as it came. Contents are views of the message. */
export interface InferRequest {
  modelName: string;
  modelVersion: string;
  id: string;
  parameters: Parameters;
  inputs: InferInput[];
  outputs: RequestedOutput[];
  rawContents: Uint8Array<ArrayBuffer>[];
}

/** A request with nothing in it. */
export function emptyInferRequest(): InferRequest {
  return {
    modelName: "",
    modelVersion: "",
    id: "",
    parameters: new Map(),
    inputs: [],
    outputs: [],
    rawContents: [],
  };
}

// A two-byte field costs far more than two bytes once read, so a message within the size limit could fill the memory.
const MAX_ENTRIES = 4096;
const MAX_RANK = 64;

/**
 * Reads a `ModelInferRequest` into `request`. What was read before a fault stays there, so that `id` can be echoed.
 * @throws Fault INVALID_INPUT
 */
export function readInferRequest(bytes: Uint8Array<ArrayBuffer>, request: InferRequest): InferRequest {
  const reader = new WireReader(plainView(bytes));
  while (!reader.done) {
    const tag = reader.tag();
    if ((tag & 7) !== WireType.BYTES) {
      reader.skip(tag & 7);
      continue;
    }
    const value = reader.delimited();
    switch (tag >>> 3) {
      case 1:
        request.modelName = toText(value, "model_name");
        break;
      case 2:
        request.modelVersion = toText(value, "model_version");
        break;
      case 3:
        request.id = toText(value, "id");
        break;
      case 4:
        addParameter(request.parameters, value, "parameters");
        break;
      case 5:
        add(request.inputs, readInput(value), "inputs");
        break;
      case 6:
        add(request.outputs, readRequestedOutput(value), "outputs");
        break;
      case 7:
        add(request.rawContents, value, "raw_input_contents");
        break;
    }
  }
  return request;
}

function readInput(bytes: Uint8Array<ArrayBuffer>): InferInput {
  const input: InferInput = { name: "", datatype: "", shape: [], parameters: new Map(), contents: undefined };
  const contents: Uint8Array<ArrayBuffer>[] = [];
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case (1 << 3) | WireType.BYTES:
        input.name = toText(reader.delimited(), "inputs.name");
        break;
      case (2 << 3) | WireType.BYTES:
        input.datatype = toText(reader.delimited(), "inputs.datatype");
        break;
      case (3 << 3) | WireType.BYTES:
        readShape(input.shape, new WireReader(reader.delimited()));
        break;
      case (3 << 3) | WireType.VARINT:
        readDimension(input.shape, reader);
        break;
      case (4 << 3) | WireType.BYTES:
        addParameter(input.parameters, reader.delimited(), "inputs.parameters");
        break;
      case (5 << 3) | WireType.BYTES:
        add(contents, reader.delimited(), "inputs.contents");
        break;
      default:
        reader.skip(tag & 7);
    }
  }
  // Protobuf merges a message field that comes twice; of encoded messages the merge is the concatenation.
  input.contents = contents.length > 1 ? plainView(Buffer.concat(contents)) : contents[0];
  return input;
}

function readRequestedOutput(bytes: Uint8Array<ArrayBuffer>): RequestedOutput {
  const output: RequestedOutput = { name: "", parameters: new Map() };
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === ((1 << 3) | WireType.BYTES)) output.name = toText(reader.delimited(), "outputs.name");
    else if (tag === ((2 << 3) | WireType.BYTES)) {
      addParameter(output.parameters, reader.delimited(), "outputs.parameters");
    } else reader.skip(tag & 7);
  }
  return output;
}

function readShape(shape: number[], reader: WireReader): void {
  while (!reader.done) readDimension(shape, reader);
}

function readDimension(shape: number[], reader: WireReader): void {
  if (shape.length === MAX_RANK) throw invalid(`inputs.shape: more than ${MAX_RANK} dimensions`);
  const low = reader.varint64Low();
  // Past 2^53 this is not exact; every such dimension is refused for its size all the same.
  shape.push((reader.high | 0) * 2 ** 32 + low);
}

/** A Buffer's own `slice` makes a view where that of a Uint8Array makes a copy, so no Buffer goes any further. */
function plainView(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function add<T>(list: T[], entry: T, field: string): void {
  if (list.length === MAX_ENTRIES) throw invalid(`${field}: more than ${MAX_ENTRIES} entries`);
  list.push(entry);
}

function addParameter(parameters: Parameters, entry: Uint8Array<ArrayBuffer>, field: string): void {
  if (parameters.size === MAX_ENTRIES) throw invalid(`${field}: more than ${MAX_ENTRIES} entries`);
  const { key, value } = readParameterEntry(entry, field);
  parameters.set(key, value);
}
