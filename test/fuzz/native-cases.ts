import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { ModelError } from "../../src/serving/model-error.js";
import { Session } from "../../src/serving/session.js";
import { CASE_FILES } from "./case-files.js";
import { mutate } from "./mutate.js";
import { onnxModels } from "./onnx-models.js";
import { randomGraph } from "./random-graph.js";

/**
 * The other side of `native.ts`: loads the models of some numbers, one after the other, as a server does. Whoever started
 * it finds the case that ended it in its folder.
 */
async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { folder: text, from: text, count: text } });
  const folder = values.folder!;
  const corpus = onnxModels();
  const modelPath = path.join(folder, CASE_FILES.model);
  const from = Number(values.from);
  for (let seed = from; seed < from + Number(values.count); seed++) {
    writeFileSync(path.join(folder, CASE_FILES.seed), String(seed));
    writeFileSync(modelPath, seed % 2 === 0 ? mutate(corpus, seed, "wire") : randomGraph(seed));
    await tryModel(folder, modelPath);
  }
}

/** It loads, or is refused with what is wrong with it. */
async function tryModel(folder: string, modelPath: string): Promise<void> {
  try {
    const session = await Session.load({ modelPath, modelRoot: path.dirname(modelPath), sha256: undefined }, 1);
    session.release();
  } catch (error) {
    if (error instanceof ModelError) return;
    writeFileSync(path.join(folder, CASE_FILES.problem), String((error as Error).stack));
    process.exit(1);
  }
}

await main();
