import { toPascalCase } from "./proto-names.js";

/** The form of a contract's name: words in lower case and a version, joined by points. */
export const CONTRACT_NAME =
  /^[a-z][a-z0-9]*(_[a-z0-9]+)*(\.[a-z][a-z0-9]*(_[a-z0-9]+)*)*\.v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?$/;
/** Packages of others, in which a contract would clash with what is there. */
const TAKEN = ["flotilla", "google", "grpc", "inference", "buf"];

/** Where a contract of some name lies, and what its parts are called. */
export interface ContractPlace {
  /** Protobuf package, `acme.fraud.v1`. */
  readonly name: string;
  /** The model's word in it, `fraud`. */
  readonly model: string;
  /** `FraudService`. */
  readonly service: string;
  /** Folder of its .proto under `proto/`, `acme/fraud/v1`. */
  readonly folder: string;
  /** File name that a new one gets, `fraud_service.proto`. */
  readonly file: string;
}

/** What is wrong with a contract's name, or undefined. */
export function checkContractName(name: string): string | undefined {
  if (!CONTRACT_NAME.test(name)) {
    return `"${name}" is no contract name: expected a protobuf package with a version, in lower case, such as acme.fraud.v1`;
  }
  const [domain] = name.split(".");
  if (TAKEN.includes(domain!)) return `"${name}" is no contract name: the package ${domain} belongs to others`;
  return undefined;
}

/** Where a contract lies. Its name has passed `checkContractName`. */
export function placeContract(name: string): ContractPlace {
  const parts = name.split(".");
  const model = parts.at(-2)!;
  const word = model.replace(/_service$/, "");
  return {
    name,
    model,
    service: `${toPascalCase(word)}Service`,
    folder: parts.join("/"),
    file: `${word}_service.proto`,
  };
}

/** The name of the version after a contract's: `acme.fraud.v2` after `acme.fraud.v1`. */
export function nextVersion(name: string): string {
  return name.replace(/\d+$/, (number) => String(Number(number) + 1));
}
