import type { Transform } from "../../src/contract/transform.js";
import type { DirectModel, TypedTensor } from "./onnx-run.js";

/** The tensors that a transform makes of a request, with the datatypes that its signature gives them. */
export async function typedTensors<Request>(
  transform: Transform<Request, unknown>,
  request: Request,
): Promise<Record<string, TypedTensor>> {
  const tensors = await transform.toTensors(request);
  return Object.fromEntries(
    transform.signature.inputs.map(({ name, datatype }) => [name, { ...tensors[name]!, datatype }]),
  );
}

/** A transform's answer to a request, with its model run directly. */
export async function answer<Request, Response>(
  transform: Transform<Request, Response>,
  model: DirectModel,
  request: Request,
): Promise<Response> {
  return transform.toResponse(await model.run(await typedTensors(transform, request)), request);
}
