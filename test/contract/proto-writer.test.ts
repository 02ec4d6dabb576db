import assert from "node:assert/strict";
import fc from "fast-check";
import { compareSignatures } from "../../src/contract/compatibility.js";
import { loadContract } from "../../src/contract/contract.js";
import { DATATYPES } from "../../src/contract/datatype.js";
import { readOnnx } from "../../src/contract/onnx.js";
import { type ContractDraft, DraftError } from "../../src/contract/proto-draft.js";
import { writeContract } from "../../src/contract/proto-writer.js";
import type { TensorSpec } from "../../src/contract/signature.js";
import { buildWithBuf } from "../support/buf-workspace.js";
import { classifierModel, identityModel, model } from "../support/onnx-builder.js";
import type { Dimension } from "../support/onnx-encoder.js";
import { exportSklearnModels } from "../support/sklearn.js";

type Choices = Partial<Omit<ContractDraft, "model">>;

function draft(bytes: Uint8Array, choices: Choices = {}): ContractDraft {
  return { name: "acme.fraud.v1", source: "fraud.onnx", model: readOnnx(bytes), ...choices };
}

/** A draft of a model whose outputs are its inputs. */
function identity(inputs: readonly TensorSpec[], choices: Choices = {}): ContractDraft {
  return draft(identityModel({ inputs }), choices);
}

/** A draft whose signature is as given: what no model at hand has. */
function signed(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], choices: Choices = {}): ContractDraft {
  const signature = { inputs, outputs };
  const found = { signature, dimensions: new Map(), classes: new Map(), producer: "" };
  return { name: "acme.fraud.v1", source: "fraud.onnx", model: found, ...choices };
}

/** Writes drafts under names of their own, has buf check them all, and binds each to its model's signature. */
function checkContracts(drafts: readonly ContractDraft[]): void {
  const named = drafts.map((each, index) => ({ ...each, name: `acme.case${index}.v1` }));
  const image = buildWithBuf(named.map((each) => ({ name: each.name, text: writeContract(each) })));
  for (const { name, model } of named) {
    const { signature } = loadContract(image, name);
    assert(signature, `${name} binds nothing`);
    assert.deepEqual(compareSignatures(signature, model.signature), [], name);
  }
}

/** Lines of a contract that declare fields and enum values, without their options and the binding's tail. */
function declarations(text: string): string[] {
  return [...text.matchAll(/^ {2}(?!rpc|\/\/)(?:([\w.]+(?: \w+)+) = \d+|}];)/gm)].flatMap((match) => match[1] ?? []);
}

function fieldsOf(text: string, message: string): string[] {
  const body = new RegExp(`^message ${message} \\{$(.*?)^\\}$`, "ms").exec(text)?.[1] ?? "";
  return declarations(body);
}

const tensors = (shape: readonly number[]) => DATATYPES.map((datatype) => ({ name: datatype, datatype, shape }));

describe("writeContract()", () => {
  it("writes records that read as if a person wrote them", () => {
    const bytes = classifierModel({ classes: ["legit", "fraud"], columns: 2 });
    assert.equal(
      writeContract(draft(bytes, { columns: ["amount", "Class"] })),
      `syntax = "proto3";

// The contract of the fraud models, first written for fraud.onnx (flotilla-test).
package acme.fraud.v1;

import "flotilla/v1/options.proto";

// FraudService answers with the models of acme.fraud.v1.
service FraudService {
  // Predict gives one prediction for each instance of the request, in the same order.
  rpc Predict(PredictRequest) returns (PredictResponse);
}

// PredictRequest holds the instances to predict for.
message PredictRequest {
  // One or more instances.
  repeated Instance instances = 1;
}

// PredictResponse holds the answers to one request.
message PredictResponse {
  // One prediction for each instance, in the same order.
  repeated Prediction predictions = 1;
}

// Instance is one row of the model's input.
message Instance {
  float amount = 1 [(flotilla.v1.column) = {
    tensor: "X"
    index: 0
  }];
  // Column "Class".
  float class_value = 2 [(flotilla.v1.column) = {
    tensor: "X"
    index: 1
  }];
}

// Prediction is the model's answer to one instance.
message Prediction {
  // Class of the row.
  Label label = 1 [(flotilla.v1.label) = {tensor: "label"}];
  // Probability of class "legit".
  float probability_legit = 2 [(flotilla.v1.column) = {
    tensor: "probabilities"
    index: 0
  }];
  // Probability of class "fraud".
  float probability_fraud = 3 [(flotilla.v1.column) = {
    tensor: "probabilities"
    index: 1
  }];
}

// Label is what the model takes a row for.
enum Label {
  // A class that this contract does not name.
  LABEL_UNSPECIFIED = 0;
  LABEL_LEGIT = 1 [(flotilla.v1.class) = {name: "legit"}];
  LABEL_FRAUD = 2 [(flotilla.v1.class) = {name: "fraud"}];
}
`,
    );
  });

  it("writes tensors that read as if a person wrote them", () => {
    const inputs = [
      { name: "input_ids", datatype: "INT64", shape: ["batch", 128] },
      { name: "pixels:0", datatype: "FP32", shape: ["batch", 3, -1, -1] },
      { name: "threshold", datatype: "FP32", shape: [] },
    ] as const;
    const outputs = [{ name: "p2o.y", datatype: "UINT8", shape: [2, 2] }] as const;
    assert.equal(
      writeContract(draft(model({ inputs, outputs, nodes: [] }), { name: "acme.picture_search.v2" })),
      `syntax = "proto3";

// The contract of the picture search models, first written for fraud.onnx (flotilla-test). Whole numbers are varints on
// the wire: small ones take few bytes.
package acme.picture_search.v2;

import "flotilla/v1/options.proto";
import "flotilla/v1/tensor.proto";

// PictureSearchService answers with the models of acme.picture_search.v2.
service PictureSearchService {
  // Predict runs the model once.
  rpc Predict(PredictRequest) returns (PredictResponse);
}

// PredictRequest holds the model's input.
message PredictRequest {
  // Values of shape [batch, 128], in row-major order; batch follows from how many there are, 128 for each.
  repeated int64 input_ids = 1 [(flotilla.v1.tensor) = {
    name: "input_ids"
    shape: [
      -1,
      128
    ]
  }];
  // A tensor that says its own shape, [batch, 3, n, m].
  flotilla.v1.FloatTensor pixels = 2 [(flotilla.v1.tensor) = {
    name: "pixels:0"
    shape: [
      -1,
      3,
      -1,
      -1
    ]
  }];
  // One value.
  float threshold = 3 [(flotilla.v1.tensor) = {name: "threshold"}];
}

// PredictResponse holds the model's output.
message PredictResponse {
  // 4 UINT8 values, one byte each, of shape [2, 2], in row-major order.
  bytes p2o_y = 1 [(flotilla.v1.tensor) = {
    name: "p2o.y"
    shape: [
      2,
      2
    ]
    datatype: DATATYPE_UINT8
  }];
}
`,
    );
  });

  it("writes contracts that buf takes and that fit their model, for every datatype, shape and style", function () {
    this.timeout(30_000);
    const shapes = [[], [1], [-1], [-1, 3], [3, 4], [-1, 1], [2, -1, 5], [-1, -1], [-1, -1, 7], [1, 1, 1]];
    const columns = tensors([-1, 1]).filter(({ datatype }) => datatype !== "FP16");
    const rows = tensors([-1, 4]).filter(({ datatype }) => datatype !== "FP16" && datatype !== "BYTES");
    const classifier = (classes: number[] | string[]) => classifierModel({ classes, columns: 3 });
    const many = Array.from({ length: 12 }, (_, index) => `kind ${index}`);
    checkContracts([
      ...shapes.flatMap((shape) => [identity(tensors(shape)), identity(tensors(shape), { integers: "fixed" })]),
      identity(columns),
      identity(columns, { integers: "fixed" }),
      identity(rows, { style: "record" }),
      identity(rows, { columns: rows.flatMap(({ name }) => [0, 1, 2, 3].map((index) => `${name} ${index}`)) }),
      ...[[0, 1], ["a", "b"], [3, 5, 9], many].map((classes) => draft(classifier(classes as number[]))),
      draft(classifier([0, 1]), { labels: ["legit", "fraud"] }),
      draft(classifier(many), { style: "record" }),
      draft(classifier(Array.from({ length: 150 }, (_, index) => index)), {
        labels: [...Array(150).keys()].map(String),
      }),
      draft(classifier([...Array(150).keys()].map((index) => `class ${index}`))),
      signed([tensors([-1, 3])[10]!], [{ name: "logits", datatype: "FP64", shape: [-1, 2] }], {
        labels: ["no", "yes"],
      }),
      signed([tensors([-1, 3])[10]!], [{ name: "label", datatype: "INT32", shape: [-1] }], { labels: ["no", "yes"] }),
    ]);
  });

  it("writes a contract that fits its model whatever the model's names and shapes are", function () {
    this.timeout(60_000);
    const name = fc.oneof(
      fc.string({ minLength: 1, unit: "binary" }),
      fc.string({ minLength: 1, unit: "grapheme-ascii" }),
      fc.constantFrom("x", "X", "x_1", "x1", "x:0", "0"),
    );
    const shape = fc.array(fc.constantFrom<number>(-1, 1, 2, 5), { maxLength: 4 });
    const spec = fc.record({ name, datatype: fc.constantFrom(...DATATYPES), shape });
    const specs = fc.uniqueArray(spec, { selector: (each) => each.name, minLength: 1, maxLength: 12 });
    const labels = fc.option(fc.uniqueArray(name, { minLength: 2, maxLength: 5 }), { nil: undefined });
    const drafts = fc.record({
      inputs: specs,
      outputs: specs,
      labels,
      style: fc.constantFrom("record", "tensor", undefined),
      integers: fc.constantFrom("fixed", "varint"),
    });
    fc.assert(
      fc.property(fc.array(drafts, { minLength: 60, maxLength: 60 }), (cases) => {
        const written = cases
          .map(({ inputs, outputs, ...choices }) => signed(inputs, outputs, choices as Choices))
          .filter((each) => !isRefused(each));
        checkContracts(written);
        return written.length > 0;
      }),
      // Each run is a workspace of many contracts: buf takes as long for one as for all. Shrinking would take minutes.
      { numRuns: 4, endOnFailure: true },
    );
  });

  it("finds Flotilla's options from packages with that word in their own name", () => {
    for (const name of ["acme.flotilla.v1", "acme.flotilla.models.v1"]) {
      const inputs = ["x", "pair"].map((each) => ({ name: each, datatype: "FP32", shape: [-1, -1] }) as const);
      const text = writeContract(identity(inputs, { name }));
      assert(loadContract(buildWithBuf([{ name, text }]), name).signature, name);
    }
  });

  it("leaves the messages of a transform to its author", () => {
    const text = writeContract(draft(classifierModel({ classes: [0, 1], columns: 3 }), { transform: true }));
    const image = buildWithBuf([{ name: "acme.fraud.v1", text }]);
    assert.equal(loadContract(image, "acme.fraud.v1").signature, undefined);
    assert.match(text, /^message PredictRequest \{\}$/m);
    assert.match(text, /"X"\s(\/\/ )?FP32\[-1, 3\]/);
    assert.doesNotMatch(text, /import/);
  });

  it("writes a request and response of its own for a model of several inputs that are columns", () => {
    const inputs = ["amount", "age"].map((name) => ({ name, datatype: "FP32", shape: [-1, 1] }) as const);
    assert.deepEqual(fieldsOf(writeContract(identity(inputs)), "Instance"), ["float amount", "float age"]);
    assert.deepEqual(fieldsOf(writeContract(identity(inputs, { style: "tensor" })), "PredictRequest"), [
      "repeated float amount",
      "repeated float age",
    ]);
  });

  it("does not take inputs for columns whose rows the model counts apart", () => {
    const port = (name: string, rows: Dimension) => ({ name, datatype: "FP32", shape: [rows, 1] }) as const;
    const inputs = [port("words", "word_count"), port("letters", "letter_count")];
    const text = writeContract(draft(identityModel({ inputs })));
    assert.deepEqual(fieldsOf(text, "PredictRequest"), ["repeated float words", "repeated float letters"]);
  });
});

function isRefused(each: ContractDraft): boolean {
  try {
    writeContract(each);
    return false;
  } catch (error) {
    if (error instanceof DraftError) return true;
    throw error;
  }
}

describe("writeContract() of names", () => {
  /** The field names that inputs, or columns, of these names get. */
  function namesOf(names: readonly string[], kind: "input" | "column"): string[] {
    const scalar = names.map((name) => ({ name, datatype: "FP32", shape: [] }) as const);
    const table = { name: "X", datatype: "FP32", shape: [-1, names.length] } as const;
    const text =
      kind === "input"
        ? writeContract(identity(scalar))
        : writeContract(identity([table], { columns: names, style: "record" }));
    return fieldsOf(text, kind === "input" ? "PredictRequest" : "Instance").map((line) => line.split(" ").at(-1)!);
  }

  it("keeps the names that people gave", () => {
    const names = ["amount", "sepal length (cm)", "sepalWidth", "PAY_0", "V1", "HTTPCode", "âge", "Größe"];
    assert.deepEqual(namesOf(names, "column"), [
      "amount",
      "sepal_length_cm",
      "sepal_width",
      "pay_0",
      "v1",
      "http_code",
      "age",
      "grosse",
    ]);
  });

  it("cleans the names that exporters make", () => {
    const names = ["softmax_11.tmp_0", "input:0", "p2o.x", "StatefulPartitionedCall:1", "/encoder/layer.0/out", "625"];
    assert.deepEqual(namesOf(names, "input"), [
      "softmax_11_tmp_0",
      "input",
      "p2o_x",
      "stateful_partitioned_call_1",
      "encoder_layer_0_out",
      "input_625",
    ]);
  });

  it("finds names for what has none in Latin letters", () => {
    assert.deepEqual(namesOf(["価格", "0", "1st", "__", "λ2"], "column"), [
      "column_0",
      "column_0_2",
      "column_1st",
      "column_3",
      "column_2",
    ]);
  });

  it("tells names apart that become one, in JSON too", () => {
    assert.deepEqual(namesOf(["a b", "a_b", "A.B", "ab"], "input"), ["a_b", "a_b_2", "a_b_3", "ab_4"]);
    assert.deepEqual(namesOf(["x_1", "x1"], "input"), ["x_1", "x1_2"]);
  });

  it("avoids what a caller's language can't say", () => {
    assert.deepEqual(namesOf(["class", "from", "lambda", "constructor", "toString", "max"], "input"), [
      "class_value",
      "from_value",
      "lambda_value",
      "constructor_value",
      "to_string_value",
      "max",
    ]);
  });

  it("keeps a name from ending a comment or a string", () => {
    const evil = 'a\nmessage Evil {}\u2028"\\';
    const spec = { name: evil, datatype: "FP32", shape: [-1, 2] } as const;
    const text = writeContract(identity([spec], { columns: [evil, "class"] }));
    assert.doesNotMatch(text, /^message Evil/m);
    const { signature } = loadContract(buildWithBuf([{ name: "acme.fraud.v1", text }]), "acme.fraud.v1");
    assert.deepEqual(signature?.inputs, [spec]);
  });
});

describe("writeContract() of classes", () => {
  const binary = classifierModel({ classes: [0, 1], columns: 3 });

  it("names the classes that the model only numbers", () => {
    const text = writeContract(draft(binary, { labels: ["legit", "New York"] }));
    assert.match(text, /LABEL_LEGIT = 1 \[\(flotilla.v1.class\) = \{id: 0\}\];/);
    assert.match(text, /LABEL_NEW_YORK = 2 \[\(flotilla.v1.class\) = \{id: 1\}\];/);
    assert.deepEqual(fieldsOf(text, "Prediction"), [
      "Label label",
      "float probability_legit",
      "float probability_new_york",
    ]);
  });

  it("gives the model's own numbers where nobody names them", () => {
    const text = writeContract(draft(classifierModel({ classes: [3, 5], columns: 3 })));
    assert.deepEqual(fieldsOf(text, "Prediction"), ["int64 label", "float probability_3", "float probability_5"]);
    assert.match(text, /Class of the row, one of 3, 5\./);
  });

  it("binds ids that do not start at 0 by the id", () => {
    const text = writeContract(draft(classifierModel({ classes: [3, 5], columns: 3 }), { labels: ["a", "b"] }));
    assert.match(text, /LABEL_A = 1 .*\{id: 3\}/);
    assert.match(text, /LABEL_B = 2 .*\{id: 5\}/);
  });

  it("gives the whole row where the classes are many", () => {
    const classes = Array.from({ length: 11 }, (_, index) => `kind ${index}`);
    const text = writeContract(draft(classifierModel({ classes, columns: 3 })));
    assert.deepEqual(fieldsOf(text, "Prediction"), ["Label label", "repeated float probabilities"]);
    assert.match(text, /in the order of the model: kind 0, [^.]* and 1 more\./);
  });

  it("takes the best of the scores where the model gives no class", () => {
    const x = { name: "x", datatype: "FP32", shape: [-1, 3] } as const;
    const scores = { name: "softmax_0.tmp_0", datatype: "FP32", shape: [-1, 2] } as const;
    const text = writeContract(signed([x], [scores], { labels: ["up", "down"] }));
    assert.deepEqual(fieldsOf(text, "Prediction"), ["Label label", "float score_up", "float score_down"]);
    assert.match(text, /argmax: true/);
  });

  it("tells classes apart whose names become one", () => {
    const labels = ["a-b", "A B", "unspecified", "価"];
    const text = writeContract(draft(classifierModel({ classes: labels, columns: 4 })));
    const values = [...text.matchAll(/(LABEL_\w+) = (\d)/g)].map((match) => match[1]);
    assert.deepEqual(values, ["LABEL_UNSPECIFIED", "LABEL_A_B", "LABEL_A_B_2", "LABEL_UNSPECIFIED_2", "LABEL_CLASS_3"]);
  });

  it("keeps outputs that are no rows beside the predictions", () => {
    const x = { name: "x", datatype: "FP32", shape: [-1, 3] } as const;
    const outputs: TensorSpec[] = [
      { name: "label", datatype: "INT64", shape: [-1] },
      { name: "attention", datatype: "FP32", shape: [-1, 4, 4] },
    ];
    const text = writeContract(signed([x], outputs, { labels: ["a", "b"] }));
    assert.deepEqual(fieldsOf(text, "PredictResponse"), [
      "repeated Prediction predictions",
      "repeated float attention",
    ]);
  });
});

describe("writeContract() refuses", () => {
  const x: TensorSpec = { name: "x", datatype: "FP32", shape: [-1, 3] };
  const y: TensorSpec = { name: "y", datatype: "FP32", shape: [-1, 2] };
  const picture: TensorSpec = { name: "x", datatype: "FP32", shape: [-1, 3, 8, 8] };
  const CASES: readonly (readonly [string, ContractDraft, RegExp])[] = [
    [
      "columns that are too few",
      signed([x], [y], { columns: ["a"] }),
      /names 1 columns, the model has 3: "x" FP32\[-1, 3\]/,
    ],
    ["a column named twice", signed([x], [y], { columns: ["a", "b", "a"] }), /--columns names "a" twice/],
    ["columns of tensors", signed([x], [y], { columns: ["a", "b", "c"], style: "tensor" }), /leave --style tensor out/],
    [
      "records of pictures",
      signed([picture], [y], { style: "record" }),
      /input "x" is FP32\[-1, 3, 8, 8\]: a record needs rows/,
    ],
    [
      "records of one fixed row",
      signed([{ ...x, shape: [1, 3] }], [y], { style: "record" }),
      /need a free first dimension/,
    ],
    ["records of FP16", signed([{ ...x, datatype: "FP16" }], [y], { style: "record" }), /no type for FP16 columns/],
    ["records of unnamed texts", signed([{ ...x, datatype: "BYTES" }], [y], { style: "record" }), /give --columns/],
    [
      "records without end",
      signed([{ ...x, shape: [-1, 3000] }], [y], { style: "record" }),
      /3000 columns are more than/,
    ],
    [
      "labels that are too many",
      signed([x], [y], { labels: ["a", "b", "c"] }),
      /names 3 classes, and no output .*"y" FP32\[-1, 2\]/,
    ],
    ["a class named twice", signed([x], [y], { labels: ["a", "a"] }), /names a class twice/],
    [
      "labels that the model's classes outnumber",
      draft(classifierModel({ classes: [1, 2, 3], columns: 3 }), { labels: ["a", "b"] }),
      /names 2 classes, the model has 3 in "label": 1, 2, 3/,
    ],
    ["a model with nothing to send", signed([], [y]), /the model has no input/],
  ];
  for (const [what, each, message] of CASES) {
    it(what, () => {
      assert.throws(
        () => writeContract(each),
        (error) => error instanceof DraftError && message.test(error.message),
      );
    });
  }
});

describe("writeContract() of scikit-learn's models, as skl2onnx exports them", function () {
  this.timeout(60_000);
  let read: ReturnType<typeof exportSklearnModels>;
  before(() => {
    read = exportSklearnModels();
  });

  it("writes contracts that buf takes and that fit their model", () => {
    const plain = ["logistic-ids", "forest-names", "boosting-names", "neighbours-ids", "perceptron-names"] as const;
    const columns = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"];
    checkContracts([
      ...[...plain, "pipeline-names", "regression", "data-frame"].map((name) => draft(read(name as "regression"))),
      ...plain.map((name) => draft(read(name), { columns })),
      draft(read("logistic-ids"), { columns, labels: ["setosa", "versicolor", "virginica"] }),
    ]);
  });

  it("finds the classes of every kind of classifier", () => {
    for (const name of ["forest-names", "boosting-names", "perceptron-names", "pipeline-names"] as const) {
      const text = writeContract(draft(read(name)));
      assert.match(text, /LABEL_SETOSA = 1 .*\n.*LABEL_VERSICOLOR = 2 .*\n.*LABEL_VIRGINICA = 3/, name);
    }
    assert.match(writeContract(draft(read("neighbours-ids"))), /Class of the row, one of 0, 1, 2\./);
  });

  it("makes a record of a data frame", () => {
    const text = writeContract(draft(read("data-frame")));
    assert.deepEqual(fieldsOf(text, "Instance"), ["float amount", "string country", "int64 age"]);
    assert.deepEqual(fieldsOf(text, "Prediction"), [
      "Label label",
      "float probability_fraud",
      "float probability_legit",
    ]);
  });

  it("makes one number of a regression", () => {
    const text = writeContract(draft(read("regression"), { style: "record" }));
    assert.deepEqual(fieldsOf(text, "Prediction"), ["float variable"]);
  });

  it("says of ZipMap how to export without it", () => {
    assert.throws(() => readOnnx(read("logistic-zipmap")), /zipmap=False/);
  });
});
