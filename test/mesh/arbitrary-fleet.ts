import fc from "fast-check";
import { parseFleet } from "../../src/fleet/load.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { ROOT } from "../support/contract-fixture.js";

const DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
const CONTRACTS = ["acme.fraud.v1", "acme.ocr_lines.v2beta1", "acme.voice.v1", `${"acme.long".repeat(9)}.v1`];
const REVISIONS = ["r0", "r1", "2026.11.24", "R2_final", "r-3", "x".repeat(63)];
const CALLERS = ["shop/checkout", "ops/audit", "ops/replay"];

const callers = fc.subarray(CALLERS);

/** Shares in hundredths that add up to 100, of which the first is above zero. */
function shares(count: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(100), { minLength: count - 1, maxLength: count - 1 }).map((cuts) => {
    const sorted = [0, ...cuts.toSorted((a, b) => a - b), 100];
    return sorted.slice(1).map((cut, index) => cut - sorted[index]!);
  });
}

/** Settings of a contract that do not depend on its revisions. */
const settings = {
  callers,
  deadline: fc.constantFrom("5s", "800ms", "2m"),
  retries: fc.option(
    fc.record(
      {
        attempts: fc.nat(3),
        perTry: fc.constantFrom("10ms", "150ms"),
        budget: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
      },
      { requiredKeys: ["attempts", "perTry"] },
    ),
    { nil: undefined },
  ),
  methods: fc.dictionary(
    fc.constantFrom("Predict", "PredictStream"),
    fc.record({ deadline: fc.constantFrom("1s", "10m"), callers }, { requiredKeys: [] }),
  ),
  circuitBreaker: fc.record({ maxRequests: fc.integer({ min: 1, max: 5000 }) }),
  warmUp: fc.constantFrom("0ms", "30s"),
  sampling: fc.constantFrom(0, 1, 12.5),
  ingress: fc.boolean(),
};

/** Revisions, and what names them: the last of several stands by as the fallback and the shadow. */
const revisions = fc.subarray(REVISIONS, { minLength: 1 }).chain((names) => {
  const standby = names.length > 1 ? names.at(-1)! : undefined;
  const active = names.length > 1 ? names.slice(0, -1) : names;
  return fc.record({
    revisions: fc.constant(
      Object.fromEntries(names.map((name, at) => [name, { model: `models/m${at}.onnx`, sha256: DIGEST }])),
    ),
    traffic: shares(active.length).map((all) => Object.fromEntries(active.map((name, at) => [name, all[at]!]))),
    cohorts: fc.dictionary(
      fc.constantFrom("beta", "alpha.1", "Team_7"),
      fc.oneof(
        fc.constantFrom(...names),
        shares(names.length).map((all) => Object.fromEntries(names.map((name, at) => [name, all[at]!]))),
      ),
    ),
    shadow: fc.constantFrom(undefined, ...(standby ? [{ revision: standby, percent: 12.5 }] : [])),
    fallback: fc.constantFrom(
      undefined,
      ...(standby ? [{ revision: standby }, { revision: standby, when: { latencyOver: "120ms" } }] : []),
    ),
  });
});

const contract = fc
  .tuple(fc.record(settings), revisions)
  .map(([own, byRevision]) => ({ ...own, ...byRevision }) as Record<string, unknown>);

const fleetSettings = fc.record({
  telemetry: fc.record({
    tracing: fc.constantFrom({}, { sampling: 5, provider: "otel" }),
    accessLogs: fc.constantFrom("all", "errors", "off"),
    prometheus: fc.constantFrom({}, { scraper: "monitoring/prometheus" }),
  }),
  ingress: fc.constantFrom("istio", "gateway-api").map((via) => {
    return { via, host: "models.example.com", tls: { secret: "models-tls" } };
  }),
});

/** Fleets of one to four contracts, each of which may call those before it. */
export const arbitraryFleet: fc.Arbitrary<FleetSpec> = fc
  .tuple(
    fleetSettings,
    fc.boolean(),
    fc.array(fc.tuple(contract, fc.boolean()), { minLength: 1, maxLength: CONTRACTS.length }),
  )
  .map(([spec, released, contracts]) => {
    const named = contracts.map(([fields, callsOthers], at) => {
      return { name: CONTRACTS[at], calls: callsOthers ? CONTRACTS.slice(0, at) : [], ...fields };
    });
    // Every contract is in both, so that each has those that it calls.
    const releases = Object.fromEntries(
      [0, -1].map((at) => {
        const held = contracts.map(([{ revisions }], index) => [CONTRACTS[index], Object.keys(revisions!).at(at)]);
        return [`release${at}`, Object.fromEntries(held)];
      }),
    );
    const file = {
      apiVersion: "flotilla.dev/v1",
      kind: "Fleet",
      metadata: { name: "payments", namespace: "models" },
      spec: { ...spec, contracts: named, ...(released && { releases }) },
    };
    // JSON is YAML.
    return parseFleet(JSON.stringify(file), { file: "fleet.yaml", root: ROOT }).fleet;
  });
