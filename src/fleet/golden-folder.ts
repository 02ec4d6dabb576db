import { join } from "node:path";
import { placeContract } from "../contract/contract-name.js";

/**
 * Absolute folder of a contract's golden cases.
 * @param root absolute folder of the fleet file
 */
export function goldenFolder(root: string, contract: string): string {
  return join(root, "models", placeContract(contract).model, "golden");
}
