import assert from "node:assert/strict";
import { bindingChanges } from "../../src/fleet/binding-changes.js";
import { compileProto } from "../support/contract-fixture.js";

const CONTRACT = `syntax = "proto3";
package acme.fraud.v1;
import "flotilla/v1/options.proto";
service FraudService {
  option (flotilla.v1.state) = {input: "h", output: "hn", shape: [2, 1], datatype: DATATYPE_FP32};
  rpc Predict(PredictRequest) returns (PredictResponse);
}
message PredictRequest {
  message Row {
    float amount = 1 [(flotilla.v1.column) = {tensor: "X", index: 0, finite: true}];
    float age = 2 [(flotilla.v1.column) = {tensor: "X", index: 1}];
  }
  repeated Row rows = 1;
  repeated float pixels = 2 [(flotilla.v1.tensor) = {name: "P", shape: [-1, 4]}];
}
message PredictResponse {
  enum Label {
    LABEL_UNSPECIFIED = 0;
    LABEL_FRAUD = 1 [(flotilla.v1.class) = {id: 1}];
  }
  repeated string names = 1 [(flotilla.v1.label) = {tensor: "L", names: ["a", "b"]}];
  Label label = 2;
}
`;

/** Changes that one replacement in the text makes, as `line: message`. */
function changes(from: string, to: string): string[] {
  assert(CONTRACT.includes(from));
  const [before, now] = [CONTRACT, CONTRACT.replace(from, to)].map((text) => compileProto("acme.fraud.v1", text));
  return bindingChanges(before!, now!).map(({ file, line, message }) => {
    assert.equal(file, "acme/fraud/v1/contract.proto");
    return `${line}: ${message}`;
  });
}

describe("bindingChanges()", () => {
  it("finds nothing in what stayed, however it is written", () => {
    assert.deepEqual(changes('{tensor: "X", index: 1}', '{index: 1, tensor: "X"} /* age */'), []);
  });

  const breaking: [string, string, string, string[]][] = [
    [
      "a column that moved",
      '"X", index: 1',
      '"X", index: 2',
      [
        '11: the binding of field "age" of "Row" was column {"tensor":"X","index":1}, and is column {"tensor":"X","index":2}',
      ],
    ],
    [
      "a tensor with another shape",
      "shape: [-1, 4]",
      "shape: [4, -1]",
      [
        '14: the binding of field "pixels" of "PredictRequest" was tensor {"name":"P","shape":["-1","4"]}, and is tensor {"name":"P","shape":["4","-1"]}',
      ],
    ],
    [
      "a value that stands for another class",
      "{id: 1}",
      "{id: 0}",
      ['19: the binding of value "LABEL_FRAUD" of "Label" was class {"id":"1"}, and is class {"id":"0"}'],
    ],
    [
      "names of classes that changed places",
      'names: ["a", "b"]',
      'names: ["b", "a"]',
      [
        '21: the binding of field "names" of "PredictResponse" was label {"tensor":"L","names":["a","b"]}, and is label {"tensor":"L","names":["b","a"]}',
      ],
    ],
    [
      "values that are refused from now on",
      '"X", index: 1',
      '"X", index: 1, finite: true',
      [
        '11: the binding of field "age" of "Row" was column {"tensor":"X","index":1}, and is column {"tensor":"X","index":1,"finite":true}',
      ],
    ],
    [
      "a binding that is gone",
      ' [(flotilla.v1.column) = {tensor: "X", index: 1}]',
      "",
      ['11: the binding of field "age" of "Row" was column {"tensor":"X","index":1}, and is none'],
    ],
    [
      "a state of another size",
      "shape: [2, 1]",
      "shape: [2, 2]",
      [
        '4: the binding of service "FraudService" was state [{"input":"h","output":"hn","shape":["2","1"],"datatype":"DATATYPE_FP32"}], and is state [{"input":"h","output":"hn","shape":["2","2"],"datatype":"DATATYPE_FP32"}]',
      ],
    ],
    [
      "a new input that callers of the release don't send",
      "  repeated Row rows",
      '  repeated float more = 3 [(flotilla.v1.tensor) = {name: "M", shape: [-1]}];\n  repeated Row rows',
      ['13: field "more" of "PredictRequest" is new in a request and bound: callers of the release don\'t send it'],
    ],
  ];
  for (const [what, from, to, expected] of breaking) {
    it(`finds ${what}`, () => assert.deepEqual(changes(from, to), expected));
  }

  const harmless: [string, string, string][] = [
    ["values that were refused and are taken now", ", finite: true", ""],
    ["another class of a response", 'names: ["a", "b"]', 'names: ["a", "b", "c"]'],
    [
      "a new value of an enum",
      "LABEL_UNSPECIFIED = 0;",
      "LABEL_UNSPECIFIED = 0;\n LABEL_GOOD = 2 [(flotilla.v1.class) = {id: 0}];",
    ],
    [
      "a new output",
      "  Label label = 2;",
      '  Label label = 2;\n  repeated float s = 3 [(flotilla.v1.tensor) = {name: "S", shape: [-1]}];',
    ],
    [
      "a new column that may be absent",
      "    float age",
      '    optional float more = 3 [(flotilla.v1.column) = {tensor: "X", index: 2}];\n    float age',
    ],
    [
      "a message that is new as a whole",
      "message PredictResponse",
      'message More { float a = 1 [(flotilla.v1.column) = {tensor: "Z"}]; }\nmessage PredictResponse',
    ],
  ];
  for (const [what, from, to] of harmless) {
    it(`does not mind ${what}`, () => assert.deepEqual(changes(from, to), []));
  }
});
