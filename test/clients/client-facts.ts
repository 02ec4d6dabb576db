import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";

/** An answer of acme.tumor.v1, and the trailers that begin with "flotilla-". */
export interface Prediction {
  readonly labels: readonly string[];
  readonly probabilities: readonly number[];
  readonly trailers: Readonly<Record<string, string>>;
}

/** What a client in any language got of the same calls. */
export interface ClientFacts {
  readonly r1: Prediction;
  readonly r2: Prediction;
  readonly empty: { readonly code: string; readonly message: string };
  readonly unknownRevision: { readonly code: string; readonly message: string };
  /** Probability of speech by chunk of the sample recording. */
  readonly speech: readonly number[];
}

/** The models answered in single precision; the right answers come from ONNX Runtime in Python. */
const TOLERANCE = 1e-4;

/** Fails where a client got anything but the right answers. */
export function checkFacts(facts: ClientFacts): void {
  checkPrediction(facts.r1, "r1");
  checkPrediction(facts.r2, "r2");
  assert.equal(facts.empty.code, "INVALID_ARGUMENT");
  assert.match(facts.empty.message, /instances.*at least one/);
  assert.equal(facts.unknownRevision.code, "NOT_FOUND");
  assert.match(facts.unknownRevision.message, /r9.*r1, r2/);
  assertClose(facts.speech, sample("voice").speechProbability);
}

/** The lines that the examples of docs/examples/ print for their sample request. */
export function expectedLines(): string[] {
  const { diagnoses } = sample("tumor").r1;
  return diagnoses.map(({ label, malignantProbability }) => `${label} ${malignantProbability.toFixed(3)}`);
}

function checkPrediction({ labels, probabilities, trailers }: Prediction, revision: "r1" | "r2"): void {
  const { diagnoses } = sample("tumor")[revision];
  assert.deepEqual(
    labels,
    diagnoses.map(({ label }) => label),
  );
  assertClose(
    probabilities,
    diagnoses.map(({ malignantProbability }) => malignantProbability),
  );
  assert.equal(trailers["flotilla-revision"], revision);
  assert.match(trailers["flotilla-model-digest"]!, /^[0-9a-f]{64}$/);
  assert.match(trailers["flotilla-server-timing"]!, /^queue=.*infer=.*total=\d+\.\d+$/);
}

function assertClose(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert(Math.abs(actual[i]! - value) <= TOLERANCE, `[${i}]: expected ${value}, got ${actual[i]}`);
  }
}

interface Samples {
  readonly tumor: Record<
    "r1" | "r2",
    { readonly diagnoses: readonly { readonly label: string; readonly malignantProbability: number }[] }
  >;
  readonly voice: { readonly speechProbability: readonly number[] };
}

function sample<Model extends keyof Samples>(model: Model): Samples[Model] {
  return JSON.parse(readFileSync(path.join(ROOT, "models", model, "samples", "expected.json"), "utf8"));
}
