import assert from "node:assert/strict";
import { Metadata } from "@grpc/grpc-js";
import { parseServerTiming, readTrailers } from "../../src/client/hop.js";

describe("parseServerTiming()", () => {
  const cases: readonly [header: string, expected: object][] = [
    [
      "queue=0.100, batch=0.200, infer=1.300, codec=0.050, total=1.700",
      { queueMs: 0.1, batchMs: 0.2, inferMs: 1.3, codecMs: 0.05, totalMs: 1.7 },
    ],
    ["total=12", { totalMs: 12 }],
    ["total=1,queue=2", { totalMs: 1, queueMs: 2 }],
    ["decode=3, total=1", { totalMs: 1 }],
    ["subtotal=3", {}],
    ["total=fast", {}],
    ["", {}],
  ];
  for (const [header, expected] of cases) {
    it(`reads ${JSON.stringify(header)}`, () => assert.deepEqual(parseServerTiming(header), expected));
  }
});

describe("readTrailers()", () => {
  it("never makes the overhead negative: the two ends' clocks round apart", () => {
    const trailers = new Metadata();
    trailers.set("flotilla-server-timing", "total=3.000");
    assert.equal(readTrailers(trailers, 2.9).overheadMs, 0);
    assert.equal(readTrailers(trailers, 4).overheadMs, 1);
  });

  it("says nothing where the server says nothing", () => {
    assert.deepEqual(readTrailers(new Metadata(), 1), {
      revision: undefined,
      modelDigest: undefined,
      release: undefined,
      server: undefined,
      overheadMs: undefined,
      hops: [],
    });
  });
});
