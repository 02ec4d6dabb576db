import { InvalidArgumentError } from "commander";
import type { MethodName } from "../client/find-method.js";

/**
 * Reads `acme.fraud.v1`, `acme.fraud.v1/PredictStream`, `acme.fraud.v1.FraudService/Predict`.
 * @throws InvalidArgumentError
 */
export function parseMethodName(text: string): MethodName {
  const [contract = "", method = "Predict", ...rest] = text.split("/");
  if (!/^\w+(\.\w+)*$/.test(contract) || !/^\w+$/.test(method) || rest.length > 0) {
    throw new InvalidArgumentError("expected a contract or contract/method, such as acme.fraud.v1/Predict");
  }
  return { contract, method };
}
