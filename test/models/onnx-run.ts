import { InferenceSession, Tensor } from "onnxruntime-node";
import { type Datatype, toOrtType } from "../../src/contract/datatype.js";
import type { TransformTensor } from "../../src/contract/transform.js";

/** A tensor with the datatype that its array alone does not tell. */
export interface TypedTensor extends TransformTensor {
  readonly datatype: Datatype;
}

/** One model, run as it is: no server, no worker, no batching between. */
export class DirectModel {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  /** @param path relative to the repository, where tests are run */
  static async load(path: string): Promise<DirectModel> {
    return new DirectModel(await InferenceSession.create(path, { logSeverityLevel: 3, intraOpNumThreads: 1 }));
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  async run(inputs: Record<string, TypedTensor>): Promise<Record<string, TransformTensor>> {
    const feeds = Object.entries(inputs).map(([name, { datatype, data, shape }]) => {
      return [name, new Tensor(toOrtType(datatype) as "float32", data as Float32Array, shape)] as const;
    });
    const outputs = await this.#session.run(Object.fromEntries(feeds));
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { dims, data }]) => [
        name,
        { shape: dims, data: data as Float32Array<ArrayBuffer> },
      ]),
    );
  }
}
