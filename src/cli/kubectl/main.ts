import { runCommands } from "../run-commands.js";
import { KUBECTL_COMMANDS } from "./commands.js";

const NOTES = `
It talks to the API server alone, and has no part of its own in the cluster: what it knows is kept in annotations of each
contract's VirtualService. Whatever changes traffic shows the change and asks first; --dry-run changes nothing.

Examples:
  kubectl flotilla status -n models
  kubectl flotilla canary acme.tumor.v1 r2 5
  kubectl flotilla rollback acme.tumor.v1`;

/** Runs the command line of the kubectl plugin. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. */
export function kubectlMain(argv: readonly string[]): Promise<void> {
  const description = "Read and steer the traffic of a fleet of models.";
  return runCommands({ name: "kubectl flotilla", description, commands: KUBECTL_COMMANDS, notes: NOTES }, argv);
}
