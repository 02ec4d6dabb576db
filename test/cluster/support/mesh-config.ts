import { parse, stringify } from "yaml";
import { get, kubectl } from "./kubectl.js";
import { COLLECTOR, SPANS, TRACING_PROVIDER } from "./live-fleet.js";
import { undoLater } from "./undo.js";

const CONFIG = ["configmap", "istio", "-n", "istio-system"];

interface MeshConfig {
  extensionProviders?: { readonly name: string }[];
}

/**
 * Names the tests' collector to Istio as a place for spans, which is a matter of the mesh's own configuration, as an
 * operator does it once. Istio reads it within seconds. The entry is taken out again in the end.
 */
export async function addTracingProvider(): Promise<void> {
  const provider = {
    name: TRACING_PROVIDER,
    opentelemetry: { service: `${COLLECTOR}.${SPANS}.svc.cluster.local`, port: 4317 },
  };
  undoLater(`taking ${TRACING_PROVIDER} out of Istio's configuration`, () => setProviders([]));
  await setProviders([provider]);
}

/** Leaves everybody else's as they are. */
async function setProviders(own: readonly { readonly name: string }[]): Promise<void> {
  const { data } = await get<{ data: { mesh: string } }>(CONFIG);
  const mesh = parse(data.mesh) as MeshConfig;
  const others = (mesh.extensionProviders ?? []).filter(({ name }) => name !== TRACING_PROVIDER);
  const extensionProviders = [...others, ...own];
  if (extensionProviders.length > 0) mesh.extensionProviders = extensionProviders;
  else delete mesh.extensionProviders;
  const patch = JSON.stringify({ data: { mesh: stringify(mesh) } });
  await kubectl(["patch", ...CONFIG, "--type=merge", "-p", patch]);
}
