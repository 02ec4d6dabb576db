import type { ReadyMessage } from "./messages.js";
import { ModelError } from "./model-error.js";
import { isCheaperNear } from "./near-runner.js";
import { WorkerPool } from "./pool.js";
import type { ModelFile } from "./session.js";

/**
 * Whether a server with one worker would run the model's small jobs on its own thread, as that is cheaper than the way to
 * the worker and back: found out as a server does, with a worker.
 * @throws ModelError
 */
export async function wouldRunNear(model: ModelFile): Promise<boolean> {
  const settings = { ...model, label: model.modelPath, threads: 1, maxBatchRows: 1 };
  let pool: WorkerPool | undefined;
  try {
    const { cost } = await new Promise<ReadyMessage>((resolve, reject) => {
      const fail = (problem: string) => reject(new ModelError(`${model.modelPath}: ${problem}`));
      const events = { onReady: resolve, onFailed: fail, onCrash: fail, onIdle() {} };
      pool = new WorkerPool({ ...settings, signature: undefined, transform: undefined }, 1, events);
    });
    return cost !== undefined && (await isCheaperNear(pool!, cost, model.modelPath));
  } finally {
    await pool?.close();
  }
}
