import { createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import * as wire from "../../generated/ts/inference/grpc_service.js";
import { findInImage } from "../../src/client/find-method.js";
import { parseServerTiming } from "../../src/client/hop.js";
import { type Contract, ContractError, loadContract } from "../../src/contract/contract.js";
import { createDecoder } from "../../src/contract/decoder.js";
import { Fault } from "../../src/contract/fault.js";
import { createMessageCheck } from "../../src/contract/message-check.js";
import { OnnxError, readOnnx } from "../../src/contract/onnx.js";
import { StreamState } from "../../src/contract/stream-state.js";
import type { BrokerRecord } from "../../src/events/broker.js";
import { readCloudEvent } from "../../src/events/cloud-event.js";
import { EventError } from "../../src/events/event-error.js";
import { FleetError } from "../../src/fleet/findings.js";
import { parseFleet } from "../../src/fleet/load.js";
import { contractImage, imagePath } from "../../src/fleet/protos.js";
import { ConnectionError } from "../../src/grpc/http2/frames.js";
import { HeaderDecoder } from "../../src/grpc/http2/header-decoder.js";
import { RequestHeaders } from "../../src/grpc/http2/request-headers.js";
import { emptyInferRequest, readInferRequest } from "../../src/grpc/open-inference/infer-request.js";
import { ResumeTokens } from "../../src/grpc/resume-token.js";
import type { Model } from "../../src/serving/inference.js";
import { seededRandom } from "../../src/testing/seeded-random.js";
import { ROOT } from "../support/contract-fixture.js";
import { grpcHeaders, headerBlock } from "../support/http2-frames.js";
import { connectionTarget } from "./connection-target.js";
import { onnxModels } from "./onnx-models.js";

/** Code that reads what others wrote. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs that are in order, or nearly. */
  readonly corpus: readonly Buffer[];
  readonly kind: "bytes" | "wire";
  /** Words that mean something to the reader of a text. */
  readonly words?: readonly string[];
  /** Share of the cases: what is slow gets fewer. */
  readonly weight: number;
  /** Reads an input, at once or by a promise. It may throw what `isRefusal` knows. */
  readonly read: (input: Buffer<ArrayBuffer>) => unknown;
  readonly isRefusal: (error: unknown) => boolean;
  /** Ends what it has started. */
  readonly close?: () => Promise<void>;
}

const isFault = (error: unknown): boolean => error instanceof Fault && error.reason === "INVALID_INPUT";

/** Every reader of what comes from outside, with a corpus of its own. */
export async function fuzzTargets(): Promise<FuzzTarget[]> {
  const tumor = await example("acme.tumor.v1", "tumor");
  const voice = await example("acme.voice.v1", "voice");
  const digits = await example("acme.digits.v1", "digits");
  return [
    typedTarget("typed records", tumor),
    typedTarget("typed tensors", voice),
    {
      name: "messages of a transform",
      corpus: digits.requests,
      kind: "wire",
      weight: 4,
      read: createMessageCheck(digits.contract.image, digits.contract.methods[0]!.requestType),
      isRefusal: isFault,
    },
    {
      name: "Open Inference Protocol",
      corpus: inferRequests(),
      kind: "wire",
      weight: 8,
      read: (input) => readInferRequest(input, emptyInferRequest()),
      isRefusal: isFault,
    },
    {
      name: "ONNX models",
      corpus: onnxModels(),
      kind: "wire",
      weight: 4,
      read: readOnnx,
      isRefusal: (error) => error instanceof OnnxError,
    },
    {
      name: "compiled contracts",
      corpus: [Buffer.from(tumor.contract.image).subarray(0, 8192), Buffer.from(voice.contract.image)],
      kind: "wire",
      weight: 0.3,
      read: (input) => loadContract(input, "acme.voice.v1"),
      isRefusal: (error) => error instanceof ContractError,
    },
    await sourceTarget(),
    connectionTarget(),
    {
      name: "header blocks",
      corpus: headerBlocks(),
      kind: "bytes",
      weight: 2,
      read: (input) => {
        const headers = new RequestHeaders(new HeaderDecoder().decode(input, 0, input.length));
        return [headers.plainPath(), headers.timeoutMs(), headers.toMetadata()];
      },
      isRefusal: (error) => error instanceof ConnectionError,
    },
    {
      name: "fleet files",
      corpus: ["fleet.yaml", "fleet.options.yaml"].map((file) => readFileSync(path.join(ROOT, file))),
      kind: "bytes",
      words: [
        ..."{} [] : | > & * ! ? - ~ null true 1e3 -1 .nan __proto__ constructor ../x r1 r9 100 0ms acme.fraud.v1".split(
          " ",
        ),
      ],
      weight: 0.1,
      read: (input) => parseFleet(input.toString("utf8"), { file: "fleet.yaml", root: ROOT }),
      isRefusal: (error) => error instanceof FleetError,
    },
    {
      name: "trailers",
      corpus: [Buffer.from("queue=0.1, batch=0.2, infer=1.3, codec=0.1, total=1.7")],
      kind: "bytes",
      words: ["queue", "infer", "total", "1e99", "-1", "NaN", "="],
      weight: 2,
      read: (input) => parseServerTiming(input.toString("latin1")),
      isRefusal: () => false,
    },
    {
      name: "structured events",
      corpus: [
        Buffer.from('{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"instances":[]}}'),
        Buffer.from('{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"CgA="}'),
      ],
      kind: "bytes",
      words: ["data", "data_base64", "null", "true", "1e99", "__proto__", "specversion", "datacontenttype"],
      weight: 2,
      read: (input) => readCloudEvent({ headers: { "content-type": "application/cloudevents+json" }, body: input }),
      isRefusal: (error) => error instanceof EventError,
    },
    {
      name: "binary events",
      corpus: [
        Buffer.from("ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: t\ncontent-type: application/json\n\n{}"),
        Buffer.from("ce_specversion: 1.0\nce_id: %E2%82%AC\nce_source: /s\nce_type: t\nce_traceparent: 00\n\n\n\0"),
      ],
      kind: "bytes",
      words: [
        ..."ce- ce_ ce-id ce_id 1.0 : %E2 %ZZ %00 __proto__ constructor".split(" "),
        ..."content-type application/cloudevents application/cloudevents+json ce-datacontenttype".split(" "),
      ],
      weight: 2,
      read: (input) => readCloudEvent(binaryRecord(input)),
      isRefusal: (error) => error instanceof EventError,
    },
    sealedStates(voice.contract),
    madeUpStates(voice.contract),
  ];
}

/** The states that callers keep, of other models and secrets too: those alone are taken that were sealed here. */
function sealedStates(contract: Contract): FuzzTarget {
  const { seal, open } = resumption(contract, "a secret");
  const strange = [resumption(contract, "another"), resumption(contract, undefined)];
  const sealed = [1, 2, 3].map((seed) => seal(seed, "a"));
  return {
    name: "states of streams",
    corpus: [...sealed, seal(1, "b"), ...strange.map((one) => one.seal(1, "a")), Buffer.alloc(0)],
    kind: "bytes",
    weight: 2,
    read: (input) => {
      open(input, "a");
      if (!sealed.some((token) => token.equals(input))) throw new Error("a state was taken that was never sealed");
    },
    isRefusal: isResumeFault,
  };
}

/** States under seals that their callers made, as they can without a secret: of the right model and method they are taken. */
function madeUpStates(contract: Contract): FuzzTarget {
  const { seal, open } = resumption(contract, undefined);
  const bodyOf = (token: Buffer) => token.subarray(0, -SEAL_BYTES);
  const own = bodyOf(seal(1, "a"));
  return {
    name: "states under seals made up",
    corpus: [own, bodyOf(seal(2, "a")), bodyOf(seal(1, "b"))],
    kind: "bytes",
    weight: 2,
    read: (input) => {
      const restored = open(Buffer.concat([input, createHmac("sha256", "").update(input).digest()]), "a");
      if (!restored.equals(input.subarray(-restored.length))) throw new Error("another state was restored");
      const head = input.length - restored.length;
      if (!input.subarray(0, head).equals(own.subarray(0, head))) throw new Error("another model's state was taken");
    },
    isRefusal: isResumeFault,
  };
}

const SEAL_BYTES = 32;

const isResumeFault = (error: unknown): boolean =>
  error instanceof Fault && ["INVALID_INPUT", "STATE_MISMATCH"].includes(error.reason);

/** Seals states of a contract's streams, each made of a number, and opens what is to be one; models are told by a digit. */
function resumption(contract: Contract, key: string | undefined) {
  const { name: method, request } = contract.methods.find(({ kind }) => kind === "stream")!;
  const tokens = new ResumeTokens(contract, method, key);
  const newState = () => new StreamState(contract.states, request);
  const model = (digit: string) => ({ revision: "r1", digest: digit.repeat(64) }) as Model;
  return {
    seal: (seed: number, digit: string): Buffer => {
      const state = newState();
      state.restore(Buffer.from(Float32Array.from({ length: state.byteLength / 4 }, seededRandom(seed)).buffer));
      return tokens.seal(state, model(digit));
    },
    open: (token: Buffer, digit: string): Buffer => {
      const state = newState();
      tokens.open(token, { state, model: model(digit) });
      return state.save();
    },
  };
}

/** A record as brokers give it: a header on each line up to an empty one, and the body behind that. */
function binaryRecord(input: Buffer): BrokerRecord {
  const end = input.indexOf("\n\n");
  const head = input.subarray(0, end < 0 ? input.length : end).toString("utf8");
  const headers = head.split("\n").map((line) => {
    const [name = "", ...value] = line.split(": ");
    return [name.toLowerCase(), value.join(": ")] as const;
  });
  return { headers: Object.fromEntries(headers), body: end < 0 ? Buffer.alloc(0) : input.subarray(end + 2) };
}

/** A contract's text, as it goes through buf and our own reader. Each input is a run of buf. */
async function sourceTarget(): Promise<FuzzTarget> {
  const root = mkdtempSync(path.join(tmpdir(), "flotilla-fuzz-"));
  process.once("exit", () => rmSync(root, { recursive: true, force: true }));
  const file = path.join(root, "proto/acme/voice/v1/voice_service.proto");
  mkdirSync(path.dirname(file), { recursive: true });
  return {
    name: "contracts",
    corpus: [readFileSync(path.join(ROOT, "proto/acme/voice/v1/voice_service.proto"))],
    kind: "bytes",
    words:
      "message repeated option service rpc stream returns float bytes enum oneof map 0 -1 1e9 shape -7 tensor state".split(
        " ",
      ),
    weight: 0.01,
    read: async (input) => {
      rmSync(imagePath(root, "acme.voice.v1"), { force: true });
      writeFileSync(file, input);
      return loadContract(await contractImage(root, "acme.voice.v1"), "acme.voice.v1");
    },
    isRefusal: (error) => error instanceof FleetError || error instanceof ContractError,
  };
}

interface Example {
  readonly contract: Contract;
  readonly requests: readonly Buffer[];
}

async function example(name: string, folder: string): Promise<Example> {
  const image = await contractImage(ROOT, name);
  const contract = loadContract(image, name);
  const found = findInImage(image, { contract: contract.service, method: contract.methods[0]!.name });
  const json = JSON.parse(readFileSync(path.join(ROOT, "models", folder, "samples/request.json"), "utf8")) as JsonValue;
  const request = Buffer.from(toBinary(found.method.input, fromJson(found.method.input, json)));
  return { contract, requests: [request, request.subarray(0, 200), Buffer.alloc(0)] };
}

function typedTarget(name: string, { contract, requests }: Example): FuzzTarget {
  const decode = createDecoder(contract.methods[0]!.request, contract.signature!);
  return {
    name,
    corpus: requests,
    kind: "wire",
    weight: 8,
    read: (input) => decode(plainView(input)),
    isRefusal: isFault,
  };
}

/** The decoder wants memory that is whole numbers of elements away from its begin, or copies; both have to be tried. */
function plainView(input: Buffer<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
}

/** Of calls, plain and by RFC 7541's examples: kept, by number, in Huffman's code. */
function headerBlocks(): Buffer[] {
  const coded = ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828785be408825a849e95ba97d7f8925a849e95bb8e8b4bf"];
  const plain = headerBlock({ ...grpcHeaders("/a.b.C/D"), "grpc-timeout": "20S", "x-bin": "AAE=,Ag==", "x-é": "é" });
  return [plain, ...coded.map((hex) => Buffer.concat([Buffer.from(hex, "hex"), plain]))];
}

function inferRequests(): Buffer[] {
  const input = { name: "x", datatype: "FP32", shape: [1, 3] };
  return [
    { modelName: "test.scale.v1", inputs: [input], rawInputContents: [Buffer.alloc(12)] },
    { modelName: "m", modelVersion: "r1", id: "7", inputs: [{ ...input, contents: { fp32Contents: [1, 2, 3] } }] },
    { modelName: "m", parameters: { a: { int64Param: 7 } }, outputs: [{ name: "y", parameters: {} }], inputs: [] },
  ].map((request) => Buffer.from(wire.ModelInferRequest.encode(wire.ModelInferRequest.fromPartial(request)).finish()));
}
