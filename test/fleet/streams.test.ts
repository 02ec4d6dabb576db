import assert from "node:assert/strict";
import { resolveStreams } from "../../src/fleet/resolve-streams.js";
import { toStreamEnvironment, withStreamEnvironment } from "../../src/fleet/stream-environment.js";

describe("the environment of streams", () => {
  const streams = { ...resolveStreams(), secret: "keys" };

  it("tells a server in a cluster what the fleet file says", () => {
    const said = { ...streams, idleMs: 1500, maxMessages: 7, maxBytes: 500, perCaller: 3, drainMs: 60_000 };
    assert.deepEqual(withStreamEnvironment(streams, toStreamEnvironment(said)), said);
    assert.deepEqual(withStreamEnvironment(said, toStreamEnvironment(streams)), streams);
  });

  it("leaves everything as it is where it is empty", () => {
    assert.equal(withStreamEnvironment(streams, { PATH: "/bin" }), streams);
  });

  for (const [value, message] of [
    ["{", /^FLOTILLA_STREAMS is wrong in "\{": /],
    ['{"idle":"soon"}', /^FLOTILLA_STREAMS\.idle is wrong in .*: expected a duration above zero/],
    ['{"perCaller":0}', /^FLOTILLA_STREAMS\.perCaller is wrong in .*: expected a whole number from 1/],
    ['{"idel":"5m"}', /^FLOTILLA_STREAMS is wrong in /],
  ] as const) {
    it(`refuses ${value}`, () => {
      assert.throws(() => withStreamEnvironment(streams, { FLOTILLA_STREAMS: value }), { message });
    });
  }
});
