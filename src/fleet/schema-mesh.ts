import { z } from "zod";
import { account } from "./schema-cluster.js";
import { count, duration, percent, word } from "./schema-values.js";

/** What the fleet file asks of the mesh for one contract. */

/** What these fields are where the file does not say. Shown to editors, applied by resolve.ts. */
export const MESH_DEFAULTS = {
  streamDeadline: "60m",
  maxRequests: 1024,
  consecutiveErrors: 5,
  interval: "5s",
  ejectFor: "30s",
  maxEjected: 50,
  warmUp: "30s",
  errorRate: 1,
  hopOverhead: "10ms",
} as const;

const callers = (description: string) =>
  z
    .array(account, "expected a list of callers")
    .optional()
    .meta({ description, examples: [["shop/checkout"]] });

/** `callers` of a contract. */
export const CallersSchema = callers("Who may call, as namespace/serviceaccount. In the cluster nobody else gets in.");

/** A method's name. */
export const MethodName = word(/^[A-Z][A-Za-z0-9]*$/, 100, "expected a method's name; write it as Predict");

/** Settings of single methods. */
export const MethodsSchema = z
  .record(
    MethodName,
    z
      .strictObject({
        deadline: duration("above zero").optional().meta({
          description: "How long a call of this method may take. By default the contract's deadline; streams 60m.",
        }),
        callers: callers("Who may call this method, in place of the contract's callers."),
      })
      .meta({ description: "Settings of one method." }),
    "expected methods by name; write PredictStream: { deadline: 10m }",
  )
  .meta({ description: "Methods that have settings of their own, by name." });

/** When a pod gets no more calls, and how many calls a caller may have open. */
export const CircuitBreakerSchema = z
  .strictObject({
    maxRequests: count(1, 1_000_000).optional().meta({
      description: "Calls that one caller's sidecar may have open to the contract. More are refused with UNAVAILABLE.",
      default: MESH_DEFAULTS.maxRequests,
    }),
    consecutiveErrors: count(1, 10_000).optional().meta({
      description: "Failed calls in a row after which a pod gets no more calls for a while.",
      default: MESH_DEFAULTS.consecutiveErrors,
    }),
    interval: duration("above zero").optional().meta({
      description: "How often pods are looked at.",
      default: MESH_DEFAULTS.interval,
    }),
    ejectFor: duration("above zero").optional().meta({
      description: "How long a pod gets no calls, the first time; longer each time.",
      default: MESH_DEFAULTS.ejectFor,
    }),
    maxEjected: count(1, 100).optional().meta({
      description: "Per cent of a revision's pods that may get no calls at a time. With a fallback: 100.",
      default: MESH_DEFAULTS.maxEjected,
    }),
  })
  .meta({ description: "What keeps failing pods and too many calls away from one another." });

/** What the contract promises. */
export const ObjectivesSchema = z
  .strictObject({
    errorRate: percent("above zero").optional().meta({
      description: "Per cent of the calls that may fail by the server's fault before there is an alert.",
      default: MESH_DEFAULTS.errorRate,
    }),
    p99: duration("above zero").optional().meta({
      description: "Time inside the server that 99 of 100 calls stay under. By default the deadline.",
    }),
    hopOverhead: duration("above zero").optional().meta({
      description: "What network and proxies may add to a call, at the 99th percentile.",
      default: MESH_DEFAULTS.hopOverhead,
    }),
  })
  .meta({ description: "What the contract promises. There is an alert for each." });
