import type { TensorData } from "./datatype.js";
import type { Signature } from "./signature.js";

/** A tensor as a transform makes or reads it. */
export interface TransformTensor {
  /** Dimensions, outermost first. Of the signature's free dimensions, axis 0 counts rows. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/**
 * A contract's own code around a model: it turns a request into tensors, and tensors into the response. It is the
 * default export of the module that `transform:` names in the fleet file, and runs on the model's worker thread.
 *
 * `Request` and `Response` are the contract's messages as plain objects: camelCase fields, `bytes` as Buffer, 64-bit
 * integers as numbers, enums as numbers, absent `optional` fields undefined.
 */
export interface Transform<Request, Response> {
  /** The tensors it makes (inputs) and reads (outputs). Every revision of the contract has to fit. */
  readonly signature: Signature;
  /** A request for warming up, so that the first caller does not pay for it. */
  readonly example: Request;
  /**
   * Tensors by the name of the model's input.
   * @throws TransformError where the request is at fault: the caller gets INVALID_ARGUMENT and the error's message
   */
  toTensors(request: Request): Promise<Record<string, TransformTensor>> | Record<string, TransformTensor>;
  /** The answer to `request` from the model's outputs, by name, for this request's rows alone. */
  toResponse(outputs: Record<string, TransformTensor>, request: Request): Promise<Response> | Response;
}

/** Thrown by a transform whose request can't be used. Its message goes to the caller: name the field, expected, got. */
export class TransformError extends Error {
  override readonly name = "TransformError";
}
