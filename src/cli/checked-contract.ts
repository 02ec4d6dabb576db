import type { Finding, PathStep } from "../fleet/findings.js";
import type { ContractSpec } from "../fleet/spec.js";

/** One contract under check, and how a finding about it is made. */
export interface Checked {
  readonly spec: ContractSpec;
  readonly root: string;
  /** Problems of the models, by path, that end the process which loads them. */
  readonly fatal: ReadonlyMap<string, Error>;
  /** A finding at a place below the contract in the fleet file. */
  readonly findingAt: (path: readonly PathStep[], message: string, fix?: string) => Finding;
}
