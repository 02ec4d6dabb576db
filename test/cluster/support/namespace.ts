import { kubectl } from "./kubectl.js";

/** How long a namespace may take to end with all that is in it. */
const END_LIMIT = "120s";

/** Takes a namespace away and waits until it is gone. */
export async function removeNamespace(name: string): Promise<void> {
  await kubectl(["delete", "namespace", name, "--ignore-not-found", `--timeout=${END_LIMIT}`]);
}
