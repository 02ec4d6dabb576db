import type { FleetSpec } from "../../../src/fleet/spec.js";
import { type Caller, callerObjects } from "./caller.js";
import { apply, kubectl } from "./kubectl.js";
import { moodyFleet } from "./moody-fleet.js";
import { programs } from "./programs.js";

/** The image that the tests' programs run in: the fleet's runtime image. */
export const IMAGE = process.env.FLOTILLA_TEST_IMAGE ?? "localhost/acme/flotilla:0.1.0";

/** What a suite puts on the cluster, and takes away. */
export interface Stage {
  readonly fleet: FleetSpec;
  readonly callers: readonly Caller[];
}

/** Puts a fleet of moody servers and its callers on the cluster, and waits until all of them are ready. */
export async function raise({ fleet, callers }: Stage): Promise<void> {
  const namespaces = [...new Set(callers.map(({ namespace }) => namespace))];
  for (const name of namespaces) {
    const labels = { "istio-injection": "enabled" };
    await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } }, programs(name)]);
  }
  const objects = [...moodyFleet(fleet, IMAGE), ...callers.flatMap((caller) => callerObjects(caller, IMAGE))];
  await apply(objects);
  for (const namespace of [fleet.namespace, ...namespaces]) {
    await kubectl(["rollout", "status", "deployment", "-n", namespace, "--timeout", "180s"]);
  }
}

/** Takes away all that `raise` has put there. */
export async function strike({ fleet, callers }: Stage): Promise<void> {
  const namespaces = [...new Set([fleet.namespace, ...callers.map(({ namespace }) => namespace)])];
  await kubectl(["delete", "namespace", ...namespaces, "--ignore-not-found", "--wait=false"]);
}
