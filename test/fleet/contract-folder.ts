import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A contract's .proto that passes `buf lint`; `amount` is the type of its one column. */
export function fraudProto(options: { amount?: string; more?: string; imports?: string } = {}): string {
  const { amount = "float", more = "", imports = "" } = options;
  return `syntax = "proto3";

package acme.fraud.v1;

import "flotilla/v1/options.proto";
${imports}
service FraudService {
  rpc Predict(PredictRequest) returns (PredictResponse);
}

message Transaction {
  ${amount} amount = 1 [(flotilla.v1.column) = {
    tensor: "X"
    index: 0
  }];
}

message PredictRequest {
  repeated Transaction instances = 1;
}

message Prediction {
  float score = 1 [(flotilla.v1.column) = {tensor: "Y"}];
}

message PredictResponse {
  repeated Prediction predictions = 1;
}
${more}`;
}

/** Where the contract of `fraudProto` has to be. */
export const FRAUD_FILE = "proto/acme/fraud/v1/fraud.proto";

/** A fleet's folder with contracts in it. */
export class ContractFolder {
  // buf and git name files by their real path; a temporary folder may be behind a link.
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "flotilla-contracts-")));

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [file, text] of Object.entries(files)) this.write(file, text);
  }

  /** Writes a file, as if so many seconds from now. */
  write(file: string, text: string, inSeconds = 0): void {
    const path = join(this.root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    const time = new Date(Date.now() + inSeconds * 1000);
    utimesSync(path, time, time);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
