import assert from "node:assert/strict";
import fc from "fast-check";
import { createData } from "../../src/contract/datatype.js";
import type { Tensor } from "../../src/contract/tensor.js";
import { rowsOf } from "../../src/serving/batch.js";
import type { TensorWork } from "../../src/serving/inference.js";
import { joinCalls, type Padding, type PaddingSettings, sharingKey, splitCalls } from "../../src/serving/padding.js";
import { checkPadding, paddingProblem } from "../../src/serving/padding-check.js";
import type { ServedModel } from "../../src/serving/served-model.js";
import { model, scaleModel } from "../support/onnx-builder.js";
import { fp32, serveModel, submit, values } from "../support/served.js";

const PADDING: Padding = { axis: 1, values: { ids: -1, x: 9 }, cut: ["ids", "x"] };

/** `ids` [rows, length] and `x` [rows, length, 2]. */
function call(rows: number, length: number, from: number): Tensor[] {
  const ids = BigInt64Array.from({ length: rows * length }, (_, index) => BigInt(from + index));
  const x = Float32Array.from({ length: rows * length * 2 }, (_, index) => from + index / 2);
  return [
    { name: "ids", datatype: "INT64", shape: [rows, length], data: ids },
    { name: "x", datatype: "FP32", shape: [rows, length, 2], data: x },
  ];
}

describe("joinCalls() and splitCalls()", () => {
  it("give every call its own rows of its own length back", () => {
    const size = fc.record({ rows: fc.integer({ min: 1, max: 4 }), length: fc.integer({ min: 0, max: 6 }) });
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 6 }), (sizes) => {
        const calls = sizes.map(({ rows, length }, index) => call(rows, length, index * 100));
        const joined = joinCalls(calls, PADDING);
        const longest = Math.max(...sizes.map(({ length }) => length));
        const total = calls.map(rowsOf).reduce((sum, rows) => sum + rows, 0);
        assert.deepEqual(
          joined.map(({ shape }) => shape),
          [
            [total, longest],
            [total, longest, 2],
          ],
        );
        assert.deepEqual(splitCalls(joined, calls, PADDING), calls);
      }),
    );
  });

  it("fill up with each input's own value, behind the data", () => {
    const [ids, x] = joinCalls([call(1, 1, 5), call(1, 2, 7)], PADDING);
    assert.deepEqual([...(ids!.data as BigInt64Array)], [5n, -1n, 7n, 8n]);
    assert.deepEqual([...(x!.data as Float32Array)], [5, 5.5, 9, 9, 7, 7.5, 8, 8.5]);
  });

  it("leave outputs alone that do not have the dimension, though they are as long by chance", () => {
    const pooled = fp32("pooled", [2, 2], [1, 2, 3, 4]);
    const [first] = splitCalls([pooled], [call(1, 1, 0), call(1, 2, 0)], PADDING)!;
    assert.deepEqual(first![0]!.shape, [1, 2]);
  });
});

describe("sharingKey()", () => {
  it("is the same for calls that differ in length alone", () => {
    assert.equal(sharingKey(call(1, 3, 0), undefined, PADDING), sharingKey(call(2, 5, 0), undefined, PADDING));
    assert.notEqual(sharingKey(call(1, 3, 0), undefined, undefined), sharingKey(call(1, 5, 0), undefined, undefined));
  });

  it("keeps a call to itself whose own inputs differ in length: filling one up would hide that it is wrong", () => {
    const [ids] = call(1, 3, 0);
    const [, x] = call(1, 4, 0);
    assert.notEqual(sharingKey([ids!, x!], undefined, PADDING), sharingKey(call(1, 4, 0), undefined, PADDING));
  });
});

describe("paddingProblem()", () => {
  const inputs = [
    { name: "ids", datatype: "INT64", shape: [-1, -1] },
    { name: "flags", datatype: "UINT8", shape: [-1, -1] },
    { name: "fixed", datatype: "FP32", shape: [-1, 4] },
    { name: "half", datatype: "FP16", shape: [-1, -1] },
    { name: "words", datatype: "BYTES", shape: [-1, -1] },
  ] as const;
  const problem = (given: PaddingSettings["values"], axis = 1) =>
    paddingProblem({ inputs, outputs: [] }, { axis, values: given });

  it("finds nothing wrong with numbers that the inputs hold", () => {
    assert.equal(problem({ ids: -100, flags: 255, half: 0 }), undefined);
  });

  for (const [given, expected] of [
    [{ mask: 0 }, /no input "mask"; it has "ids", "flags"/],
    [{ fixed: 0 }, /"fixed" is FP32\[-1, 4\]: its dimension 1 is not free/],
    [{ ids: 0.5 }, /"ids" is INT64\[-1, -1\]: expected a whole number, got 0\.5/],
    [{ flags: 256 }, /expected a value that UINT8 holds, got 256/],
    [{ half: 1 }, /expected 0, the only value that FP16 is filled up with/],
    [{ words: 0 }, /texts can't be filled up/],
  ] as const) {
    it(`names what is wrong with ${JSON.stringify(given)}`, () => {
      assert.match(problem(given as unknown as PaddingSettings["values"])!, expected);
    });
  }
});

describe("checkPadding()", () => {
  const inputs = [{ name: "x", datatype: "FP32", shape: [-1, -1] }] as const;
  const check = (run: (x: Tensor) => Tensor) =>
    checkPadding({ inputs, outputs: [] }, { axis: 1, values: { x: 0 } }, async ([x]) => [run(x!)]);

  it("refuses a model whose answer to a row hangs on how far the row is filled up", async () => {
    const { problem } = await check((x) => {
      const [rows, length] = x.shape as [number, number];
      const data = Float32Array.from({ length: rows }, (_, row) => {
        return (
          (x.data as Float32Array).subarray(row * length, (row + 1) * length).reduce((sum, v) => sum + v, 0) / length
        );
      });
      return { name: "mean", datatype: "FP32", shape: [rows], data };
    });
    assert.equal(problem, '"mean" of a short row is another one beside a longer row');
  });

  it("says so where the model takes nothing that is tried", async () => {
    const { problem } = await check(() => {
      throw new Error("no");
    });
    assert.match(problem!, /refuses every input that was tried/);
  });

  it("tells by the outputs' own lengths which of them are to be cut back", async () => {
    const { padding } = await check((x) => ({ ...x, name: "y", data: createData("FP32", x.data.length) }));
    assert.deepEqual(padding!.cut, ["y"]);
  });
});

describe("a model with padding", () => {
  const rows: number[] = [];
  const warnings: string[] = [];
  let served: ServedModel;
  const start = async (bytes: Uint8Array, padding: PaddingSettings): Promise<void> => {
    rows.length = warnings.length = 0;
    served = await serveModel(bytes, {
      settings: { batching: { maxRows: 3, maxDelayMs: 60_000, padding } },
      observer: { onRun: (_, count) => rows.push(count), onWarning: (_, warning) => warnings.push(warning) },
    });
    assert.equal(served.state, "READY", served.problem);
  };
  const work = (...data: number[]): TensorWork => ({ kind: "tensors", inputs: [fp32("x", [1, data.length], data)] });
  afterEach(() => served.close());

  it("answers calls of other lengths in one run, each with its own", async () => {
    await start(scaleModel({ factor: 2, shape: ["batch", "length"] }), { axis: 1, values: { x: 0 } });
    const answers = await Promise.all([work(1), work(2, 3, 4), work(5, 6)].map((one) => submit(served, one)));
    assert.deepEqual(answers.map(values), [[2], [4, 6, 8], [10, 12]]);
    assert.deepEqual(rows, [3]);
    assert.deepEqual(warnings, []);
  });

  it("is served without where its answers hang on the filling, with a warning", async () => {
    const length = { name: "x", datatype: "FP32", shape: ["batch", "length"] } as const;
    const sum = model({
      inputs: [length],
      outputs: [{ name: "sum", datatype: "FP32", shape: ["batch", 1] }],
      nodes: [{ op: "ReduceSum", inputs: ["x", "axes"], outputs: ["sum"] }],
      initializers: [{ name: "axes", datatype: "INT64", dims: [1], data: [1] }],
    });
    await start(sum, { axis: 1, values: { x: 1 } });
    assert.deepEqual(warnings, ['padding is off: "sum" of a short row is another one beside a longer row']);
    const together = [work(1, 3), work(4, 8), work(5, 7)].map((one) => submit(served, one));
    assert.deepEqual((await Promise.all(together)).map(values), [[4], [12], [12]]);
    assert.deepEqual(rows, [3]);
  });
});
