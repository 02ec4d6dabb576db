import { type Context, context, propagation, type TextMapGetter } from "@opentelemetry/api";

/** Header that names a group of callers whom the fleet gives a revision of their own. */
export const COHORT_HEADER = "x-flotilla-cohort";
/** Header that pins revisions for a whole chain of calls: `acme.ocr.v1=r2,acme.fraud.v1=r1`. */
export const PIN_HEADER = "x-flotilla-pin";
/** Header that names a release of the fleet, for a whole chain of calls: none of them is answered by a revision outside it. */
export const RELEASE_HEADER = "x-flotilla-release";
/** Trailer that says which release's revision answered. */
export const RELEASE_TRAILER = "flotilla-release";
/** CloudEvents attribute that names the release of what an event sets off, and of a prediction the one that made it. */
export const RELEASE_ATTRIBUTE = "flotillarelease";
/** Header by which the mesh tells a server that a release's route led a call there, and to which revision: `acme.ocr.v1=r2`. */
export const RELEASE_REVISION_HEADER = "x-flotilla-release-revision";

/**
 * Value of that header. It names the contract, as it is about one hop: where somebody passes all headers on, the next
 * contract does not take it for its own.
 */
export function releaseLedTo(contract: string, revision: string): string {
  return `${contract}=${revision}`;
}

/**
 * Headers that a service passes on from the call it answers to the calls it makes. Without them a mesh sees each hop as
 * a trace of its own, and cohorts, pins and releases end at the first service.
 * @see https://istio.io/latest/docs/tasks/observability/distributed-tracing/overview/
 */
export const PASSED_ON: readonly string[] = [
  // W3C Trace Context and Baggage.
  "traceparent",
  "tracestate",
  "baggage",
  // B3, as one header and as several.
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  // Envoy joins spans and access logs by it.
  "x-request-id",
  COHORT_HEADER,
  PIN_HEADER,
  RELEASE_HEADER,
];

/** Headers of a call that came in; `Metadata` of grpc-js is one. */
export interface IncomingHeaders {
  get(name: string): readonly (string | Buffer)[];
}

/**
 * The headers that a call to another service has to carry: those of the incoming call that are passed on, and the active
 * OpenTelemetry context, which wins. Without an OpenTelemetry SDK in the process there is no such context.
 * @param incoming headers of the call that is being answered, where there is one
 */
export function propagate(incoming?: IncomingHeaders): Record<string, string> {
  const carrier: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = incoming && headerOf(incoming, name);
    if (value !== undefined) carrier[name] = value;
  }
  propagation.inject(context.active(), carrier);
  return carrier;
}

/**
 * The OpenTelemetry context that an incoming call carries, for spans of its own and for `context.with`. Without an
 * OpenTelemetry SDK in the process it is the active one.
 */
export function contextOf(incoming: IncomingHeaders): Context {
  return propagation.extract(context.active(), incoming, GETTER);
}

const GETTER: TextMapGetter<IncomingHeaders> = {
  keys: () => [...PASSED_ON],
  get: headerOf,
};

/** Several headers of one name are one list; a comma parts them in each format that allows several. */
function headerOf(incoming: IncomingHeaders, name: string): string | undefined {
  const values = incoming.get(name);
  return values.length === 0 ? undefined : values.map(String).join(",");
}
