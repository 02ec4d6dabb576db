import assert from "node:assert/strict";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { OpenStreams } from "../../../src/grpc/http2/open-streams.js";

/** As many as are open at a time, and as come in all. */
const OPEN = 32;
const ALL = 20_000;

describe("OpenStreams", () => {
  it("holds what was set until it is deleted", () => {
    const streams = new OpenStreams<string>();
    assert.equal(streams.set(1, "a").set(3, "b").set(1, "c").size, 2);
    assert.equal(streams.get(1), "c");
    assert.equal(streams.delete(1), true);
    assert.equal(streams.delete(1), false);
    assert.equal(streams.get(1), undefined);
    assert.equal(streams.size, 1);
  });

  it("goes through all, though each is deleted meanwhile", () => {
    const streams = new OpenStreams<number>();
    for (let id = 1; id < 100; id += 2) streams.set(id, id);
    const seen: number[] = [];
    streams.forEach((stream) => {
      seen.push(stream);
      streams.delete(stream);
    });
    assert.equal(seen.length, 50);
    assert.equal(streams.size, 0);
  });

  it("does not make old what has ended", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as (options?: { type: "minor" }) => void;
    const grownBytes = (streams: OpenStreams<number[]> | Map<number, number[]>) => {
      for (let id = 0; id < OPEN; id++) streams.set(id, Array(100).fill(id));
      collect();
      const before = oldBytes();
      for (let id = OPEN; id < ALL; id++) {
        streams.set(id, Array(100).fill(id));
        streams.delete(id - OPEN);
        if (id % 1000 === 0) collect({ type: "minor" });
      }
      return oldBytes() - before;
    };
    const bytes = ALL * 100 * 8;
    assert.ok(grownBytes(new Map()) > bytes / 4, "V8 no longer makes them old: a Map does");
    assert.ok(grownBytes(new OpenStreams()) < bytes / 50);
  });
});

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space")!.space_used_size;
}
