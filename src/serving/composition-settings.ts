import type { Contract } from "../contract/contract.js";
import type { CalleeSpec } from "../fleet/composition-budget.js";
import type { ModuleSpec } from "../fleet/spec.js";
import type { RevisionSettings } from "./started-model.js";

/** How one revision is served that is a composition of other contracts. */
export interface CompositionSettings extends RevisionSettings {
  readonly module: ModuleSpec;
  /** Hex digest that the module's sources must have. */
  readonly sha256: string;
  /** What it answers; undefined where the contract could not be read, and nothing is served. */
  readonly service: Contract | undefined;
  /** Of a call whose caller sets no deadline. */
  readonly deadlineMs: number;
  /** What it keeps of each call's deadline for itself. */
  readonly reserveMs: number;
  readonly callees: readonly Callee[];
}

/** A contract that a composition calls. */
export interface Callee extends CalleeSpec {
  /** Undefined where it could not be read; `problem` says why. */
  readonly service: Contract | undefined;
  readonly problem: string | undefined;
}
