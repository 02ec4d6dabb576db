import assert from "node:assert/strict";
import { RequestHeaders } from "../../../src/grpc/http2/request-headers.js";

type Pair = readonly [name: string, value: string];

const PATH = "/acme.fraud.v1.FraudService/Predict";
const BEGIN: readonly Pair[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", PATH],
  [":authority", "fraud"],
];
const TYPE: Pair = ["content-type", "application/grpc"];

function headersOf(pairs: readonly Pair[], isWellFormed = true): RequestHeaders {
  return new RequestHeaders({
    names: pairs.map(([name]) => name),
    values: pairs.map(([, value]) => value),
    isWellFormed,
  });
}

describe("headers of a request", () => {
  const PLAIN: readonly (readonly [what: string, pairs: readonly Pair[]])[] = [
    ["as gRPC has them", [...BEGIN, ["te", "trailers"], TYPE]],
    ["of another order", [...BEGIN.toReversed(), ["x", "1"], TYPE]],
    ["without an authority", [...BEGIN.slice(0, 3), TYPE]],
    [
      "of a message in protobuf, not compressed",
      [...BEGIN, ["content-type", "application/grpc+proto"], ["grpc-encoding", "identity"]],
    ],
  ];
  for (const [what, pairs] of PLAIN) {
    it(`are those of a plain call ${what}`, () => assert.equal(headersOf(pairs).plainPath(), PATH));
  }

  const OTHERS: readonly (readonly [what: string, pairs: readonly Pair[]])[] = [
    ["of nothing", []],
    ["that only begin", BEGIN],
    ["of a page", [[":method", "GET"], ...BEGIN.slice(1), TYPE]],
    ["of JSON", [...BEGIN, ["content-type", "application/json"]]],
    ["of a compressed message", [...BEGIN, TYPE, ["grpc-encoding", "gzip"]]],
    ["without a scheme", [BEGIN[0]!, BEGIN[2]!, BEGIN[3]!, TYPE]],
    ["with two paths", [...BEGIN.slice(0, 3), BEGIN[2]!, TYPE]],
    ["with a path too many", [...BEGIN, BEGIN[2]!, TYPE]],
    ["with a status", [...BEGIN.slice(0, 3), [":status", "200"], TYPE]],
    ["whose path comes late", [BEGIN[0]!, BEGIN[1]!, BEGIN[3]!, TYPE, BEGIN[2]!]],
    ["that no request may have", [...BEGIN, TYPE, ["connection", "close"]]],
    ["with a length that would have to be checked", [...BEGIN, TYPE, ["content-length", "5"]]],
    ["with another te", [...BEGIN, TYPE, ["te", "gzip"]]],
  ];
  for (const [what, pairs] of OTHERS) {
    it(`are somebody else's to look at ${what}`, () => assert.equal(headersOf(pairs).plainPath(), undefined));
  }

  it("are somebody else's to look at where they are not well formed", () =>
    assert.equal(headersOf([...BEGIN, TYPE], false).plainPath(), undefined));

  it("are got by name, each value of one that came more than once", () => {
    const headers = headersOf([...BEGIN, ["a", "1"], ["b", "2"], ["a", "3"]]);
    assert.deepEqual(headers.get("a"), ["1", "3"]);
    assert.deepEqual(headers.get("b"), ["2"]);
    assert.deepEqual(headers.get("c"), []);
  });

  it("are metadata where gRPC knows of them, and not of this hop alone", () => {
    const headers = headersOf([
      ...BEGIN,
      TYPE,
      ["te", "trailers"],
      ["grpc-timeout", "1S"],
      ["x-request-id", "7"],
      ["x-list", "a"],
      ["x-list", "b"],
      ["x-bytes-bin", "AAE=,Ag"],
      ["x-strange", "\u00e9"],
      ["x!", "1"],
    ]);
    assert.deepEqual(headers.toMetadata().toHttp2Headers(), {
      "x-request-id": "7",
      "x-list": ["a", "b"],
      "x-bytes-bin": ["AAE=", "Ag=="],
    });
  });

  it("say how long a call has", () => {
    const timeoutMs = (timeout: string) => headersOf([["grpc-timeout", timeout]]).timeoutMs();
    assert.equal(headersOf([]).timeoutMs(), Number.POSITIVE_INFINITY);
    assert.deepEqual(["2H", "3M", "4S", "5m", "6u", "7n"].map(timeoutMs), [7_200_000, 180_000, 4000, 5, 6e-3, 7e-6]);
    for (const none of ["", "1", "S", "1s", "-1S", "1.5S", "123456789S", "99999999H"])
      assert.equal(timeoutMs(none), undefined, none);
  });
});
