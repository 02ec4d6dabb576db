import { tmpdir } from "node:os";
import { parseFleet } from "../../../src/fleet/load.js";
import { serviceName } from "../../../src/fleet/names.js";
import { membersOf, serviceOf } from "../../support/members.js";
import type { Orders } from "./caller.js";
import { CALLERS, raiseCallers } from "./callers.js";
import { fleetObjects, runPrograms } from "./fleet-objects.js";
import { RUNTIME_IMAGE } from "./images.js";
import type { Pods } from "./pods.js";
import { onDemand } from "./stage.js";

const NAMESPACE = "flotilla-test-moody";
const DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

function revision(name: string, pods: number): string {
  return `${name}: { model: ${name}.onnx, sha256: ${DIGEST}, replicas: { min: ${pods}, max: ${pods} } }`;
}

/** A contract for each promise of the mesh. Their pods are small: several of them share a processor. */
const TEXT = `
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: moody, namespace: ${NAMESPACE} }
spec:
  defaults: { deadline: 2s, resources: { cpu: 1, cpuRequest: 10m, memory: 128Mi } }
  contracts:
    - name: moody.split.v1
      callers: [${CALLERS}/listed]
      warmUp: 0ms
      revisions: { ${revision("r1", 1)}, ${revision("r2", 1)} }
      traffic: { r1: 90, r2: 10 }
      cohorts: { beta: r2, half: { r1: 40, r2: 60 } }
    - name: moody.fallback.v1
      callers: [${CALLERS}/listed]
      warmUp: 0ms
      revisions: { ${revision("r0", 1)}, ${revision("r1", 2)} }
      traffic: { r1: 100 }
      fallback: { revision: r0, when: { latencyOver: 100ms, consecutiveErrors: 3 } }
      circuitBreaker: { interval: 1s, ejectFor: 2s }
    - name: moody.retry.v1
      callers: [${CALLERS}/listed]
      warmUp: 0ms
      methods: { PredictStream: { callers: [${CALLERS}/nobody] } }
      revisions: { ${revision("r1", 1)} }
      retries: { attempts: 8, perTry: 200ms }
      # Its only pod fails on purpose, and shall stay in.
      circuitBreaker: { consecutiveErrors: 1000 }
    - name: moody.breaker.v1
      callers: [${CALLERS}/listed]
      warmUp: 0ms
      revisions: { ${revision("r1", 3)} }
      circuitBreaker: { consecutiveErrors: 3, interval: 1s, ejectFor: 5s, maxEjected: 40, maxRequests: 20 }
    - name: moody.shadow.v1
      callers: [${CALLERS}/listed]
      warmUp: 0ms
      revisions: { ${revision("r1", 1)}, ${revision("r2", 1)} }
      traffic: { r1: 100 }
      shadow: { revision: r2, percent: 20 }
    - name: moody.warm.v1
      callers: [${CALLERS}/listed]
      warmUp: 20s
      revisions: { ${revision("r1", 1)} }
`;

/** The fleet of servers whose moods tests set: revisions that are slow or broken on demand, which no model is. */
const { fleet } = parseFleet(TEXT, { file: "moody.yaml", root: tmpdir() });

/** The pods of a contract of the moody fleet, or of one of its revisions. */
export function moody(contract: string, revision?: string): Pods {
  return { namespace: NAMESPACE, contract, ...(revision !== undefined && { revision }) };
}

/** Full path of a contract's method. */
export function pathOf(contract: string, method = "Predict"): string {
  return `/${serviceOf(contract).name}/${method}`;
}

/** What calls of a contract have in common. */
export function ordersFor(contract: string, method = "Predict"): Orders {
  return { target: `${serviceName(contract)}.${NAMESPACE}:8500`, path: pathOf(contract, method) };
}

const raiseFleet = onDemand(async () => {
  const members = membersOf(fleet);
  const objects = fleetObjects(members);
  const paths = members.flatMap(({ service }) => service.methods.map(({ name }) => `/${service.name}/${name}`));
  runPrograms(objects, (_contract, revision) => ({
    image: RUNTIME_IMAGE,
    file: "moody-server.mjs",
    env: { REVISION: revision, PATHS: paths.join() },
  }));
  return { namespaces: [NAMESPACE], objects, callers: [] };
});

/** Puts the moody fleet and its callers on the cluster, for the tests of one file: `before(raiseMoodyFleet)`. */
export async function raiseMoodyFleet(this: Mocha.Context): Promise<void> {
  this.timeout(600_000);
  await Promise.all([raiseCallers(), raiseFleet()]);
}
