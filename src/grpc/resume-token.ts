import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Contract } from "../contract/contract.js";
import { Fault, invalid } from "../contract/fault.js";
import type { StreamState } from "../contract/stream-state.js";
import type { Model } from "../serving/inference.js";

/** Request metadata by which a caller asks for the state of a stream at its end, or has one go on from it. */
export const RESUME_HEADER = "flotilla-resume-bin";

/**
 * What a caller keeps of a stream, and whoever has it can send it, changed at will:
 *
 *     version, 1 byte | digest of the model, 32 | digest of contract and method, 32 | state | HMAC-SHA256 of all before, 32
 */
const VERSION = 1;
const DIGEST_BYTES = 32;
const HEAD_BYTES = 1 + 2 * DIGEST_BYTES;

/** Seals and opens the states of one method's streams. */
export class ResumeTokens {
  readonly #label: string;
  readonly #layout: Buffer;
  readonly #key: string;

  /** @param key undefined: tokens are checked for damage and for their form alone, and a caller could make them up */
  constructor(contract: Contract, method: string, key: string | undefined) {
    this.#label = `${contract.name}/${method}`;
    this.#layout = createHash("sha256")
      .update(
        JSON.stringify([this.#label, contract.states, contract.methods.find(({ name }) => name === method)!.request]),
      )
      .digest();
    this.#key = key ?? "";
  }

  /** A stream's state as its caller may keep it. */
  seal(state: StreamState, model: Model): Buffer {
    const body = Buffer.concat([Buffer.of(VERSION), Buffer.from(model.digest!, "hex"), this.#layout, state.save()]);
    return Buffer.concat([body, this.#mac(body)]);
  }

  /**
   * Puts a kept state into a new stream.
   * @throws Fault INVALID_INPUT for what was never sealed here, STATE_MISMATCH for another model's or method's
   */
  open(token: Buffer, { state, model }: { readonly state: StreamState; readonly model: Model }): void {
    const expected = HEAD_BYTES + state.byteLength + DIGEST_BYTES;
    // Nothing is worked out of a token before its length is right.
    if (token.length !== expected) throw this.#refuse(`expected ${expected} bytes, got ${token.length}`);
    const body = token.subarray(0, -DIGEST_BYTES);
    if (!timingSafeEqual(this.#mac(body), token.subarray(-DIGEST_BYTES))) throw this.#refuse("its seal is broken");
    if (body[0] !== VERSION) throw this.#refuse(`its version is ${body[0]}, expected ${VERSION}`);
    this.#checkModel(body.subarray(1, 1 + DIGEST_BYTES).toString("hex"), model);
    if (!body.subarray(1 + DIGEST_BYTES, HEAD_BYTES).equals(this.#layout))
      throw new Fault("STATE_MISMATCH", `${this.#label}: the stream's state is another method's: begin anew`);
    state.restore(body.subarray(HEAD_BYTES));
  }

  #checkModel(digest: string, model: Model): void {
    if (digest === model.digest) return;
    const problem = `the stream's state is of the model ${shorten(digest)}, and ${model.revision} is ${shorten(model.digest ?? "")}`;
    throw new Fault("STATE_MISMATCH", `${this.#label}: ${problem}: begin anew, or ask for the revision that it is of`);
  }

  #refuse(problem: string): Fault {
    return invalid(`${this.#label}: metadata ${RESUME_HEADER} is no state of a stream: ${problem}: begin anew`);
  }

  #mac(body: Buffer): Buffer {
    return createHmac("sha256", this.#key).update(body).digest();
  }
}

function shorten(digest: string): string {
  return digest.slice(0, 12);
}
