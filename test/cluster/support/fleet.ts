import { tmpdir } from "node:os";
import { parseFleet } from "../../../src/fleet/load.js";
import { serviceName } from "../../../src/fleet/names.js";
import { serviceOf } from "../../support/members.js";
import type { Caller, Orders } from "./caller.js";

const DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

/** A caller that every contract lists, one that none does, and one outside the mesh. */
export const LISTED: Caller = { namespace: "flotilla-callers", name: "listed", sidecar: true };
export const STRANGER: Caller = { namespace: "flotilla-callers", name: "stranger", sidecar: true };
export const OUTSIDER: Caller = { namespace: "flotilla-callers", name: "outsider", sidecar: false };

function revision(name: string, pods: number): string {
  return `${name}: { model: ${name}.onnx, sha256: ${DIGEST}, replicas: { min: ${pods}, max: ${pods} } }`;
}

/** The contracts of the tests, a promise of the mesh each. Their pods are small: several of them share a processor. */
const TEXT = `
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: stage, namespace: flotilla-stage }
spec:
  defaults: { deadline: 2s, resources: { cpu: 1, cpuRequest: 10m, memory: 128Mi } }
  contracts:
    - name: stage.split.v1
      callers: [flotilla-callers/listed]
      warmUp: 0ms
      revisions: { ${revision("r1", 1)}, ${revision("r2", 1)} }
      traffic: { r1: 90, r2: 10 }
      cohorts: { beta: r2 }
    - name: stage.fallback.v1
      callers: [flotilla-callers/listed]
      warmUp: 0ms
      revisions: { ${revision("r0", 1)}, ${revision("r1", 2)} }
      traffic: { r1: 100 }
      fallback: { revision: r0, when: { latencyOver: 100ms, consecutiveErrors: 3 } }
      circuitBreaker: { interval: 1s, ejectFor: 2s }
    - name: stage.retry.v1
      callers: [flotilla-callers/listed]
      warmUp: 0ms
      methods: { PredictStream: { callers: [flotilla-callers/nobody] } }
      revisions: { ${revision("r1", 1)} }
      retries: { attempts: 8, perTry: 200ms }
      # Its only pod fails on purpose, and shall stay in.
      circuitBreaker: { consecutiveErrors: 1000 }
    - name: stage.breaker.v1
      callers: [flotilla-callers/listed]
      warmUp: 0ms
      revisions: { ${revision("r1", 3)} }
      circuitBreaker: { consecutiveErrors: 3, interval: 1s, ejectFor: 5s, maxEjected: 40, maxRequests: 20 }
    - name: stage.shadow.v1
      callers: [flotilla-callers/listed]
      warmUp: 0ms
      revisions: { ${revision("r1", 1)}, ${revision("r2", 1)} }
      traffic: { r1: 100 }
      shadow: { revision: r2, percent: 20 }
`;

/** The fleet that the tests put on the cluster. */
export const { fleet } = parseFleet(TEXT, { file: "stage.yaml", root: tmpdir() });

/** Full path of a contract's method. */
export function pathOf(contract: string, method = "Predict"): string {
  return `/${serviceOf(contract).name}/${method}`;
}

/** What calls of a contract have in common. */
export function ordersFor(contract: string, method = "Predict"): Orders {
  return { target: `${serviceName(contract)}.${fleet.namespace}:8500`, path: pathOf(contract, method) };
}
