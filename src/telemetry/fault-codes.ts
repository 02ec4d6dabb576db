/**
 * gRPC codes, as the label `code` of the calls has them, that mean that the server failed its caller. OpenTelemetry's list
 * for servers, but for UNIMPLEMENTED: which methods there are, the contract says. A deadline that a busy server misses
 * can't be told from one that nobody could meet: both count.
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
 */
export const SERVER_FAULT_CODES: readonly string[] = [
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
];

/** The code of calls that a server refused because too many wait already. It did nothing wrong: there is too little of it. */
export const SHED_CODE = "RESOURCE_EXHAUSTED";
