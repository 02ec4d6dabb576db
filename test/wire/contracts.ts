/** The body of a contract around `scaleModel`: FP32[-1, 3] both ways, unary and as a stream. */
export const SCALE = `
  message PredictRequest { repeated float x = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1, 3]}]; }
  message PredictResponse { repeated float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [-1, 3]}]; }
  message PredictStreamRequest { repeated float x = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1, 3]}]; }
  message PredictStreamResponse { repeated float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [-1, 3]}]; }
  service ScaleService {
    rpc Predict(PredictRequest) returns (PredictResponse);
    rpc PredictStream(stream PredictStreamRequest) returns (stream PredictStreamResponse);
  }`;

/** The same without a stream. */
export const SCALE_UNARY = `
service ScaleService {
  rpc Predict(PredictRequest) returns (PredictResponse);
}
message PredictRequest {
  repeated float x = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1, 3]}];
}
message PredictResponse {
  repeated float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [-1, 3]}];
}
`;

/** The body of a contract around `slowModel`. */
export const SLOW = `
  message PredictRequest {
    repeated int64 iterations = 1 [(flotilla.v1.tensor) = {name: "iterations", shape: [-1, 1]}];
    repeated float x = 2 [(flotilla.v1.tensor) = {name: "x", shape: [-1, 1]}];
  }
  message PredictResponse { repeated float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [-1, 1]}]; }
  message PredictStreamRequest {
    repeated int64 iterations = 1 [(flotilla.v1.tensor) = {name: "iterations", shape: [-1, 1]}];
    repeated float x = 2 [(flotilla.v1.tensor) = {name: "x", shape: [-1, 1]}];
  }
  message PredictStreamResponse { repeated float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [-1, 1]}]; }
  service SlowService {
    rpc Predict(PredictRequest) returns (PredictResponse);
    rpc PredictStream(stream PredictStreamRequest) returns (stream PredictStreamResponse);
  }`;
