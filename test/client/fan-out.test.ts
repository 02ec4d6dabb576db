import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { CallError } from "../../src/client/call-error.js";
import { fanOut } from "../../src/client/fan-out.js";

const FAILED = new CallError({ code: status.UNAVAILABLE, details: "away", method: "m", target: "t" });

describe("fanOut()", () => {
  it("begins nothing more after an error that is no failed call, and throws it", async () => {
    const begun: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      if (item === 1) throw new TypeError("broken");
      return item;
    };
    await assert.rejects(fanOut([0, 1, 2, 3, 4], work, { limit: 1 }), TypeError);
    assert.deepEqual(begun, [0, 1]);
  });

  it("gives failed calls as parts that are missing, in the items' order", async () => {
    const work = async (item: number) => {
      if (item % 2) throw FAILED;
      return item;
    };
    assert.deepEqual(await fanOut([0, 1, 2], work), [
      { ok: true, value: 0 },
      { ok: false, error: FAILED },
      { ok: true, value: 2 },
    ]);
  });

  it("begins nothing once its signal is aborted", async () => {
    const controller = new AbortController();
    const begun: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      controller.abort(new Error("given up"));
    };
    await assert.rejects(fanOut([0, 1, 2], work, { limit: 1, signal: controller.signal }), /given up/);
    assert.deepEqual(begun, [0]);
  });

  it("gives no part for no item", async () => {
    assert.deepEqual(await fanOut([], async () => 1), []);
  });
});
