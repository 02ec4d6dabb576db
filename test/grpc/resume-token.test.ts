import assert from "node:assert/strict";
import { Fault } from "../../src/contract/fault.js";
import { StreamState } from "../../src/contract/stream-state.js";
import { ResumeTokens } from "../../src/grpc/resume-token.js";
import type { Model } from "../../src/serving/inference.js";
import { compileContract } from "../support/contract-fixture.js";

const SAMPLES = `[(flotilla.v1.tensor) = {name: "x", shape: [1, 5], overlap: 1}]`;
const contract = compileContract(
  "test.sum.v1",
  `message NextRequest { repeated float x = 1 ${SAMPLES}; }
   message NextResponse { float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [1, 1]}]; }
   message OtherRequest { repeated float x = 2 ${SAMPLES}; }
   message OtherResponse { float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [1, 1]}]; }
   service SumService {
     option (flotilla.v1.state) = {input: "sum", output: "sumN", shape: [2], datatype: DATATYPE_FP32};
     option (flotilla.v1.resumable) = true;
     rpc Next(stream NextRequest) returns (stream NextResponse);
     rpc Other(stream OtherRequest) returns (stream OtherResponse);
   }`,
);
const model = (digest: string) => ({ revision: "r1", digest: digest.repeat(64) }) as Model;
const newState = () => new StreamState(contract.states, contract.methods[0]!.request);
const tokens = (key: string | undefined, method = "Next") => new ResumeTokens(contract, method, key);

/** The state of a stream that has seen one message. */
function usedState(): StreamState {
  const state = newState();
  state.before([{ name: "x", datatype: "FP32", shape: [1, 4], data: new Float32Array([1, 2, 3, 4]) }]);
  state.after([{ name: "sumN", datatype: "FP32", shape: [2], data: new Float32Array([10, 0.5]) }]);
  return state;
}

function refusal(reason: string, text: RegExp) {
  return (error: unknown) => error instanceof Fault && error.reason === reason && text.test(error.message);
}

describe("a state that a caller keeps of its stream", () => {
  for (const key of ["a secret", undefined]) {
    it(`goes on in another stream as it was, ${key ? "sealed with a secret" : "without a secret"}`, () => {
      const kept = tokens(key).seal(usedState(), model("a"));
      const state = newState();
      tokens(key).open(kept, { state, model: model("a") });
      assert.deepEqual(state.save(), usedState().save());
    });
  }

  it("is refused where any of its bytes is another", () => {
    const kept = tokens("a secret").seal(usedState(), model("a"));
    for (let at = 0; at < kept.length; at++) {
      const damaged = Buffer.from(kept);
      damaged[at]! ^= 0x10;
      const open = () => tokens("a secret").open(damaged, { state: newState(), model: model("a") });
      assert.throws(open, refusal("INVALID_INPUT", /its seal is broken/), `byte ${at}`);
    }
  });

  it("is refused by its length before it is read", () => {
    const kept = tokens("a secret").seal(usedState(), model("a"));
    for (const other of [
      Buffer.alloc(1),
      kept.subarray(1),
      Buffer.concat([kept, Buffer.alloc(1)]),
      Buffer.alloc(1e6),
    ]) {
      const open = () => tokens("a secret").open(other, { state: newState(), model: model("a") });
      assert.throws(open, refusal("INVALID_INPUT", new RegExp(`expected ${kept.length} bytes, got ${other.length}`)));
    }
  });

  it("is refused where it was sealed with another secret, or with none", () => {
    for (const key of ["another", undefined]) {
      const kept = tokens(key).seal(usedState(), model("a"));
      const open = () => tokens("a secret").open(kept, { state: newState(), model: model("a") });
      assert.throws(open, refusal("INVALID_INPUT", /its seal is broken/));
    }
  });

  it("is not taken by another model, nor by another method", () => {
    const kept = tokens("a secret").seal(usedState(), model("a"));
    const byModel = () => tokens("a secret").open(kept, { state: newState(), model: model("b") });
    assert.throws(byModel, refusal("STATE_MISMATCH", /is of the model a{12}, and r1 is b{12}/));
    const byMethod = () => tokens("a secret", "Other").open(kept, { state: newState(), model: model("a") });
    assert.throws(byMethod, refusal("STATE_MISMATCH", /is another method's/));
  });
});
