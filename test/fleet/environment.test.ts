import assert from "node:assert/strict";
import { toEnvironment, withEnvironment } from "../../src/fleet/environment.js";
import type { RevisionSpec } from "../../src/fleet/spec.js";
import { memberOf, model } from "../support/members.js";

function revision(tuning = ""): RevisionSpec {
  return memberOf(`name: acme.fraud.v1\nrevisions: { r1: ${model("r1", tuning)} }`).contract.revisions[0]!;
}

const TUNINGS = [
  "",
  "batching: { maxSize: 32, maxDelay: 2ms }",
  "batching: { maxSize: 32, padding: { values: { input_ids: 0, mask: -1.5 } } }",
  "batching: { maxSize: 32, padding: { axis: 2, values: { x: 0 } } }",
  "batching: { maxSize: 2, maxDelay: 0.5ms }, queue: { size: 1000000 }",
  "workers: 256, threads: 1024",
];

describe("a revision's environment", () => {
  for (const tuning of TUNINGS) {
    it(`tells a server of another state all that it has to know: ${tuning || "the defaults"}`, () => {
      const wanted = revision(tuning);
      const stale = revision(
        "batching: { maxSize: 7, maxDelay: 9ms, padding: { values: { old: 1 } } }, queue: { size: 5 }, workers: 3, threads: 2",
      );
      assert.deepEqual(withEnvironment(stale, toEnvironment(wanted, undefined)), wanted);
    });
  }

  it("says where the model is only where it is not in the image", () => {
    assert(!("FLOTILLA_MODEL" in toEnvironment(revision(), undefined)));
    const told = withEnvironment(revision(), toEnvironment(revision(), "/models/r1.onnx"));
    assert.equal(told.model, "/models/r1.onnx");
    assert.equal(told.sha256, revision().sha256, "whatever is there has to have the fleet file's digest");
  });

  it("leaves everything as it is where it is empty", () => {
    assert.deepEqual(withEnvironment(revision("threads: 2"), { PATH: "/bin" }), revision("threads: 2"));
  });

  for (const [name, value, message] of [
    ["FLOTILLA_BATCHING_MAX_SIZE", "0", "expected a whole number from 1 to 65536"],
    ["FLOTILLA_BATCHING_MAX_SIZE", "1e3", "expected a whole number from 1 to 65536"],
    ["FLOTILLA_BATCHING_PADDING", "{", "expected none, or axis and values as JSON"],
    ["FLOTILLA_BATCHING_PADDING", "[1]", "expected none, or axis and values as JSON"],
    ["FLOTILLA_BATCHING_MAX_DELAY", "-1ms", "expected a duration zero or more"],
    ["FLOTILLA_QUEUE_SIZE", "1.5", "expected a whole number from 1 to 1000000"],
    ["FLOTILLA_WORKERS", "", "expected a whole number from 1 to 256"],
    ["FLOTILLA_THREADS", "all", "expected a whole number from 1 to 1024, or auto"],
    ["FLOTILLA_THREADS", "0", "expected a whole number from 1 to 1024, or auto"],
    ["FLOTILLA_MODEL", "models/r1.onnx", "expected the absolute path of a model"],
  ] as const) {
    it(`refuses ${name}=${value}`, () => {
      assert.throws(
        () => withEnvironment(revision(), { [name]: value }),
        (error: Error) => error.message.startsWith(`${name} is "${value}": ${message}`),
      );
    });
  }
});
