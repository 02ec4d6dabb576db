import assert from "node:assert/strict";
import type { JsonValue } from "@bufbuild/protobuf";
import { loadContract } from "../../src/contract/contract.js";
import { DATATYPES } from "../../src/contract/datatype.js";
import { createDecoder } from "../../src/contract/decoder.js";
import { exampleRequest } from "../../src/contract/example-request.js";
import { readOnnx } from "../../src/contract/onnx.js";
import { writeContract } from "../../src/contract/proto-writer.js";
import { compileProto, JsonCodec } from "../support/contract-fixture.js";
import { identityModel, type TensorPort } from "../support/onnx-builder.js";

/** The contract that `flotilla add` writes for these inputs, and a way to decode its requests. */
function contractOf(inputs: readonly TensorPort[]) {
  const name = "acme.example.v1";
  const image = compileProto(
    name,
    writeContract({ name, source: "m.onnx", model: readOnnx(identityModel({ inputs })) }),
  );
  const contract = loadContract(image, name);
  const { request, requestType } = contract.methods[0]!;
  const decode = createDecoder(request, contract.signature!);
  const encode = (json: JsonValue) => new Uint8Array(new JsonCodec(image).encode(requestType, json));
  return { request, decode: (json: JsonValue) => decode(encode(json)) };
}

describe("exampleRequest()", () => {
  const ports = (datatypes: readonly TensorPort["datatype"][], shape: TensorPort["shape"]) =>
    datatypes.map((datatype) => ({ name: datatype.toLowerCase(), datatype, shape }));
  const lists = DATATYPES.filter((datatype) => !["FP16", "INT8", "UINT8"].includes(datatype));

  for (const [what, shape] of Object.entries({ values: [], lists: [-1, 2], shapes: [-1, 2, -1], columns: [-1, 1] })) {
    it(`makes a request of ${what} that the contract takes`, () => {
      const inputs = ports(lists, shape);
      const { request, decode } = contractOf(inputs);
      const tensors = decode(exampleRequest(request) as JsonValue);
      assert.deepEqual(tensors.map((tensor) => tensor.name).sort(), inputs.map((input) => input.name).sort());
      for (const tensor of tensors) assert(tensor.shape.every((dimension) => dimension <= 2));
    });
  }

  it("makes none where it would be too long to read, or of bytes", () => {
    assert.equal(exampleRequest(contractOf(ports(["FP32"], [-1, 3, 224, 224])).request), undefined);
    assert.equal(exampleRequest(contractOf(ports(["UINT8"], [-1, 2])).request), undefined);
  });
});
