import { compileProto, JsonCodec } from "../../support/contract-fixture.js";
import { COLLECTOR, SPANS } from "./live-fleet.js";
import { askProgram } from "./pods.js";
import { PROGRAM_VOLUME } from "./programs.js";
import { onDemand } from "./stage.js";
import { programContainer, serviceFor, workload } from "./workload.js";

/** What is read of OpenTelemetry's messages. @see https://github.com/open-telemetry/opentelemetry-proto */
const PACKAGE = "test.otlp.v1";
const PROTO = `syntax = "proto3";
package ${PACKAGE};
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated Attribute attributes = 1; }
message Attribute { string key = 1; Value value = 2; }
message Value { string string_value = 1; }
message ScopeSpans { repeated Span spans = 2; }
message Span { bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6; }
`;
const KINDS: Readonly<Record<number, string>> = { 2: "server", 3: "client" };

/** One proxy's part of a call. */
export interface Span {
  /** Hex. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  /** Who is in front of the proxy, by its name in the mesh. */
  readonly service: string;
  /** Which way through the proxy: `server` in, `client` out. */
  readonly kind: string;
}

interface Message {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue: string } }[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly { traceId: string; spanId: string; parentSpanId: string; kind: number }[];
    }[];
  }[];
}

let codec: JsonCodec | undefined;

/** Puts a collector of spans on the cluster: outside the mesh, as many are. */
export const raiseCollector = onDemand(async () => ({
  namespaces: [SPANS],
  objects: [
    ...workload({
      namespace: SPANS,
      name: COLLECTOR,
      container: programContainer("collector.mjs"),
      volumes: [PROGRAM_VOLUME],
      sidecar: false,
    }),
    serviceFor({ namespace: SPANS, name: COLLECTOR }, { name: "grpc-otlp", port: 4317 }),
  ],
  callers: [],
}));

/** The spans that the collector got since the last time. */
export async function newSpans(): Promise<Span[]> {
  codec ??= new JsonCodec(compileProto(PACKAGE, PROTO));
  const where = { namespace: SPANS, pod: `deploy/${COLLECTOR}`, container: COLLECTOR };
  const messages = await askProgram<string[]>(where);
  return messages.flatMap((text) => spansOf(codec!.decode(`${PACKAGE}.Request`, Buffer.from(text, "base64"))));
}

function spansOf(message: unknown): Span[] {
  return (message as Message).resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
    const spans = scopeSpans.flatMap((scope) => scope.spans);
    return spans.map(({ traceId, spanId, parentSpanId, kind }) => ({
      traceId: toHex(traceId),
      spanId: toHex(spanId),
      parentSpanId: toHex(parentSpanId),
      service,
      kind: KINDS[kind] ?? String(kind),
    }));
  });
}

function toHex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
