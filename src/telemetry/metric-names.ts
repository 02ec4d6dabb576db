/** Names of Flotilla's metrics: the server counts under them, and alerts and dashboards ask for them. */
export const METRIC = {
  requests: "flotilla_requests_total",
  duration: "flotilla_request_duration_seconds",
  queue: "flotilla_queue_duration_seconds",
  batch: "flotilla_batch_duration_seconds",
  inference: "flotilla_inference_duration_seconds",
  batchRows: "flotilla_batch_rows",
  inFlight: "flotilla_requests_in_flight",
  waiting: "flotilla_requests_waiting",
  queueSize: "flotilla_queue_size",
  workerRestarts: "flotilla_worker_restarts_total",
  modelReady: "flotilla_model_ready",
  /** Of the process, whatever its models. */
  memoryLimit: "flotilla_memory_limit_bytes",
  /** Counted by those who call. */
  hopOverhead: "flotilla_hop_overhead_seconds",
} as const;

/** Names of the process' metrics, as prom-client has them. They have no labels of a model. */
export const PROCESS_METRIC = {
  memory: "process_resident_memory_bytes",
  processors: "process_cpu_seconds_total",
  eventLoopLag: "nodejs_eventloop_lag_p99_seconds",
} as const;

/** Longer times are all one to the histograms. */
export const LONGEST_SECONDS = 30;

/** Upper bounds of the histograms of times, from fractions of a millisecond to half a minute. */
export const SECONDS_BUCKETS: readonly number[] = [
  0.0001,
  0.00025,
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  LONGEST_SECONDS,
];
