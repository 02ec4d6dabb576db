import { kubectl } from "./kubectl.js";

/** How long a namespace may take to end with all that is in it: its pods drain first. */
const END_LIMIT = "180s";

/** Takes namespaces away and waits until they are gone. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  await kubectl(["delete", "namespace", ...names, "--ignore-not-found", `--timeout=${END_LIMIT}`]);
}
