import type { MethodDefinition } from "@grpc/grpc-js";

/**
 * A method whose messages grpc-js leaves as they are: read by it, a broken one would end as INTERNAL, and our codec
 * wants the bytes.
 * @param path `/acme.fraud.v1.FraudService/Predict`
 * @param streams whether it streams both ways
 */
export function rawMethod(path: string, streams = false): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
