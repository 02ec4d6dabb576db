import assert from "node:assert/strict";
import { Metadata } from "@grpc/grpc-js";
import {
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  type TraceFlags,
  trace,
} from "@opentelemetry/api";
import { contextOf, PASSED_ON, propagate } from "../../src/telemetry/trace.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

describe("propagate()", () => {
  it("passes every header on that a mesh, or the fleet, joins calls by", () => {
    const incoming = new Metadata();
    for (const name of PASSED_ON) incoming.set(name, `value of ${name}`);
    assert.deepEqual(propagate(incoming), Object.fromEntries(PASSED_ON.map((name) => [name, `value of ${name}`])));
    for (const name of ["traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-b3-sampled", "x-request-id"]) {
      assert(PASSED_ON.includes(name), name);
    }
  });

  it("passes nothing else on", () => {
    const incoming = new Metadata();
    incoming.set("authorization", "secret");
    incoming.set("flotilla-revision", "r2");
    assert.deepEqual(propagate(incoming), {});
    assert.deepEqual(propagate(), {});
  });

  it("joins the parts of a list that came as several headers", () => {
    const incoming = new Metadata();
    incoming.add("baggage", "a=1");
    incoming.add("baggage", "b=2");
    assert.deepEqual(propagate(incoming), { baggage: "a=1,b=2" });
  });

  describe("with OpenTelemetry in the process", () => {
    before(() => {
      propagation.setGlobalPropagator(new TraceparentPropagator());
      context.setGlobalContextManager(new StackContextManager());
    });
    after(() => {
      propagation.disable();
      context.disable();
    });

    it("sends the active span's context, which wins over what came in", () => {
      const incoming = new Metadata();
      incoming.set("traceparent", `00-${TRACE_ID}-0000000000000001-01`);
      incoming.set("x-request-id", "q-1");
      const span = { traceId: TRACE_ID, spanId: "00000000000000aa", traceFlags: 1 as TraceFlags };
      const sent = context.with(trace.setSpanContext(ROOT_CONTEXT, span), () => propagate(incoming));
      assert.deepEqual(sent, { traceparent: `00-${TRACE_ID}-00000000000000aa-01`, "x-request-id": "q-1" });
    });

    it("passes on what came in where no span is active", () => {
      const incoming = new Metadata();
      incoming.set("traceparent", `00-${TRACE_ID}-0000000000000001-01`);
      assert.deepEqual(propagate(incoming), { traceparent: `00-${TRACE_ID}-0000000000000001-01` });
    });

    it("lets a server begin its span where the caller's ends", () => {
      const incoming = new Metadata();
      incoming.set("traceparent", `00-${TRACE_ID}-0000000000000001-01`);
      assert.equal(trace.getSpanContext(contextOf(incoming))?.spanId, "0000000000000001");
    });
  });
});

/** What an SDK's W3C propagator does, as far as these tests need it. */
class TraceparentPropagator implements TextMapPropagator {
  inject: TextMapPropagator["inject"] = (from, carrier, setter) => {
    const span = trace.getSpanContext(from);
    if (span) setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-01`);
  };
  extract: TextMapPropagator["extract"] = (into, carrier, getter) => {
    const [, traceId, spanId] = String(getter.get(carrier, "traceparent") ?? "").split("-");
    return traceId && spanId ? trace.setSpanContext(into, { traceId, spanId, traceFlags: 1 }) : into;
  };
  fields = () => ["traceparent"];
}

/** A context manager for code without a wait in it. */
class StackContextManager implements ContextManager {
  #active: Context = ROOT_CONTEXT;
  active = () => this.#active;
  with: ContextManager["with"] = (inner, run, self, ...args) => {
    const outer = this.#active;
    this.#active = inner;
    try {
      return run.call(self as ThisParameterType<typeof run>, ...args);
    } finally {
      this.#active = outer;
    }
  };
  bind: ContextManager["bind"] = (_bound, target) => target;
  enable = () => this;
  disable = () => this;
}
