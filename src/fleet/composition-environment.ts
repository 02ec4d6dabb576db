import { z } from "zod";
import { type CompositionBudget, compositionBudget } from "./composition-budget.js";
import type { Environment } from "./environment.js";
import { show } from "./findings.js";
import { PORT, serviceHost } from "./names.js";
import { ContractSchema } from "./schema.js";
import { duration } from "./schema-values.js";
import type { ContractSpec, FleetSpec } from "./spec.js";
import { formatMs } from "./units.js";

const Callees = z.record(
  z.string(),
  z.strictObject({ address: z.string(), deadline: duration("above zero"), hopOverhead: duration("above zero") }),
);

const EnvironmentSchema = z.object({
  FLOTILLA_DEADLINE: ContractSchema.shape.deadline,
  FLOTILLA_RESERVE: ContractSchema.shape.reserve,
  FLOTILLA_CALLS: z.string().transform(parseJson).pipe(Callees).optional(),
});

type Variable = keyof typeof EnvironmentSchema.shape;

/** What the server of a composition is told in a cluster: its time, and whom it calls where. */
export function toCompositionEnvironment(fleet: FleetSpec, contract: ContractSpec): Record<Variable, string> {
  const { deadlineMs, reserveMs, callees } = compositionBudget(fleet, contract);
  const calls = callees.map((callee) => [
    callee.contract,
    {
      address: `${serviceHost(callee.contract, fleet.namespace)}:${PORT.grpc}`,
      deadline: formatMs(callee.deadlineMs),
      hopOverhead: formatMs(callee.overheadMs),
    },
  ]);
  return {
    FLOTILLA_DEADLINE: formatMs(deadlineMs),
    FLOTILLA_RESERVE: formatMs(reserveMs),
    FLOTILLA_CALLS: JSON.stringify(Object.fromEntries(calls)),
  };
}

/**
 * A composition's budget as the environment has it: what a variable says goes before the fleet file.
 * @throws Error that names every variable whose value can't be used
 */
export function withCompositionEnvironment(budget: CompositionBudget, environment: Environment): CompositionBudget {
  const read = EnvironmentSchema.safeParse(environment);
  if (!read.success) {
    const problems = read.error.issues.map(({ path: [name, ...rest], message }) => {
      return `${[name, ...rest].join(".")} is wrong in ${show(environment[String(name)])}: ${message}`;
    });
    throw new Error(problems.join("\n"));
  }
  const { FLOTILLA_DEADLINE: deadlineMs, FLOTILLA_RESERVE: reserveMs, FLOTILLA_CALLS: calls } = read.data;
  return {
    deadlineMs: deadlineMs ?? budget.deadlineMs,
    reserveMs: reserveMs ?? budget.reserveMs,
    callees:
      calls === undefined
        ? budget.callees
        : Object.entries(calls).map(([contract, { address, deadline, hopOverhead }]) => {
            return { contract, address, deadlineMs: deadline, overheadMs: hopOverhead };
          }),
  };
}

function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: "custom", message: "expected JSON: contracts with address, deadline and hopOverhead" });
    return z.NEVER;
  }
}
