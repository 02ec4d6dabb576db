import assert from "node:assert/strict";
import fc from "fast-check";
import {
  InferTensorContents,
  ModelInferRequest,
  ModelInferRequest_InferInputTensor,
  ModelInferResponse,
  ModelStreamInferResponse,
} from "../../generated/ts/inference/grpc_service.js";
import { DATATYPES, type Datatype, type TensorData } from "../../src/contract/datatype.js";
import { Fault } from "../../src/contract/fault.js";
import type { Signature } from "../../src/contract/signature.js";
import type { Tensor } from "../../src/contract/tensor.js";
import { emptyInferRequest, readInferRequest } from "../../src/grpc/open-inference/infer-request.js";
import {
  type InferAnswer,
  writeInferResponse,
  writeStreamError,
  writeStreamResponse,
} from "../../src/grpc/open-inference/infer-response.js";
import { toInputTensors, toOutputNames, wantsRaw } from "../../src/grpc/open-inference/input-tensors.js";
import { toRequestOptions } from "../../src/grpc/open-inference/request-options.js";

/** Elements of each datatype that a careless codec gets wrong, how they are typed, and how they are raw. */
const SAMPLES: Record<Datatype, { data: TensorData; typed?: Partial<InferTensorContents> }> = {
  BOOL: { data: Uint8Array.of(1, 0, 1, 1), typed: { boolContents: [true, false, true, true] } },
  UINT8: { data: Uint8Array.of(0, 127, 128, 255), typed: { uintContents: [0, 127, 128, 255] } },
  UINT16: { data: Uint16Array.of(0, 255, 256, 65535), typed: { uintContents: [0, 255, 256, 65535] } },
  UINT32: { data: Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1), typed: { uintContents: [0, 1, 2 ** 31, 2 ** 32 - 1] } },
  UINT64: {
    data: BigUint64Array.of(0n, 1n, 2n ** 32n, 2n ** 53n - 1n),
    typed: { uint64Contents: [0, 1, 2 ** 32, 2 ** 53 - 1] },
  },
  INT8: { data: Int8Array.of(0, -1, -128, 127), typed: { intContents: [0, -1, -128, 127] } },
  INT16: { data: Int16Array.of(0, -1, -32768, 32767), typed: { intContents: [0, -1, -32768, 32767] } },
  INT32: {
    data: Int32Array.of(0, -1, -(2 ** 31), 2 ** 31 - 1),
    typed: { intContents: [0, -1, -(2 ** 31), 2 ** 31 - 1] },
  },
  INT64: {
    data: BigInt64Array.of(0n, -1n, -(2n ** 53n) + 1n, 2n ** 53n - 1n),
    typed: { int64Contents: [0, -1, -(2 ** 53) + 1, 2 ** 53 - 1] },
  },
  FP16: { data: Uint16Array.of(0x3c00, 0xbc00, 0x7c00, 0x0001) },
  FP32: {
    data: Float32Array.of(0, -1.5, Number.NaN, Number.NEGATIVE_INFINITY),
    typed: { fp32Contents: [0, -1.5, Number.NaN, Number.NEGATIVE_INFINITY] },
  },
  FP64: { data: Float64Array.of(0, 0.1, Number.NaN, -1e308), typed: { fp64Contents: [0, 0.1, Number.NaN, -1e308] } },
  BYTES: {
    data: ["", "héllo", "日本\n", "\ufffd"],
    typed: { bytesContents: ["", "héllo", "日本\n", "\ufffd"].map((text) => Buffer.from(text)) },
  },
};

const SHAPE = [2, 2];

/** Raw contents, written without the code under test. */
function toRaw(data: TensorData): Buffer {
  if (!Array.isArray(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat(
    data.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(text));
      return [length, Buffer.from(text)];
    }),
  );
}

function signatureOf(datatype: Datatype, shape: readonly number[] = [-1, 2]): Signature {
  return { inputs: [{ name: "x", datatype, shape }], outputs: [{ name: "y", datatype, shape }] };
}

interface RequestParts {
  readonly datatype?: string;
  readonly name?: string;
  readonly shape?: number[];
  readonly typed?: Partial<InferTensorContents> | undefined;
  readonly raw?: Buffer[];
}

function encodeRequest({ datatype = "FP32", name = "x", shape = SHAPE, typed, raw = [] }: RequestParts): Buffer {
  const input = ModelInferRequest_InferInputTensor.fromPartial({ name, datatype, shape, contents: typed as never });
  const request = ModelInferRequest.fromPartial({ modelName: "m", inputs: [input], rawInputContents: raw });
  return Buffer.from(ModelInferRequest.encode(request).finish());
}

function decode(bytes: Buffer, signature: Signature): Tensor[] {
  return toInputTensors(readInferRequest(new Uint8Array(bytes), emptyInferRequest()), signature);
}

function answerWith(outputs: Tensor[], raw: boolean): InferAnswer {
  return { modelName: "m", modelVersion: "r1", id: "7", outputs, raw, marksFinalResponse: false };
}

function faultOf(run: () => unknown): Fault {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Fault, `no Fault: ${String(error)}`);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

describe("toInputTensors()", () => {
  for (const datatype of DATATYPES) {
    const { data, typed } = SAMPLES[datatype];
    it(`reads ${datatype} from raw contents`, () => {
      const tensors = decode(encodeRequest({ datatype, raw: [toRaw(data)] }), signatureOf(datatype));
      assert.deepEqual(tensors, [{ name: "x", datatype, shape: SHAPE, data }]);
    });
    if (typed === undefined) continue;
    it(`reads ${datatype} from typed contents`, () => {
      const tensors = decode(encodeRequest({ datatype, typed }), signatureOf(datatype));
      assert.deepEqual(tensors, [{ name: "x", datatype, shape: SHAPE, data }]);
    });
  }

  it("hands packed floats over where they lie, when they lie aligned", () => {
    const values = Array.from({ length: 1000 }, (_, index) => index / 7);
    const encoded = encodeRequest({ shape: [500, 2], typed: { fp32Contents: values } });
    const offset = encoded.indexOf(Buffer.from(Float32Array.from(values).buffer));
    const memory = new Uint8Array(encoded.length + 8);
    const start = (4 - (offset % 4)) % 4;
    memory.set(encoded, start);
    const message = memory.subarray(start, start + encoded.length);
    const [tensor] = toInputTensors(readInferRequest(message, emptyInferRequest()), signatureOf("FP32"));
    assert.equal((tensor!.data as Float32Array).buffer, memory.buffer);
    assert.deepEqual(tensor?.data, Float32Array.from(values));
  });

  it("reads elements that are not packed, and contents that come in two parts", () => {
    const unpacked = Buffer.from([0x20, 0x01, 0x22, 0x02, 0x02, 0x03, 0x20, 0x04]);
    const input = Buffer.concat([
      Buffer.from([0x0a, 1, 0x78, 0x12, 6]),
      Buffer.from("UINT16"),
      Buffer.from([0x18, 2, 0x18, 2, 0x2a, 2]),
      unpacked.subarray(0, 2),
      Buffer.from([0x2a, 6]),
      unpacked.subarray(2),
    ]);
    const message = Buffer.concat([Buffer.from([0x2a, input.length]), input]);
    assert.deepEqual(decode(message, signatureOf("UINT16")), [
      { name: "x", datatype: "UINT16", shape: SHAPE, data: Uint16Array.of(1, 2, 3, 4) },
    ]);
  });

  it("reads a scalar and an empty batch", () => {
    const scalar = encodeRequest({ shape: [], raw: [toRaw(Float32Array.of(3))] });
    assert.deepEqual(decode(scalar, signatureOf("FP32", []))[0]?.data, Float32Array.of(3));
    for (const datatype of DATATYPES) {
      const empty = { datatype, shape: [0, 2] };
      for (const parts of [empty, { ...empty, raw: [Buffer.alloc(0)] }]) {
        assert.equal(decode(encodeRequest(parts), signatureOf(datatype))[0]?.data.length, 0, datatype);
      }
    }
  });

  const floats = toRaw(Float32Array.of(1, 2, 3, 4));
  const strings = toRaw(["a", "b", "c", "d"]);
  const badInputs: (RequestParts & { title: string; as?: Datatype; says: RegExp })[] = [
    { title: "a wrong rank", shape: [4], raw: [floats], says: /^input "x": expected FP32\[-1, 2\], got FP32\[4\]$/ },
    { title: "a wrong dimension", shape: [1, 4], raw: [floats], says: /expected FP32\[-1, 2\], got FP32\[1, 4\]$/ },
    { title: "a wrong datatype", datatype: "FP64", raw: [floats], says: /expected FP32\[-1, 2\], got FP64\[2, 2\]$/ },
    { title: "an unknown datatype", datatype: "BF16", raw: [floats], says: /unknown datatype "BF16"; expected FP32/ },
    { title: "a negative dimension", shape: [-2, 2], raw: [floats], says: /shape \[-2, 2\]: dimension -2 is negative/ },
    {
      title: "the most negative dimension",
      shape: [-(2 ** 53), 2],
      raw: [floats],
      says: /dimension -9007199254740992 /,
    },
    { title: "a product that overflows", shape: [2 ** 40, 2], raw: [floats], says: /more than 2147483647 elements/ },
    {
      title: "an unknown input",
      name: "z",
      raw: [floats],
      says: /^input "z": unknown; the model has "x" FP32\[-1, 2\]$/,
    },
    { title: "truncated raw contents", raw: [floats.subarray(0, 15)], says: /expected 16 raw bytes .* got 15$/ },
    { title: "surplus raw contents", raw: [Buffer.concat([floats, floats])], says: /expected 16 raw bytes .* got 32$/ },
    {
      title: "more raw contents than inputs",
      raw: [floats, floats],
      says: /raw_input_contents: expected 1, .* got 2$/,
    },
    { title: "too few elements", typed: { fp32Contents: [1, 2, 3] }, says: /shape \[2, 2\] has 4 elements, got 3 in/ },
    { title: "no contents", says: /has 4 elements, got 0 in contents$/ },
    {
      title: "another datatype's contents",
      typed: { fp64Contents: [1, 2, 3, 4] },
      says: /expected fp32_contents .* got fp64/,
    },
    {
      title: "typed and raw together",
      typed: { fp32Contents: [1] },
      raw: [floats],
      says: /contents beside raw_input_/,
    },
    {
      title: "typed FP16",
      as: "FP16",
      datatype: "FP16",
      typed: { fp32Contents: [1] },
      says: /send it in raw_input_cont/,
    },
    {
      title: "200 as INT8",
      as: "INT8",
      datatype: "INT8",
      typed: { intContents: [1, 2, 3, 200] },
      says: /value 3 is 200, .*INT8/,
    },
    {
      title: "256 as UINT8",
      as: "UINT8",
      datatype: "UINT8",
      typed: { uintContents: [1, 2, 3, 256] },
      says: /range of UINT8/,
    },
    {
      title: "a raw BOOL of 2",
      as: "BOOL",
      datatype: "BOOL",
      raw: [Buffer.from([0, 1, 2, 0])],
      says: /element 2: .* got 2$/,
    },
    {
      title: "raw BYTES cut off",
      as: "BYTES",
      datatype: "BYTES",
      raw: [strings.subarray(0, 19)],
      says: /element 3: .*truncated/,
    },
    {
      title: "raw BYTES with more",
      as: "BYTES",
      datatype: "BYTES",
      raw: [Buffer.concat([strings, strings])],
      says: /20 bytes more/,
    },
    {
      title: "raw BYTES with a huge length",
      as: "BYTES",
      datatype: "BYTES",
      raw: [Buffer.alloc(16, 255)],
      says: /4294967295/,
    },
    {
      title: "far too few raw BYTES",
      as: "BYTES",
      datatype: "BYTES",
      shape: [10 ** 9, 2],
      raw: [strings],
      says: /got 20 bytes in/,
    },
    {
      title: "raw BYTES that are no UTF-8",
      as: "BYTES",
      datatype: "BYTES",
      shape: [1, 2],
      raw: [Buffer.from([1, 0, 0, 0, 0x61, 1, 0, 0, 0, 0xff])],
      says: /^input "x": element 1: invalid UTF-8$/,
    },
    {
      title: "BYTES with a NUL, where ONNX Runtime would cut them off",
      as: "BYTES",
      datatype: "BYTES",
      shape: [1, 2],
      typed: { bytesContents: [Buffer.from("a"), Buffer.from("b\0c")] },
      says: /^input "x": element 1: .*NUL/,
    },
    {
      title: "typed BYTES that are no UTF-8",
      as: "BYTES",
      datatype: "BYTES",
      shape: [1, 2],
      typed: { bytesContents: [Buffer.from("a"), Buffer.from([0xc3])] },
      says: /^input "x": element 1: invalid UTF-8$/,
    },
  ];
  for (const { title, as, says, ...parts } of badInputs) {
    it(`refuses ${title}`, () => {
      const fault = faultOf(() => decode(encodeRequest(parts), signatureOf(as ?? "FP32")));
      assert.equal(fault.reason, "INVALID_INPUT");
      assert.match(fault.message, says);
    });
  }

  it("refuses a missing input and one that comes twice", () => {
    assert.match(
      faultOf(() => decode(Buffer.alloc(0), signatureOf("FP32"))).message,
      /^input "x": missing; expected FP32/,
    );
    const once = encodeRequest({ typed: { fp32Contents: [1, 2, 3, 4] } });
    assert.match(
      faultOf(() => decode(Buffer.concat([once, once]), signatureOf("FP32"))).message,
      /^input "x": came twice$/,
    );
  });

  it("keeps a message short whose names are long", () => {
    const fault = faultOf(() => decode(encodeRequest({ name: "x".repeat(1e6) }), signatureOf("FP32")));
    assert.ok(fault.message.length < 300, fault.message.slice(0, 500));
  });
});

describe("readInferRequest()", () => {
  it("refuses a message that would take far more memory than it has bytes", () => {
    for (const field of [0x2a, 0x32, 0x3a]) {
      const bytes = Buffer.alloc(2 * 5000, Buffer.from([field, 0]));
      assert.match(
        faultOf(() => readInferRequest(new Uint8Array(bytes), emptyInferRequest())).message,
        /more than 4096/,
      );
    }
    const ranks = encodeRequest({ shape: new Array(65).fill(1) });
    assert.match(
      faultOf(() => readInferRequest(new Uint8Array(ranks), emptyInferRequest())).message,
      /more than 64 dim/,
    );
  });

  it("keeps the id of a request whose rest is broken", () => {
    const request = emptyInferRequest();
    const bytes = Buffer.concat([Buffer.from([0x1a, 2]), Buffer.from("42"), Buffer.from([0x2a, 0x7f])]);
    assert.equal(faultOf(() => readInferRequest(new Uint8Array(bytes), request)).reason, "INVALID_INPUT");
    assert.equal(request.id, "42");
  });

  it("answers any bytes with a request or a Fault", () => {
    const good = encodeRequest({ datatype: "INT16", typed: { intContents: [1, -2, 300, 4] } });
    const mutated = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((edits) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of edits) bytes[at] = value;
        return bytes;
      });
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      mutated,
    );
    fc.assert(
      fc.property(anyBytes, fc.constantFrom(...DATATYPES), (bytes, datatype) => {
        try {
          const request = readInferRequest(new Uint8Array(bytes), emptyInferRequest());
          toRequestOptions(request);
          toOutputNames(request, signatureOf(datatype));
          for (const tensor of toInputTensors(request, signatureOf(datatype))) {
            assert.equal(
              tensor.data.length,
              tensor.shape.reduce((product, dimension) => product * dimension, 1),
            );
          }
        } catch (error) {
          assert.ok(error instanceof Fault, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("toRequestOptions()", () => {
  const optionsOf = (parts: Parameters<typeof ModelInferRequest.fromPartial>[0]) => {
    const bytes = ModelInferRequest.encode(ModelInferRequest.fromPartial(parts)).finish();
    return toRequestOptions(readInferRequest(new Uint8Array(bytes), emptyInferRequest()));
  };

  it("reads the time-out, in microseconds", () => {
    assert.equal(optionsOf({ parameters: { timeout: { int64Param: 1500 } } }).timeoutMs, 1.5);
    assert.equal(optionsOf({ parameters: { timeout: { int64Param: 0 } } }).timeoutMs, Number.POSITIVE_INFINITY);
    assert.equal(optionsOf({}).timeoutMs, Number.POSITIVE_INFINITY);
    const fault = faultOf(() => optionsOf({ parameters: { timeout: { int64Param: -1 } } }));
    assert.equal(fault.reason, "INVALID_INPUT");
  });

  it("lets parameters through that it does not know", () => {
    const parameters = {
      priority: { uint64Param: 1 },
      tag: { stringParam: "x" },
      rate: { doubleParam: 0.5 },
      none: {},
    };
    assert.doesNotThrow(() => optionsOf({ parameters, inputs: [{ name: "x", parameters }] }));
  });

  const region = { shared_memory_region: { stringParam: "r" } };
  const refused = {
    "a sequence": { parameters: { sequence_id: { int64Param: 7 } } },
    "a sequence with a name": { parameters: { sequence_id: { stringParam: "s" } } },
    "shared memory for an input": { inputs: [{ name: "x", parameters: region }] },
    "shared memory for an output": { outputs: [{ name: "y", parameters: region }] },
    "classification of an output": { outputs: [{ name: "y", parameters: { classification: { int64Param: 3 } } }] },
  };
  for (const [title, request] of Object.entries(refused)) {
    it(`refuses ${title}`, () => {
      const fault = faultOf(() => optionsOf(request));
      assert.equal(fault.reason, "UNSUPPORTED");
      assert.match(fault.message, /not supported: /);
    });
  }
});

describe("toOutputNames()", () => {
  const signature: Signature = {
    inputs: [],
    outputs: ["a", "b"].map((name) => ({ name, datatype: "FP32", shape: [-1] }) as const),
  };
  const namesOf = (...names: string[]) => {
    const request = { ...emptyInferRequest(), outputs: names.map((name) => ({ name, parameters: new Map() })) };
    return toOutputNames(request, signature);
  };

  it("gives all outputs where none is named, and else the named ones in their order", () => {
    assert.deepEqual(namesOf(), ["a", "b"]);
    assert.deepEqual(namesOf("b", "a"), ["b", "a"]);
    assert.deepEqual(namesOf("b"), ["b"]);
  });

  it("refuses an unknown output and one that is asked for twice", () => {
    assert.match(faultOf(() => namesOf("c")).message, /^output "c": unknown; the model has "a" FP32\[-1\], "b"/);
    assert.match(faultOf(() => namesOf("a", "a")).message, /^output "a": asked for twice$/);
  });
});

describe("wantsRaw()", () => {
  const wants = (parts: RequestParts) =>
    wantsRaw(readInferRequest(new Uint8Array(encodeRequest(parts)), emptyInferRequest()));

  it("answers in the form of the request, and raw where the request has none", () => {
    assert.equal(wants({ raw: [Buffer.alloc(16)] }), true);
    assert.equal(wants({ typed: { fp32Contents: [1] } }), false);
    assert.equal(wants({ typed: {} }), false);
    assert.equal(wants({}), true);
  });
});

describe("writeInferResponse()", () => {
  for (const datatype of DATATYPES) {
    const { data, typed } = SAMPLES[datatype];
    const output: Tensor = { name: "y", datatype, shape: SHAPE, data };
    it(`writes ${datatype} raw`, () => {
      const response = ModelInferResponse.decode(writeInferResponse(answerWith([output], true)));
      assert.deepEqual(response.rawOutputContents, [toRaw(data)]);
      assert.equal(response.outputs[0]?.contents, undefined);
    });
    if (typed === undefined) continue;
    it(`writes ${datatype} typed`, () => {
      const response = ModelInferResponse.decode(writeInferResponse(answerWith([output], false)));
      assert.deepEqual(response.rawOutputContents, []);
      assert.deepEqual(response.outputs[0]?.contents, InferTensorContents.fromPartial(typed));
    });
  }

  it("says model, version, id, and every output's name, datatype and shape", () => {
    const outputs: Tensor[] = [
      { name: "a", datatype: "FP32", shape: [1, 300], data: new Float32Array(300) },
      { name: "b", datatype: "INT64", shape: [], data: BigInt64Array.of(-5n) },
    ];
    const { modelName, modelVersion, id, ...rest } = ModelInferResponse.decode(
      writeInferResponse(answerWith(outputs, true)),
    );
    assert.deepEqual({ modelName, modelVersion, id }, { modelName: "m", modelVersion: "r1", id: "7" });
    assert.deepEqual(
      rest.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      [
        { name: "a", datatype: "FP32", shape: [1, 300] },
        { name: "b", datatype: "INT64", shape: [] },
      ],
    );
    assert.deepEqual(
      rest.rawOutputContents.map(({ length }) => length),
      [1200, 8],
    );
  });

  it("writes all outputs raw as soon as one is FP16, which has no typed contents", () => {
    const outputs: Tensor[] = [
      { name: "a", datatype: "FP32", shape: [1], data: Float32Array.of(1) },
      { name: "b", datatype: "FP16", shape: [1], data: Uint16Array.of(0x3c00) },
    ];
    const response = ModelInferResponse.decode(writeInferResponse(answerWith(outputs, false)));
    assert.equal(response.rawOutputContents.length, 2);
    assert.ok(response.outputs.every(({ contents }) => contents === undefined));
  });
});

describe("writeStreamResponse()", () => {
  it("wraps the answer, and marks it as the last one where asked", () => {
    const outputs: Tensor[] = [{ name: "a", datatype: "FP32", shape: [1], data: Float32Array.of(1) }];
    const answer = { ...answerWith(outputs, true), marksFinalResponse: true };
    const response = ModelStreamInferResponse.decode(writeStreamResponse(answer));
    assert.equal(response.errorMessage, "");
    assert.equal(response.inferResponse?.id, "7");
    assert.equal(response.inferResponse?.parameters.triton_final_response?.boolParam, true);
  });

  it("says an error beside the id of the request", () => {
    const response = ModelStreamInferResponse.decode(writeStreamError("wrong: é", "7"));
    assert.equal(response.errorMessage, "wrong: é");
    assert.equal(response.inferResponse?.id, "7");
    assert.deepEqual(response.inferResponse?.outputs, []);
  });
});
