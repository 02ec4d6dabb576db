import { fromBinary, type JsonValue, type Message, toBinary } from "@bufbuild/protobuf";
import {
  type handleBidiStreamingCall,
  Metadata,
  type MethodDefinition,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { type FoundMethod, findInImage } from "../client/find-method.js";
import { messageJson } from "../client/message-json.js";
import type { Contract, ContractMethod } from "../contract/contract.js";
import { createDecoder } from "../contract/decoder.js";
import { Fault } from "../contract/fault.js";
import { createMessageCheck } from "../contract/message-check.js";
import type { LatencyProfile } from "../fleet/latency-profile.js";
import { REVISION_HEADER } from "../grpc/call.js";
import { answerInOrder, type StreamReply } from "../grpc/ordered-stream.js";
import { rawMethod } from "../grpc/raw-method.js";
import { toStatusObject } from "../grpc/status.js";
import { generateAnswer } from "./generated-answer.js";
import { type Random, seededRandom, seedFrom } from "./seeded-random.js";
import type { StubAnswers } from "./stub-answers.js";
import { drawError, drawLatencyMs, type ErrorProfile } from "./stub-profile.js";

/** A message that came. */
export interface StubCall {
  readonly contract: string;
  /** `Predict`. */
  readonly method: string;
  /** In protobuf's JSON. */
  readonly request: JsonValue;
}

/** How a contract is answered for. */
export interface StubBehaviour {
  readonly answers: StubAnswers;
  /** What becomes of requests that no answer is known for. */
  readonly otherwise: "generate" | "refuse";
  readonly seed: number;
  readonly latency: LatencyProfile | undefined;
  readonly errors: ErrorProfile;
  /** What draws times and errors; answers have a sequence of their own. */
  readonly random: Random;
  readonly onCall: (call: StubCall) => void;
}

/** What `addService` of grpc-js takes. */
export interface StubService {
  readonly definition: Record<string, MethodDefinition<Buffer, Buffer>>;
  readonly implementation: Record<string, handleBidiStreamingCall<Buffer<ArrayBuffer>, Buffer>>;
}

/** Who answers, as the trailers have it. */
const STUB_REVISION = "stub";
/** Messages of one stream that may be unanswered. */
const MAX_IN_FLIGHT = 16;

/** A contract's service with no model behind it. It refuses what the contract refuses. */
export function stubService(contract: Contract, behaviour: StubBehaviour): StubService {
  const definition: StubService["definition"] = {};
  const implementation: StubService["implementation"] = {};
  for (const method of contract.methods) {
    const stub = new StubMethod(contract, method, behaviour);
    // On the wire the kinds of calls are one: a stream of one message is a unary call.
    definition[method.name] = rawMethod(method.path, true);
    implementation[method.name] = (call) =>
      answerInOrder(call, {
        maxInFlight: MAX_IN_FLIGHT,
        watch: undefined,
        trailers,
        take: (request, reply) => stub.answer(request, reply),
      });
  }
  return { definition, implementation };
}

class StubMethod {
  readonly #contract: Contract;
  readonly #bound: ContractMethod;
  readonly #found: FoundMethod;
  readonly #behaviour: StubBehaviour;
  /** Throws what the contract says of a bad request. */
  readonly #check: (bytes: Uint8Array<ArrayBuffer>) => void;

  constructor(contract: Contract, bound: ContractMethod, behaviour: StubBehaviour) {
    this.#contract = contract;
    this.#bound = bound;
    this.#behaviour = behaviour;
    this.#found = findInImage(contract.image, { contract: contract.service, method: bound.name });
    this.#check = contract.signature
      ? createDecoder(bound.request, contract.signature)
      : createMessageCheck(contract.image, bound.requestType);
  }

  /** @returns gives the answer up */
  answer(bytes: Buffer<ArrayBuffer>, reply: (reply: StreamReply) => void): () => void {
    const { latency, random } = this.#behaviour;
    const result = this.#reply(bytes);
    const waitMs = latency ? drawLatencyMs(latency, random) : 0;
    if (waitMs === 0) {
      reply(result);
      return () => {};
    }
    const timer = setTimeout(() => reply(result), waitMs);
    return () => clearTimeout(timer);
  }

  #reply(bytes: Buffer<ArrayBuffer>): StreamReply {
    const { answers, errors, otherwise, random, onCall } = this.#behaviour;
    const { method, registry } = this.#found;
    try {
      this.#check(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch (fault) {
      return { status: toStatusObject(this.#named(fault), trailers()) };
    }
    const request = fromBinary(method.input, bytes);
    onCall({
      contract: this.#contract.name,
      method: method.name,
      request: messageJson(method.input, request, registry),
    });
    const error = drawError(errors, random);
    if (error !== undefined)
      return refusal(error, `${this.#label}: the stub fails this call, as its error profile says`);
    const known = answers.find(this.#found, request);
    if (known) return "code" in known ? refusal(known.code, known.details) : known;
    if (otherwise === "generate") return { message: this.#generate(request, bytes) };
    return refusal(status.NOT_FOUND, `${this.#label}: the stub knows no answer to this request`);
  }

  /** The same request has the same answer, whatever came between. */
  #generate(request: Message, bytes: Uint8Array): Buffer {
    const bound = this.#contract.signature ? this.#bound : undefined;
    const random = seededRandom(seedFrom(bytes, this.#behaviour.seed));
    const answer = generateAnswer({ found: this.#found, bound, request }, random);
    return Buffer.from(toBinary(this.#found.method.output, answer));
  }

  #named(error: unknown): unknown {
    return error instanceof Fault ? new Fault(error.reason, `${this.#label}: ${error.message}`) : error;
  }

  get #label(): string {
    return `${this.#contract.name}/${this.#bound.name}`;
  }
}

function refusal(code: number, details: string): { status: StatusObject } {
  return { status: { code, details, metadata: trailers() } };
}

function trailers(): Metadata {
  const metadata = new Metadata();
  metadata.set(REVISION_HEADER, STUB_REVISION);
  return metadata;
}
