import assert from "node:assert/strict";
import { ContractError } from "../../src/contract/contract.js";
import { compileContract } from "../support/contract-fixture.js";

const RESPONSE = `message PredictResponse { repeated float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [-1]}]; }
  service TestService { rpc Predict(PredictRequest) returns (PredictResponse); }`;

/** Bodies of contracts that compile and are wrong all the same, and what is said of each. */
const WRONG: [string, string, RegExp][] = [
  [
    "an input that two fields fill",
    `message PredictRequest {
       repeated float a = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1]}];
       repeated float b = 2 [(flotilla.v1.tensor) = {name: "x", shape: [-1]}];
     } ${RESPONSE}`,
    /b: input "x" is bound to "a" already/,
  ],
  [
    "an overlap that is as long as the tensor",
    `message PredictRequest { repeated float a = 1 [(flotilla.v1.tensor) = {name: "x", shape: [1, 64], overlap: 64}]; } ${RESPONSE}`,
    /PredictRequest\.a: overlap 64 needs a fixed last dimension that is larger/,
  ],
  [
    "an overlap over several rows",
    `message PredictRequest { repeated float a = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1, 64], overlap: 8}]; } ${RESPONSE}`,
    /and 1 before it/,
  ],
  [
    "records in a map",
    `message Row { float a = 1 [(flotilla.v1.column) = {tensor: "x", index: 0}]; }
     message PredictRequest { map<int32, Row> rows = 1; } ${RESPONSE}`,
    /PredictRequest\.rows: a map can't hold records/,
  ],
  [
    "a column that no field fills",
    `message Row { float a = 1 [(flotilla.v1.column) = {tensor: "x", index: 2}]; }
     message PredictRequest { repeated Row rows = 1; } ${RESPONSE}`,
    /tensor "x": no field is column 0, 1/,
  ],
  [
    "several free dimensions in a plain field",
    `message PredictRequest { repeated float a = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1, -1]}]; } ${RESPONSE}`,
    /has 2 free dimensions; use a shaped message such as flotilla\.v1\.FloatTensor/,
  ],
  [
    "bytes without a datatype",
    `message PredictRequest { bytes a = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1]}]; } ${RESPONSE}`,
    /a `bytes` tensor needs `datatype`/,
  ],
  [
    "a request that is not bound though the response is",
    `message PredictRequest { float a = 1; } ${RESPONSE}`,
    /PredictRequest: no field is bound to a tensor, though others of the contract are/,
  ],
  [
    "one tensor bound in two ways",
    `message PredictRequest { repeated float a = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1]}]; }
     message PredictResponse {
       repeated float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [-1]}];
       repeated double z = 2 [(flotilla.v1.tensor) = {name: "y", shape: [-1]}];
     }
     service TestService { rpc Predict(PredictRequest) returns (PredictResponse); }`,
    /output "y": bound as FP32\[-1\] and as FP64\[-1\]/,
  ],
  ["no service", "message PredictRequest { float a = 1; }", /expected one service in the package, found 0/],
];

describe("loadContract()", () => {
  for (const [what, body, message] of WRONG) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => compileContract("test.wrong.v1", body),
        (error) => {
          assert(error instanceof ContractError, String(error));
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});
