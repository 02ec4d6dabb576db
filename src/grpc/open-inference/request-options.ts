import { Fault, invalid } from "../../contract/fault.js";
import type { InferRequest } from "./infer-request.js";
import type { Parameters, ParameterValue } from "./parameters.js";
import { quote } from "./wire-text.js";

/** What the parameters of a request ask for. Those that Flotilla does not know are let through: they are hints. */
export interface RequestOptions {
  /** `timeout`: how long the caller waits, in milliseconds; Infinity where it does not say. */
  readonly timeoutMs: number;
  /** `triton_enable_empty_final_response`: the answer in a stream says that it is the last one for its request. */
  readonly marksFinalResponse: boolean;
}

/**
 * Reads what the parameters ask for, and refuses what would be answered wrongly if it were ignored.
 * @throws Fault UNSUPPORTED, INVALID_INPUT
 */
export function toRequestOptions(request: InferRequest): RequestOptions {
  refuseSequence(request.parameters);
  for (const input of request.inputs) refuseSharedMemory(input.parameters, `input ${quote(input.name)}`);
  for (const output of request.outputs) {
    const where = `output ${quote(output.name)}`;
    refuseSharedMemory(output.parameters, where);
    if (Number(output.parameters.get("classification") ?? 0) !== 0) {
      throw new Fault(
        "UNSUPPORTED",
        `${where}: parameter "classification" is not supported: take the scores and sort them, or call the typed service`,
      );
    }
  }
  return {
    timeoutMs: readTimeout(request.parameters.get("timeout")),
    marksFinalResponse: request.parameters.get("triton_enable_empty_final_response") === true,
  };
}

function refuseSequence(parameters: Parameters): void {
  const id = parameters.get("sequence_id");
  const unset = id === undefined || id === 0n || id === "";
  if (unset && parameters.get("sequence_start") !== true && parameters.get("sequence_end") !== true) return;
  throw new Fault(
    "UNSUPPORTED",
    'parameter "sequence_id": sequences are not supported: send the state as an input, or call PredictStream of the typed service',
  );
}

function refuseSharedMemory(parameters: Parameters, where: string): void {
  if (!parameters.has("shared_memory_region")) return;
  throw new Fault(
    "UNSUPPORTED",
    `${where}: parameter "shared_memory_region": shared memory is not supported: send the contents in the message`,
  );
}

/** Triton counts the time-out in microseconds, and takes 0 for none. */
function readTimeout(value: ParameterValue): number {
  if (value === undefined || value === 0n) return Number.POSITIVE_INFINITY;
  const micros = Number(typeof value === "string" ? Number.NaN : value);
  if (!(micros > 0)) throw invalid(`parameter "timeout": expected microseconds above 0, got ${quote(String(value))}`);
  return micros / 1000;
}
