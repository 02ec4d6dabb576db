import { readFileSync } from "node:fs";

/** A file of an example model's samples, relative to the repository, where tests are run. */
export function sampleBytes(model: string, file: string): Buffer {
  return readFileSync(`models/${model}/samples/${file}`);
}

/** A sample in JSON. The type is what the script that wrote it puts there. */
export function sampleJson<Content>(model: string, file: string): Content {
  return JSON.parse(sampleBytes(model, file).toString("utf8")) as Content;
}
