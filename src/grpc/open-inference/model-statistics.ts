import type {
  ModelStatistics,
  ModelStatisticsResponse,
  StatisticDuration,
} from "../../../generated/ts/inference/grpc_service.js";
import type { Model, Repository, Tally } from "../../serving/inference.js";
import type { ModelQuery } from "./model-metadata.js";
import { selectModels } from "./models.js";

const NANOS_PER_MS = 1e6;

/** Figures of the models asked for, all of them where no name is given. @throws Fault UNKNOWN_MODEL, UNKNOWN_REVISION */
export function modelStatistics(repository: Repository, query: ModelQuery): ModelStatisticsResponse {
  return { modelStats: selectModels(repository, query.name, query.version).map(toStatistics) };
}

function toStatistics(model: Model): ModelStatistics {
  const { statistics } = model;
  return {
    name: model.contract,
    version: model.revision,
    lastInference: Math.floor(statistics.lastInferenceMs),
    inferenceCount: statistics.inferenceCount,
    executionCount: statistics.executionCount,
    inferenceStats: {
      success: toDuration(statistics.success),
      fail: toDuration(statistics.fail),
      queue: toDuration(statistics.queue),
      computeInput: toDuration(statistics.computeInput),
      computeInfer: toDuration(statistics.computeInfer),
      computeOutput: toDuration(statistics.computeOutput),
      cacheHit: { count: 0, ns: 0 },
      cacheMiss: { count: 0, ns: 0 },
    },
    batchStats: [...statistics.batches]
      .sort(([rows], [otherRows]) => rows - otherRows)
      .map(([rows, { count, inferMs }]) => ({
        batchSize: rows,
        // Only the run itself is measured by batch size.
        computeInput: undefined,
        computeInfer: toDuration({ count, totalMs: inferMs }),
        computeOutput: undefined,
      })),
    memoryUsage: [],
  };
}

function toDuration({ count, totalMs }: Tally): StatisticDuration {
  return { count, ns: Math.round(totalMs * NANOS_PER_MS) };
}
