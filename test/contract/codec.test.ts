import assert from "node:assert/strict";
import type { JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { Contract } from "../../src/contract/contract.js";
import { createDecoder } from "../../src/contract/decoder.js";
import { createEncoder } from "../../src/contract/encoder.js";
import { Fault } from "../../src/contract/fault.js";
import { MAX_RECORDS } from "../../src/contract/record-decoder.js";
import type { Tensor } from "../../src/contract/tensor.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";

/** A contract whose response holds the same field as its request, so that each kind can be sent both ways. */
function echo(packageName: string, field: string, messages = ""): { contract: Contract; json: JsonCodec } {
  const output = field.replaceAll('"in"', '"out"');
  const contract = compileContract(
    packageName,
    `${messages}
     message PredictRequest { ${field} }
     message PredictResponse { ${output} }
     service EchoService { rpc Predict(PredictRequest) returns (PredictResponse); }`,
  );
  return { contract, json: new JsonCodec(contract.image) };
}

function decode({ contract, json }: ReturnType<typeof echo>, request: JsonValue): Tensor[] {
  return decodeBytes(contract, json.encode(`${contract.name}.PredictRequest`, request));
}

function decodeBytes(contract: Contract, bytes: Buffer<ArrayBuffer>): Tensor[] {
  return createDecoder(contract.methods[0]!.request, contract.signature!)(new Uint8Array(bytes));
}

/** Sends a request's tensors back as the response. */
function roundTrip(fixture: ReturnType<typeof echo>, request: JsonValue): JsonValue {
  const outputs = decode(fixture, request).map((tensor) => ({ ...tensor, name: "out" }));
  const bytes = createEncoder(fixture.contract.methods[0]!.response)(outputs);
  return fixture.json.decode(`${fixture.contract.name}.PredictResponse`, bytes);
}

function fault(reason: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof Fault, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    return true;
  };
}

const KINDS: { type: string; binding?: string; datatype: string; values: JsonValue[] }[] = [
  { type: "float", datatype: "FP32", values: [0, -1.5, 3.4028234663852886e38] },
  { type: "double", datatype: "FP64", values: [0, -1.5, 1e300] },
  { type: "int32", datatype: "INT32", values: [0, -1, 2147483647, -2147483648] },
  { type: "sint32", datatype: "INT32", values: [0, -1, 2147483647, -2147483648] },
  { type: "sfixed32", datatype: "INT32", values: [0, -1, 2147483647, -2147483648] },
  { type: "uint32", datatype: "UINT32", values: [0, 1, 4294967295] },
  { type: "fixed32", datatype: "UINT32", values: [0, 1, 4294967295] },
  { type: "int64", datatype: "INT64", values: ["0", "-1", "9223372036854775807", "-9223372036854775808"] },
  { type: "sint64", datatype: "INT64", values: ["0", "-1", "9223372036854775807", "-9223372036854775808"] },
  { type: "sfixed64", datatype: "INT64", values: ["0", "-1", "9223372036854775807", "-9223372036854775808"] },
  { type: "uint64", datatype: "UINT64", values: ["0", "1", "18446744073709551615"] },
  { type: "fixed64", datatype: "UINT64", values: ["0", "1", "18446744073709551615"] },
  { type: "int32", binding: ", datatype: DATATYPE_INT8", datatype: "INT8", values: [0, -128, 127] },
  { type: "sint32", binding: ", datatype: DATATYPE_INT16", datatype: "INT16", values: [0, -32768, 32767] },
  { type: "uint32", binding: ", datatype: DATATYPE_UINT8", datatype: "UINT8", values: [0, 255] },
  { type: "uint32", binding: ", datatype: DATATYPE_UINT16", datatype: "UINT16", values: [0, 65535] },
  { type: "bool", datatype: "BOOL", values: [true, false, true] },
  { type: "string", datatype: "BYTES", values: ["", "héllo", "🚢"] },
];

describe("tensor fields", () => {
  for (const { type, binding = "", datatype, values } of KINDS) {
    it(`carries repeated ${type} as ${datatype} both ways`, () => {
      const fixture = echo(
        "kind.v1",
        `repeated ${type} x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1]${binding}}];`,
      );
      const [tensor] = decode(fixture, { x: values });
      assert.equal(tensor!.datatype, datatype);
      assert.deepEqual(tensor!.shape, [values.length]);
      assert.deepEqual(roundTrip(fixture, { x: values }), { x: values });
    });
  }

  it("carries bytes as any datatype of fixed size", () => {
    for (const [datatype, size] of [
      ["UINT8", 1],
      ["INT8", 1],
      ["FP16", 2],
      ["INT16", 2],
      ["FP32", 4],
      ["INT64", 8],
    ] as const) {
      const fixture = echo(
        "kind.v1",
        `bytes x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1], datatype: DATATYPE_${datatype}}];`,
      );
      const x = Buffer.from(Array.from({ length: size * 3 }, (_, index) => index)).toString("base64");
      assert.deepEqual(decode(fixture, { x })[0]!.shape, [3]);
      assert.deepEqual(roundTrip(fixture, { x }), { x });
    }
  });

  it("carries a shaped message where several dimensions are free", () => {
    const fixture = echo(
      "kind.v1",
      `flotilla.v1.FloatTensor x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1, 2, -1]}];`,
    );
    const x = { shape: ["1", "2", "3"], values: [1, 2, 3, 4, 5, 6] };
    assert.deepEqual(decode(fixture, { x })[0]!.shape, [1, 2, 3]);
    assert.deepEqual(roundTrip(fixture, { x }), { x });
    for (const [shape, message] of [
      [["1", "2", "4"], /field "x": shape \[1, 2, 4\] means 8 values, got 6/],
      [["1", "3", "2"], /expected shape \[-1, 2, -1\], got \[1, 3, 2\]/],
      [["-1", "2", "3"], /dimensions are 0 to 2147483647/],
      [["4294967296", "2", "4294967296"], /got \[4294967296, 2, 4294967296\].*dimensions are/],
      [["6"], /got \[6\]/],
    ] as const) {
      assert.throws(
        () => decode(fixture, { x: { shape: [...shape], values: x.values } }),
        fault("INVALID_INPUT", message),
      );
    }
  });

  it("reads a scalar left out as zero, an optional one as missing", () => {
    const plain = echo("kind.v1", `float x = 1 [(flotilla.v1.tensor) = {name: "in", shape: []}];`);
    assert.deepEqual(decode(plain, {})[0], { name: "in", datatype: "FP32", shape: [], data: new Float32Array([0]) });
    assert.deepEqual(roundTrip(plain, { x: 2.5 }), { x: 2.5 });
    const optional = echo("kind.v1", `optional int64 x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [1]}];`);
    assert.throws(() => decode(optional, {}), fault("INVALID_INPUT", /field "x": expected 1 values .* got none/));
    assert.deepEqual(decode(optional, { x: "7" })[0]!.data, new BigInt64Array([7n]));
  });

  it("infers the free dimension, and says what it expected where the values do not fit", () => {
    const fixture = echo(
      "kind.v1",
      `repeated float features = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1, 30]}];`,
    );
    assert.deepEqual(decode(fixture, { features: new Array(60).fill(1) })[0]!.shape, [2, 30]);
    assert.throws(
      () => decode(fixture, { features: new Array(31).fill(1) }),
      fault("INVALID_INPUT", /^field "features": expected 30·n values for tensor in\[-1, 30\], got 31$/),
    );
    assert.throws(() => decode(fixture, {}), fault("INVALID_INPUT", /got none/));
  });

  it("refuses integers out of the datatype's range", () => {
    const fixture = echo(
      "kind.v1",
      `repeated int32 x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1], datatype: DATATYPE_INT8}];`,
    );
    assert.throws(
      () => decode(fixture, { x: [1, 128] }),
      fault("INVALID_INPUT", /field "x": value 1 is 128, out of the range of INT8/),
    );
  });

  it("refuses NaN and infinities where the contract is finite", () => {
    const fixture = echo(
      "kind.v1",
      `repeated float x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1], finite: true}];`,
    );
    for (const bad of ["NaN", "Infinity", "-Infinity"]) {
      assert.throws(
        () => decode(fixture, { x: [0, bad] }),
        fault("INVALID_INPUT", /field "x": value 1 is .* expected a finite number/),
      );
    }
  });

  it("refuses NaN and infinities of FP16 too where the contract is finite", () => {
    const fixture = echo(
      "kind.v1",
      `bytes x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1], datatype: DATATYPE_FP16, finite: true}];`,
    );
    const bits = (...values: number[]) => ({ x: Buffer.from(new Uint16Array(values).buffer).toString("base64") });
    assert.equal(decode(fixture, bits(0x3c00, 0xfbff)).length, 1);
    for (const bad of [0x7c00, 0xfc00, 0x7e01])
      assert.throws(() => decode(fixture, bits(0x3c00, bad)), fault("INVALID_INPUT", /value 1 is/));
  });

  it("refuses BOOLs in bytes that are neither 0 nor 1", () => {
    const fixture = echo(
      "kind.v1",
      `bytes x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1], datatype: DATATYPE_BOOL}];`,
    );
    assert.throws(() => decode(fixture, { x: "AAU=" }), fault("INVALID_INPUT", /a BOOL is a byte 0 or 1/));
  });

  it("refuses strings with a NUL, which ONNX Runtime would cut off", () => {
    const fixture = echo("kind.v1", `repeated string x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1]}];`);
    assert.throws(
      () => decode(fixture, { x: ["fine", "a\0b"] }),
      fault("INVALID_INPUT", /a string holds a NUL character/),
    );
  });

  it("does not copy packed floats that lie aligned, and reads those that do not", () => {
    const fixture = echo("kind.v1", `repeated float x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1]}];`);
    const message = fixture.json.encode("kind.v1.PredictRequest", { x: [1, 2, 3, 4] });
    for (let offset = 0; offset < 4; offset++) {
      const memory = new Uint8Array(offset + message.length);
      memory.set(message, offset);
      const [tensor] = createDecoder(
        fixture.contract.methods[0]!.request,
        fixture.contract.signature!,
      )(memory.subarray(offset));
      assert.deepEqual(tensor!.data, new Float32Array([1, 2, 3, 4]));
      const shared = (tensor!.data as Float32Array).buffer === memory.buffer;
      assert.equal(shared, (offset + 2) % 4 === 0, `offset ${offset}`);
    }
  });

  it("joins a packed field that comes in pieces, packed or not, as protobuf allows", () => {
    const { contract } = echo("kind.v1", `repeated float x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1]}];`);
    const float = (value: number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value);
      return bytes;
    };
    const packed = Buffer.concat([Buffer.from([0x0a, 8]), float(1), float(2)]);
    const single = Buffer.concat([Buffer.from([0x0d]), float(3)]);
    assert.deepEqual(
      decodeBytes(contract, Buffer.concat([packed, single, packed, single]))[0]!.data,
      new Float32Array([1, 2, 3, 1, 2, 3]),
    );
  });

  it("steps over fields it does not know", () => {
    const { contract, json } = echo(
      "kind.v1",
      `repeated float x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1]}];`,
    );
    const known = json.encode("kind.v1.PredictRequest", { x: [5] });
    const unknown = Buffer.from([
      0x10, 0x96, 0x01, 0x1a, 0x02, 0x68, 0x69, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x33, 0x08, 0x01, 0x34,
    ]);
    assert.deepEqual(decodeBytes(contract, Buffer.concat([unknown, known, unknown]))[0]!.data, new Float32Array([5]));
  });

  it("gets any floats back bit for bit", () => {
    const fixture = echo("kind.v1", `repeated double x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1]}];`);
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }), (values) => {
        const x = values.map((value) => (value === 0 ? 0 : value));
        assert.deepEqual(roundTrip(fixture, { x }), { x });
      }),
    );
  });
});

const SAMPLE = `
  enum Finding {
    FINDING_UNSPECIFIED = 0;
    FINDING_BENIGN = 1 [(flotilla.v1.class) = {id: 0}];
    FINDING_MALIGNANT = 2 [(flotilla.v1.class) = {id: 1}];
  }
  message Sample {
    float radius = 1 [(flotilla.v1.column) = {tensor: "X", index: 0}];
    int32 count = 2 [(flotilla.v1.column) = {tensor: "X", index: 2, datatype: DATATYPE_FP32}];
    optional double area = 3 [(flotilla.v1.column) = {tensor: "X", index: 1, datatype: DATATYPE_FP32}];
    string city = 4 [(flotilla.v1.column) = {tensor: "city"}];
    int64 id = 5 [(flotilla.v1.column) = {tensor: "id", index: 0}];
    repeated float history = 6 [(flotilla.v1.column) = {tensor: "history", width: 2}];
  }
  message Diagnosis {
    Finding finding = 1 [(flotilla.v1.label) = {tensor: "label"}];
    float probability = 2 [(flotilla.v1.column) = {tensor: "scores", index: 1}];
    repeated float all = 3 [(flotilla.v1.column) = {tensor: "scores"}];
    string likeliest = 4 [(flotilla.v1.label) = {tensor: "scores", argmax: true, names: ["fine", "ill"]}];
    string note = 5 [(flotilla.v1.column) = {tensor: "note"}];
    sint64 rank = 6 [(flotilla.v1.column) = {tensor: "rank"}];
  }
  message PredictRequest { repeated Sample instances = 1; }
  message PredictResponse { repeated Diagnosis diagnoses = 1; }
  service TumorService { rpc Predict(PredictRequest) returns (PredictResponse); }`;

describe("records", () => {
  let fixture: ReturnType<typeof echo>;
  const row = { radius: 1.5, count: 7, area: 2.25, city: "Kiel", id: "9007199254740993", history: [4, 5] };

  before(() => {
    const contract = compileContract("record.v1", SAMPLE);
    fixture = { contract, json: new JsonCodec(contract.image) };
  });

  it("asks of a model the tensors that its columns make up", () => {
    assert.deepEqual(fixture.contract.signature, {
      inputs: [
        { name: "X", datatype: "FP32", shape: [-1, 3] },
        { name: "city", datatype: "BYTES", shape: [-1] },
        { name: "id", datatype: "INT64", shape: [-1, 1] },
        { name: "history", datatype: "FP32", shape: [-1, 2] },
      ],
      outputs: [
        { name: "scores", datatype: "FP32", shape: [-1, 2] },
        { name: "note", datatype: "BYTES", shape: [-1] },
        { name: "rank", datatype: "INT64", shape: [-1] },
        { name: "label", datatype: "INT64", shape: [-1] },
      ],
    });
  });

  it("puts each record in its row and each field in its column", () => {
    const tensors = decode(fixture, { instances: [row, { ...row, radius: 3, city: "Ulm" }] });
    assert.deepEqual(tensors, [
      { name: "X", datatype: "FP32", shape: [2, 3], data: new Float32Array([1.5, 2.25, 7, 3, 2.25, 7]) },
      { name: "city", datatype: "BYTES", shape: [2], data: ["Kiel", "Ulm"] },
      { name: "id", datatype: "INT64", shape: [2, 1], data: new BigInt64Array([9007199254740993n, 9007199254740993n]) },
      { name: "history", datatype: "FP32", shape: [2, 2], data: new Float32Array([4, 5, 4, 5]) },
    ]);
  });

  it("reads an optional field left out as NaN, any other as zero", () => {
    const [x] = decode(fixture, { instances: [{ history: [1, 2] }] });
    assert.deepEqual(x!.data, new Float32Array([0, Number.NaN, 0]));
  });

  it("names the record and the field that are wrong", () => {
    const twice = [row, { ...row, history: [1] }];
    assert.throws(
      () => decode(fixture, { instances: twice }),
      fault("INVALID_INPUT", /^field "instances\[1\]\.history": expected 2 values, got 1$/),
    );
    assert.throws(
      () => decode(fixture, {}),
      fault("INVALID_INPUT", /^field "instances": expected at least one record, got none$/),
    );
  });

  it("refuses more records than it would hold in memory", () => {
    const empty = Buffer.alloc((MAX_RECORDS + 1) * 2, Buffer.from([0x0a, 0x00]));
    assert.throws(() => decodeBytes(fixture.contract, empty), fault("INVALID_INPUT", /more than 65536 records/));
  });

  it("writes each row's columns, classes and largest score", () => {
    const bytes = createEncoder(fixture.contract.methods[0]!.response)([
      { name: "label", datatype: "INT64", shape: [3], data: new BigInt64Array([1n, 0n, 9n]) },
      { name: "scores", datatype: "FP32", shape: [3, 2], data: new Float32Array([0.25, 0.75, 1, 0, 0.5, 0.5]) },
      { name: "note", datatype: "BYTES", shape: [3], data: ["ä", "", "c"] },
      { name: "rank", datatype: "INT64", shape: [3], data: new BigInt64Array([-1n, 0n, 300n]) },
    ]);
    assert.deepEqual(fixture.json.decode("record.v1.PredictResponse", bytes), {
      diagnoses: [
        { finding: "FINDING_MALIGNANT", probability: 0.75, all: [0.25, 0.75], likeliest: "ill", note: "ä", rank: "-1" },
        { finding: "FINDING_BENIGN", probability: 0, all: [1, 0], likeliest: "fine", note: "", rank: "0" },
        {
          finding: "FINDING_UNSPECIFIED",
          probability: 0.5,
          all: [0.5, 0.5],
          likeliest: "fine",
          note: "c",
          rank: "300",
        },
      ],
    });
  });

  it("blames the model, not the caller, for an output that the contract does not describe", () => {
    const encode = createEncoder(fixture.contract.methods[0]!.response);
    const scores = { name: "scores", datatype: "FP32", shape: [1, 2], data: new Float32Array([0, 1]) } as const;
    assert.throws(() => encode([scores]), fault("RUN_FAILED", /the model gave no output "note"/));
  });
});

describe("malformed protobuf", () => {
  it("gets a fault of the input, whatever the bytes", () => {
    const { contract } = echo("kind.v1", `repeated float x = 1 [(flotilla.v1.tensor) = {name: "in", shape: [-1]}];`);
    const record = compileContract("record.v1", SAMPLE);
    for (const target of [contract, record]) {
      const read = createDecoder(target.methods[0]!.request, target.signature!);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          try {
            read(new Uint8Array(bytes));
          } catch (error) {
            assert(error instanceof Fault && error.reason === "INVALID_INPUT", String(error));
          }
        }),
        { numRuns: 5000 },
      );
    }
  });
});
