import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import type { Model } from "../../src/serving/inference.js";
import { MemoryBudget } from "../../src/serving/memory-budget.js";
import { type ContractSource, ServedRepository } from "../../src/serving/served-repository.js";
import type { ModelObserver, StartedModel } from "../../src/serving/started-model.js";
import { scaleModel, slowModel } from "../support/onnx-builder.js";
import { fp32, reason, SILENT_OBSERVER, slowWork, sourceOf, submit, values, writeModel } from "../support/served.js";

const MIB = 2 ** 20;
/** A small model with a worker of its own: one with a free dimension beside the rows is never run on the server's thread. */
const EACH_BYTES = 21 * MIB;

const scaled = (factor: number) => writeModel(scaleModel({ factor, shape: ["batch", "columns"] }));
const work = () => ({ kind: "tensors", inputs: [fp32("x", [1, 3], [1, 2, 3])] }) as const;

/** What a repository's observer was told, by contract. */
class Loads implements ModelObserver {
  readonly onWarning = SILENT_OBSERVER.onWarning;
  readonly onGone = SILENT_OBSERVER.onGone;
  readonly onCrash = SILENT_OBSERVER.onCrash;
  readonly onSubmit = SILENT_OBSERVER.onSubmit;
  readonly onCall = SILENT_OBSERVER.onCall;
  readonly onRun = SILENT_OBSERVER.onRun;
  readonly states: string[] = [];
  readonly loaded = new Set<string>();
  readonly counts = new Map<string, number>();
  most = 0;

  onState({ contract, state }: Model): void {
    this.states.push(`${contract} ${state}`);
  }

  onLoad({ contract }: Model): void {
    this.loaded.add(contract);
    this.counts.set(contract, (this.counts.get(contract) ?? 0) + 1);
    this.most = Math.max(this.most, this.loaded.size);
  }

  onUnload({ contract }: Model): void {
    this.loaded.delete(contract);
  }
}

describe("models under a memory budget", () => {
  let loads: Loads;
  let repository: ServedRepository;
  let budget: MemoryBudget;
  afterEach(() => repository.close());

  async function serve(models: number, sources: readonly ContractSource[]): Promise<void> {
    loads = new Loads();
    budget = new MemoryBudget(models * EACH_BYTES);
    repository = new ServedRepository({ read: async () => sources, observer: loads, startsAtOnce: 4, budget });
    await repository.open();
    await repository.start();
  }

  /** As a model that takes long to load does: others wait for their turns. Returns what ends it. */
  function loadOther(): () => void {
    let end!: (loaded: undefined) => void;
    const gate = new Promise<undefined>((resolve) => {
      end = resolve;
    });
    void budget.load({ neededBytes: 0, wanted: () => true, load: () => gate });
    return () => end(undefined);
  }

  const find = (name: string) => repository.find(name) as StartedModel;
  const call = (name: string, deadlineMs?: number) => submit(find(name) as never, work(), deadlineMs);

  it("answer rightly under concurrent calls, twenty of them in a budget for five", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `m${index}`);
    await serve(
      5,
      names.map((name, index) => sourceOf(name, scaled(index + 1))),
    );
    assert.equal(loads.loaded.size, 5);
    loads.most = 0;
    const order = Array.from({ length: 100 }, (_, index) => (index * 7) % names.length);
    const answers = await Promise.all(order.map((index) => call(names[index]!)));
    for (const [at, index] of order.entries())
      assert.deepEqual(
        values(answers[at]!),
        [1, 2, 3].map((x) => x * (index + 1)),
      );
    assert(loads.most <= 5, `${loads.most} were loaded at a time`);
    assert(budget.usedBytes <= budget.limitBytes);
    for (const name of names) {
      assert.equal(find(name).state, "READY");
      assert.equal(find(name).statistics.success.count, 5);
    }
    assert.deepEqual(loads.states.sort(), names.map((name) => `${name} READY`).sort());
  });

  it("are loaded once for all calls that wait for them", async () => {
    await serve(1, [sourceOf("a", scaled(2)), sourceOf("b", scaled(3))]);
    assert.deepEqual([...loads.loaded], ["b"]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => call("a")));
    for (const answer of answers) assert.deepEqual(values(answer), [2, 4, 6]);
    assert.equal(loads.counts.get("a"), 2);
    const [first] = answers;
    assert(first!.ok && first!.timing.queueMs > 0, "the time that it took to load is in the call's timing");
  });

  it("are unloaded in the order in which they were used", async () => {
    await serve(2, [sourceOf("a", scaled(2)), sourceOf("b", scaled(3)), sourceOf("c", scaled(4))]);
    await call("b");
    await call("c");
    await call("b");
    await call("a");
    assert.deepEqual([...loads.loaded].sort(), ["a", "b"]);
  });

  it("answer what they hold before they are unloaded", async () => {
    await serve(1, [sourceOf("fast", scaled(2)), sourceOf("slow", writeModel(slowModel()))]);
    const before = submit(find("slow") as never, slowWork(400, 7));
    const other = call("fast");
    const after = submit(find("slow") as never, slowWork(1, 8));
    assert.deepEqual(values(await before), [7]);
    assert.deepEqual(values(await other), [2, 4, 6]);
    assert.deepEqual(values(await after), [8]);
  });

  it("settle calls that are given up, or whose deadline passes, while they wait; their mates are answered", async () => {
    await serve(1, [sourceOf("a", scaled(2)), sourceOf("b", scaled(3))]);
    const endOther = loadOther();
    const waits = call("a");
    const givenUp = call("a");
    givenUp.cancel();
    assert.equal(reason(await givenUp), "CANCELLED");
    assert.equal(reason(await call("a", Date.now() + 50)), "DEADLINE");
    assert.equal(reason(await call("a", Date.now() - 1)), "DEADLINE");
    assert.equal(find("a").resident, false);
    assert.equal(find("a").state, "READY");
    endOther();
    assert.deepEqual(values(await waits), [2, 4, 6]);
    assert.deepEqual([...loads.loaded], ["a"]);
    assert.equal(find("a").statistics.fail.count, 3, "each refusal is counted");
  });

  it("are named where they can't be loaded again, and the others go on", async () => {
    const file = scaled(2);
    await serve(1, [sourceOf("a", file), sourceOf("b", scaled(3))]);
    rmSync(file);
    assert.equal(reason(await call("a")), "NOT_READY");
    assert.equal(find("a").state, "FAILED");
    assert.match(find("a").problem!, /could not be loaded again: .*model\.onnx does not exist/);
    assert.equal(reason(await call("a")), "NOT_READY");
    assert.deepEqual(values(await call("b")), [3, 6, 9]);
  });

  it("are not another model when they are loaded again, whatever became of the file", async () => {
    const file = scaled(2);
    await serve(1, [sourceOf("a", file), sourceOf("b", scaled(3))]);
    writeFileSync(file, scaleModel({ factor: 5, shape: ["batch", "columns"] }));
    assert.equal(reason(await call("a")), "NOT_READY");
    assert.match(find("a").problem!, /its sha256 is/);
    await repository.load("a");
    assert.deepEqual(values(await call("a")), [5, 10, 15]);
  });

  it("are loaded alone where one is larger than the whole budget", async () => {
    await serve(0.5, [sourceOf("a", scaled(2)), sourceOf("b", scaled(3))]);
    assert.deepEqual(values(await call("a")), [2, 4, 6]);
    assert.deepEqual(values(await call("b")), [3, 6, 9]);
    assert.equal(loads.loaded.size, 1);
  });

  it("are refused where more calls wait than may", async () => {
    await serve(1, [sourceOf("a", scaled(2)), sourceOf("b", scaled(3))]);
    const endOther = loadOther();
    const calls = Array.from({ length: 64 }, () => call("a"));
    assert.equal(reason(await call("a")), "OVERLOADED");
    assert.equal(find("a").waiting, 64);
    endOther();
    for (const outcome of await Promise.all(calls)) assert.deepEqual(values(outcome), [2, 4, 6]);
  });

  it("end with the server, and what waits for them is told so", async () => {
    await serve(1, [sourceOf("a", scaled(2)), sourceOf("b", scaled(3))]);
    const endOther = loadOther();
    const waits = call("a");
    const closed = repository.close();
    assert.equal(reason(await waits), "NOT_READY");
    endOther();
    await closed;
    assert.equal(budget.usedBytes, 0);
  });
});
