/** Why a model can't be served: what is wrong with the file and what to do. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}
