import { writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";

/** Contract of the fleet. */
export const CONTRACT = "test.scored.v1";

/** Release of r2, which no call gets that does not name it. */
export const RELEASE = "2026-11";

/** Records, and a revision that makes `y = factor * x` of each: r1 by 2, r2 by 3. */
const BODY = `
message Item {
  float x = 1 [(flotilla.v1.column) = {tensor: "x", index: 0}];
}
message Score {
  float y = 1 [(flotilla.v1.column) = {tensor: "y", index: 0}];
}
message PredictRequest {
  repeated Item instances = 1;
}
message PredictResponse {
  repeated Score scores = 1;
}
service ScoredService {
  rpc Predict(PredictRequest) returns (PredictResponse);
}
`;

/** Writes the fleet into a new folder. */
export function writeScoredFleet(): string {
  const shape = ["batch", 1] as const;
  const revisions = { r1: scaleModel({ factor: 2, shape }), r2: scaleModel({ factor: 3, shape }) };
  return writeFleet({ [CONTRACT]: { body: BODY, revisions } }, { releases: { [RELEASE]: { [CONTRACT]: "r2" } } });
}
