/** Names of Flotilla's metrics: the server counts under them, and alerts and dashboards ask for them. */
export const METRIC = {
  requests: "flotilla_requests_total",
  duration: "flotilla_request_duration_seconds",
  queue: "flotilla_queue_duration_seconds",
  batch: "flotilla_batch_duration_seconds",
  inference: "flotilla_inference_duration_seconds",
  batchRows: "flotilla_batch_rows",
  inFlight: "flotilla_requests_in_flight",
  openStreams: "flotilla_streams_open",
  waiting: "flotilla_requests_waiting",
  queueSize: "flotilla_queue_size",
  workerRestarts: "flotilla_worker_restarts_total",
  modelReady: "flotilla_model_ready",
  /** Of models that are loaded on demand. */
  modelLoaded: "flotilla_model_loaded",
  modelMemory: "flotilla_model_memory_bytes",
  modelLoads: "flotilla_model_loads_total",
  modelUnloads: "flotilla_model_unloads_total",
  loadDuration: "flotilla_model_load_duration_seconds",
  memoryBudget: "flotilla_memory_budget_bytes",
  /** Of the process, whatever its models. */
  memoryLimit: "flotilla_memory_limit_bytes",
  /** Counted by those who call. */
  hopOverhead: "flotilla_hop_overhead_seconds",
  hopOverBudget: "flotilla_hop_over_budget_total",
  /** Of all the calls that one call set off. */
  chainOverhead: "flotilla_chain_overhead_seconds",
  /** Of a bridge between a broker and the fleet. */
  events: "flotilla_events_total",
  eventRetries: "flotilla_event_retries_total",
  eventCall: "flotilla_event_call_duration_seconds",
  eventAge: "flotilla_event_age_seconds",
  eventsInFlight: "flotilla_events_in_flight",
  eventPace: "flotilla_event_calls_allowed",
  eventLag: "flotilla_event_lag",
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
