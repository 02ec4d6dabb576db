import * as wire from "../generated/ts/inference/grpc_service.js";
import type { MessageBinding } from "../src/contract/binding.js";
import { createDecoder } from "../src/contract/decoder.js";
import { createEncoder } from "../src/contract/encoder.js";
import type { Signature } from "../src/contract/signature.js";
import type { Tensor } from "../src/contract/tensor.js";
import { delimitedSize, WireType, WireWriter } from "../src/contract/wire.js";
import { emptyInferRequest, readInferRequest } from "../src/grpc/open-inference/infer-request.js";
import { writeInferResponse } from "../src/grpc/open-inference/infer-response.js";
import { toInputTensors } from "../src/grpc/open-inference/input-tensors.js";
import { median, writeReport } from "./report.js";

/** Floats of a tabular row, of a small vector, and of a 3 x 224 x 224 picture. */
const SIZES = [30, 1_000, 150_528];
/** Rounds of the two codecs, one after the other, so that both meet the same machine. */
const ROUNDS = 31;
const ROUND_MS = 40;
/** What the typed codec should cost of the raw one at most. */
const LIMIT = 1.1;

interface Row {
  readonly floats: number;
  readonly typedUs: number;
  readonly rawUs: number;
  readonly ratio: number;
}

/** A request decoded and a response of as many floats encoded, by the typed codec and as raw tensors. */
function measure(floats: number): Row {
  const typed = typedCall(floats);
  const raw = rawCall(floats);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const typedUs = timeUs(typed);
    const rawUs = timeUs(raw);
    return { typedUs, rawUs, ratio: typedUs / rawUs };
  });
  const typical = (key: "typedUs" | "rawUs" | "ratio") => median(rounds.map((round) => round[key]));
  return { floats, typedUs: typical("typedUs"), rawUs: typical("rawUs"), ratio: typical("ratio") };
}

function typedCall(floats: number): () => void {
  const field = (tensor: string) =>
    ({
      field: tensor,
      number: 1,
      tensor,
      datatype: "FP32",
      shape: [-1, floats],
      finite: false,
      overlap: 0,
      scalar: "float",
      form: "repeated",
      optional: false,
    }) as const;
  const message = (tensor: string): MessageBinding => ({ tensors: [field(tensor)], records: [] });
  const decode = createDecoder(message("x"), signature(floats));
  const encode = createEncoder(message("y"));
  const outputs = answer(floats);
  const values = new Uint8Array(floats * 4);
  const writer = new WireWriter(delimitedSize(1, values.length));
  writer.tag(1, WireType.BYTES);
  writer.varint(values.length);
  writer.raw(values);
  const request = new Uint8Array(writer.finish());
  return () => {
    decode(request);
    encode(outputs);
  };
}

function rawCall(floats: number): () => void {
  const request = new Uint8Array(
    wire.ModelInferRequest.encode(
      wire.ModelInferRequest.fromPartial({
        modelName: "acme.fraud.v1",
        inputs: [{ name: "x", datatype: "FP32", shape: [1, floats] }],
        rawInputContents: [Buffer.alloc(floats * 4)],
      }),
    ).finish(),
  );
  const outputs = answer(floats);
  const model = signature(floats);
  return () => {
    toInputTensors(readInferRequest(request, emptyInferRequest()), model);
    writeInferResponse({
      modelName: "acme.fraud.v1",
      modelVersion: "r1",
      id: "",
      outputs,
      raw: true,
      marksFinalResponse: false,
    });
  };
}

function signature(floats: number): Signature {
  return {
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, floats] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, floats] }],
  };
}

function answer(floats: number): Tensor[] {
  return [{ name: "y", datatype: "FP32", shape: [1, floats], data: new Float32Array(floats) }];
}

/** Microseconds of one call, over as many as fit a round. */
function timeUs(call: () => void): number {
  let calls = 0;
  const start = performance.now();
  let end = start;
  while (end - start < ROUND_MS) {
    for (let index = 0; index < 20; index++) call();
    calls += 20;
    end = performance.now();
  }
  return ((end - start) * 1e3) / calls;
}

function toTable(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ floats, typedUs, rawUs, ratio }) =>
      `| ${floats} | ${typedUs.toFixed(2)} | ${rawUs.toFixed(2)} | ${ratio.toFixed(2)} |`,
  );
  return [
    "| floats each way | typed, us | raw tensors, us | typed / raw |",
    "| ---: | ---: | ---: | ---: |",
    ...lines,
    "",
  ].join("\n");
}

for (const floats of SIZES) measure(floats); // Warm up: the first figures are the compiler's.
const rows = SIZES.map(measure);
const table = `Codec cost of a call: one request decoded, one response encoded; median of ${ROUNDS} rounds.\n\n${toTable(rows)}`;
writeReport("codec", table);
const over = rows.filter(({ ratio }) => ratio > LIMIT);
// Said, not failed: a figure of one run on a busy machine proves nothing against the code.
if (over.length > 0)
  process.stdout.write(`\nOver the limit of ${LIMIT} at ${over.map(({ floats }) => floats).join(", ")} floats.\n`);
