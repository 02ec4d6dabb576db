import { ApiObject, App, Chart } from "cdk8s";
import { Construct } from "constructs";
import { bridgeMesh } from "../mesh/bridge-mesh.js";
import { contractMesh } from "../mesh/contract-mesh.js";
import { fleetMesh } from "../mesh/fleet-mesh.js";
import type { MeshObject } from "../mesh/mesh-object.js";
import type { Member } from "../src/fleet/members.js";
import { bridgeName, subsetName } from "../src/fleet/names.js";
import type { BridgeSpec, FleetSpec } from "../src/fleet/spec.js";
import { addBridge } from "./bridge-workload.js";
import { addContract } from "./contract-workload.js";
import { contractDelivery } from "./delivery/contract-delivery.js";
import { addFleet } from "./fleet-workload.js";
import { kustomizations } from "./kustomization.js";
import { type Manifest, type ManifestFile, objectFile } from "./manifest-file.js";
import { bridgeMonitoring } from "./monitoring/bridge-monitoring.js";
import { contractMonitoring } from "./monitoring/contract-monitoring.js";
import { fleetMonitoring } from "./monitoring/fleet-monitoring.js";
import { addRevision } from "./revision-workload.js";
import { scaledObjects } from "./scaled-object.js";
import { stubbed } from "./stubbed.js";

export type { Manifest, ManifestFile };

/** Names of files of a contract's folder that are no revision's. */
const OWN_FILES: readonly string[] = ["contract", "kustomization"];

/**
 * All that a cluster needs for a fleet, as files: a folder for what belongs to the fleet as a whole, and one for each
 * contract with a file for each revision, and one with a file for each bridge. The same fleet gives the same bytes.
 * @param members of this fleet
 */
export function synthesize(fleet: FleetSpec, members: readonly Member[]): ManifestFile[] {
  // One chart for all: cdk8s takes far longer over many.
  const chart = new Chart(new App(), "fleet");
  const files = [
    ...fleetFiles(chart, fleet, members),
    ...members.flatMap((member) => contractFiles(chart, member)),
    ...fleet.bridges.flatMap((bridge) => bridgeFile(chart, fleet, bridge)),
  ];
  return [...kustomizations(fleet.name, files), ...files];
}

function fleetFiles(chart: Chart, fleet: FleetSpec, members: readonly Member[]): ManifestFile[] {
  const file = (name: string, fill: (scope: Construct) => void) =>
    fileOf(chart, { fleet: fleet.name, path: `fleet/${name}.yaml` }, fill);
  return [
    ...file("namespace", (scope) => addFleet(scope, fleet)),
    ...file("mesh", (scope) => addObjects(scope, fleetMesh(fleet, members))),
    ...file("monitoring", (scope) => addObjects(scope, fleetMonitoring(fleet))),
  ];
}

function contractFiles(chart: Chart, asked: Member): ManifestFile[] {
  const member = stubbed(asked);
  const { fleet, contract } = member;
  const file = (name: string, fill: (scope: Construct) => void) =>
    fileOf(chart, { fleet: fleet.name, path: `${contract.name}/${name}.yaml` }, fill);
  return [
    ...file("contract", (scope) => {
      addContract(scope, member);
      addObjects(scope, [...contractMesh(member), ...contractMonitoring(member), ...contractDelivery(member)]);
    }),
    ...contract.revisions.flatMap((revision) =>
      file(revisionFile(revision.name), (scope) => addRevision(scope, member, revision)),
    ),
  ];
}

/** No contract's name, and so no folder of one, is `bridges`: it has no version. */
function bridgeFile(chart: Chart, fleet: FleetSpec, bridge: BridgeSpec): ManifestFile[] {
  return fileOf(chart, { fleet: fleet.name, path: `bridges/${bridgeName(bridge.name)}.yaml` }, (scope) => {
    addBridge(scope, fleet, bridge);
    const monitoring = bridgeMonitoring(fleet, bridge);
    addObjects(scope, [...bridgeMesh(fleet, bridge), ...scaledObjects(fleet, bridge), ...monitoring]);
  });
}

/** A revision's name as a file's, on disks that don't tell `R1` from `r1` too. */
function revisionFile(revision: string): string {
  const name = subsetName(revision);
  // No subset's name has an underscore, so that this is no other's.
  return OWN_FILES.includes(name) ? `_${name}` : name;
}

/** The file of what `fill` puts into a scope of its own; no file where that is nothing. */
function fileOf(
  chart: Chart,
  of: { readonly fleet: string; readonly path: string },
  fill: (scope: Construct) => void,
): ManifestFile[] {
  const scope = new Construct(chart, of.path);
  fill(scope);
  const objects = manifestsOf(scope);
  // A thousand contracts' constructs would keep the garbage collector busier than the processor is with making them.
  chart.node.tryRemoveChild(scope.node.id);
  return objects.length === 0 ? [] : [objectFile(of.fleet, of.path, objects)];
}

function addObjects(scope: Construct, objects: readonly MeshObject[]): void {
  for (const object of objects) new ApiObject(scope, `${object.kind}-${object.metadata?.name}`, object);
}

/** What a scope holds, in the order in which it was put there. */
function manifestsOf(scope: Construct): Manifest[] {
  const constructs = scope.node.findAll();
  const problems = constructs.flatMap(({ node }) => node.validate().map((problem) => `${node.path}: ${problem}`));
  if (problems.length > 0) throw new Error(`manifests that cdk8s refuses:\n${problems.join("\n")}`);
  return constructs.filter((construct) => construct instanceof ApiObject).map((object) => object.toJson());
}
