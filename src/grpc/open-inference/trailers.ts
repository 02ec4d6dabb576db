import { Metadata } from "@grpc/grpc-js";
import type { Model, Timing } from "../../serving/inference.js";
import type { InferResult } from "./infer.js";

/** Trailing metadata that says which revision answered, and where the time went. */
export function toTrailers({ model, answer, codecMs }: InferResult, totalMs: number): Metadata {
  const metadata = new Metadata();
  if (model !== undefined) addModel(metadata, model);
  if (answer.ok) metadata.set("flotilla-server-timing", formatTiming(answer.timing, codecMs, totalMs));
  return metadata;
}

function addModel(metadata: Metadata, model: Model): void {
  metadata.set("flotilla-revision", model.revision);
  if (model.digest !== undefined) metadata.set("flotilla-model-digest", model.digest);
}

function formatTiming({ queueMs, batchMs, inferMs }: Timing, codecMs: number, totalMs: number): string {
  const stages = { queue: queueMs, batch: batchMs, infer: inferMs, codec: codecMs, total: totalMs };
  return Object.entries(stages)
    .map(([stage, ms]) => `${stage}=${ms.toFixed(3)}`)
    .join(", ");
}
