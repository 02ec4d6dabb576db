import { readFile } from "node:fs/promises";
import { OnnxError, readOnnx } from "../contract/onnx.js";

/**
 * The files that a model keeps weights in, relative to its folder and inside of it.
 * @param name the model as errors name it
 * @throws Error where the file is no model, or names a file outside of its folder
 */
export async function externalData(model: string, name: string): Promise<readonly string[]> {
  const bytes = await readFile(model);
  let locations: readonly string[];
  try {
    locations = readOnnx(bytes).externalData;
  } catch (error) {
    if (error instanceof OnnxError) throw new Error(`${name}: ${error.message}`);
    throw error;
  }
  const outside = locations.find((location) => location.startsWith("/") || location.split(/[\\/]/).includes(".."));
  if (outside === undefined) return locations;
  throw new Error(`${name}: its external data "${outside}" lies outside of the model's folder`);
}
