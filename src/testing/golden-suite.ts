import { existsSync } from "node:fs";
import { goldenFolder } from "../fleet/golden-folder.js";
import { contractImage } from "../fleet/protos.js";
import { type GoldenCase, readGoldenCases } from "./golden-case.js";

/** A contract's golden cases, read and checked against it. */
export interface GoldenSuite {
  readonly contract: string;
  /** Absolute folder they are in. */
  readonly folder: string;
  readonly cases: readonly GoldenCase[];
}

/**
 * Reads a contract's golden cases from the folder of its fleet file. There may be none.
 * @param root absolute folder of the fleet file
 * @throws Error that names the file and what is wrong with it; FleetError with what is wrong in the .proto
 */
export async function openGoldenSuite(root: string, contract: string): Promise<GoldenSuite> {
  const folder = goldenFolder(root, contract);
  // Without cases nobody needs the contract compiled.
  if (!existsSync(folder)) return { contract, folder, cases: [] };
  return { contract, folder, cases: readGoldenCases(root, contract, await contractImage(root, contract)) };
}
