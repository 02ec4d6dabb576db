import type { Tensor } from "../../contract/tensor.js";
import { varintSize } from "../../contract/wire.js";
import { bytesPiece, messagePiece, type Piece, textPiece, writeMessage } from "./piece.js";
import { rawContentsPiece } from "./raw-contents.js";
import { hasTypedContents, typedContentsPieces } from "./typed-contents.js";

/** What a `ModelInferResponse` says. */
export interface InferAnswer {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly outputs: readonly Tensor[];
  /** Elements go into `raw_output_contents`. They do so anyway where a datatype has no typed contents. */
  readonly raw: boolean;
  /** Says that no further answer to this request comes. */
  readonly marksFinalResponse: boolean;
}

/** The encoded `ModelInferResponse`. */
export function writeInferResponse(answer: InferAnswer): Buffer<ArrayBuffer> {
  return writeMessage(responsePieces(answer));
}

/** The encoded `ModelStreamInferResponse` with an answer in it. */
export function writeStreamResponse(answer: InferAnswer): Buffer<ArrayBuffer> {
  return writeMessage([messagePiece(2, responsePieces(answer))]);
}

/** The encoded `ModelStreamInferResponse` that says what went wrong with the request `id`. */
export function writeStreamError(message: string, id: string): Buffer<ArrayBuffer> {
  return writeMessage([textPiece(1, message), messagePiece(2, optionalText(3, id))]);
}

function responsePieces(answer: InferAnswer): Piece[] {
  // The message has one form of contents for all outputs, so one that has to be raw makes all raw.
  const raw = answer.raw || answer.outputs.some((output) => !hasTypedContents(output.datatype));
  const pieces = [
    ...optionalText(1, answer.modelName),
    ...optionalText(2, answer.modelVersion),
    ...optionalText(3, answer.id),
  ];
  if (answer.marksFinalResponse) pieces.push(truePiece(4, "triton_final_response"));
  for (const output of answer.outputs) pieces.push(messagePiece(5, outputPieces(output, raw)));
  if (raw) for (const output of answer.outputs) pieces.push(rawContentsPiece(6, output.data));
  return pieces;
}

function outputPieces(output: Tensor, raw: boolean): Piece[] {
  const pieces = [...optionalText(1, output.name), textPiece(2, output.datatype)];
  if (output.shape.length > 0) pieces.push(shapePiece(3, output.shape));
  if (!raw) pieces.push(messagePiece(5, typedContentsPieces(output.datatype, output.data)));
  return pieces;
}

function shapePiece(field: number, shape: readonly number[]): Piece {
  const byteLength = shape.reduce((sum, dimension) => sum + varintSize(dimension), 0);
  return bytesPiece(field, byteLength, (writer) => {
    for (const dimension of shape) writer.varint(dimension);
  });
}

/** An entry of a `map<string, InferParameter>` that is true. */
function truePiece(field: number, key: string): Piece {
  const boolParam: Piece = {
    byteLength: 2,
    write(writer) {
      writer.tag(1, 0);
      writer.varint(1);
    },
  };
  return messagePiece(field, [textPiece(1, key), messagePiece(2, [boolParam])]);
}

/** A text field; as proto3 has it, an empty one is left out. */
function optionalText(field: number, text: string): Piece[] {
  return text === "" ? [] : [textPiece(field, text)];
}
