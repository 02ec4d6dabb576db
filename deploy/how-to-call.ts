import { relative } from "node:path";
import { fleetManifests } from "../src/cli/fleet-manifests.js";
import type { Member } from "../src/fleet/members.js";
import { PORT, runtimeReference, serviceName, workloadName } from "../src/fleet/names.js";

/** Commands for a shell that call a contract once it runs in a cluster: past the mesh, and as somebody whom it lists. */
function howToCall(member: Member): string {
  const { fleet, contract, callers } = member;
  const request = contract.example === undefined ? "'{}'" : `@${relative(process.cwd(), contract.example)}`;
  const workload = workloadName(contract.name, contract.traffic[0]!.revision);
  const lines = [
    `${contract.name}, past the mesh, from here:`,
    `  kubectl port-forward -n ${fleet.namespace} deployment/${workload} ${PORT.grpc} &`,
    `  npx flotilla call ${contract.name} ${request}`,
  ];
  const [account] = callers.all;
  if (account !== undefined) lines.push("", ...callThroughMesh(member, account));
  return `${lines.join("\n")}\n`;
}

function callThroughMesh({ fleet, contract }: Member, account: string): string[] {
  const [namespace, name] = account.split("/") as [string, string];
  const example = contract.example === undefined ? "/dev/null" : relative(process.cwd(), contract.example);
  const pod = JSON.stringify({ spec: { serviceAccountName: name } });
  return [
    `${contract.name}, through the mesh, as ${account}, whom the fleet file lists:`,
    `  kubectl create namespace ${namespace}`,
    `  kubectl label namespace ${namespace} istio-injection=enabled`,
    `  kubectl create serviceaccount ${name} -n ${namespace}`,
    `  kubectl run ${name} -n ${namespace} --image=${runtimeReference(fleet.images)} --overrides='${pod}' \\`,
    "    --restart=Never --rm -i --quiet --annotations=sidecar.istio.io/nativeSidecar=true -- \\",
    `    call ${contract.name} - --target ${serviceName(contract.name)}.${fleet.namespace}:${PORT.grpc} < ${example}`,
  ];
}

const { members } = await fleetManifests(process.argv[2] ?? "fleet.yaml");
process.stdout.write(howToCall(members[0]!));
