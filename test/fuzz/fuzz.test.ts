import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { foundInputs, fuzz, tryInput } from "./fuzz.js";
import { mutate } from "./mutate.js";
import { fuzzNative } from "./native.js";
import { type FuzzTarget, fuzzTargets } from "./targets.js";

/** Of each target; `make fuzz` tries a million. */
const CASES = 1000;
const SEED = 2026;
const NAMES = [
  "typed records",
  "typed tensors",
  "messages of a transform",
  "Open Inference Protocol",
  "ONNX models",
  "compiled contracts",
  "contracts",
  "connections",
  "header blocks",
  "fleet files",
  "trailers",
  "structured events",
  "binary events",
  "states of streams",
  "states under seals made up",
];

/** A program as `native-cases.js`, whose reader dies of its third model, and fails on its seventh. */
const ENDING = `
import { writeFileSync } from "node:fs";
const [, folder, , from, , count] = process.argv.slice(2);
for (let seed = Number(from); seed < Number(from) + Number(count); seed++) {
  writeFileSync(folder + "/seed", String(seed));
  writeFileSync(folder + "/model.onnx", "model " + seed);
  if (seed === 3) process.abort();
  if (seed !== 7) continue;
  writeFileSync(folder + "/problem", "Error: of its own");
  process.exit(1);
}`;

describe("what others wrote", () => {
  let targets: Map<string, FuzzTarget>;

  before(async () => {
    targets = new Map((await fuzzTargets()).map((target) => [target.name, target]));
    assert.deepEqual([...targets.keys()], NAMES);
  });

  after(() => Promise.all([...targets.values()].map((target) => target.close?.())));

  for (const name of NAMES) {
    it(`as ${name} is read, or refused with its reason, soon`, async () => {
      const target = targets.get(name)!;
      const count = Math.ceil(CASES * Math.min(1, target.weight));
      assert.equal((await fuzz(target, { from: SEED, count }))?.problem, undefined);
    });

    it(`as ${name} is refused where it was once a problem`, async () => {
      const target = targets.get(name)!;
      for (const input of [...target.corpus, ...foundInputs(target)])
        assert.equal((await tryInput(target, input))?.problem, undefined);
    });
  }

  it("as models in ONNX Runtime is loaded, or refused, or told where it ends the process", async () => {
    assert.deepEqual((await fuzzNative({ from: SEED, count: CASES })).findings, []);
  });

  it("is found where it ends the process and is not told, and those behind it are tried all the same", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "flotilla-fuzz-"));
    const program = path.join(folder, "cases.mjs");
    writeFileSync(program, ENDING);
    try {
      const { findings, told } = await fuzzNative({ from: 1, count: 9, program });
      assert.deepEqual(
        findings.map(({ input, problem }) => [input.toString(), problem]),
        [
          ["model 3", "ended its process: SIGABRT"],
          ["model 7", "Error: of its own"],
        ],
      );
      assert.deepEqual(told, []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is made of numbers: the same one makes the same input, and others make others", () => {
    const { corpus, kind } = targets.get("typed records")!;
    const inputs = Array.from({ length: 100 }, (_, seed) => mutate(corpus, seed, kind).toString("hex"));
    assert.equal(mutate(corpus, 7, kind).toString("hex"), inputs[7]);
    assert(new Set(inputs).size > 90);
  });

  it("is found out where it is read wrongly: a reader that throws anything else, or never ends", async () => {
    const target = targets.get("typed records")!;
    const broken = async (read: () => unknown) => (await fuzz({ ...target, read }, { from: 1, count: 3 }))?.problem;
    assert.match(String(await broken(() => (undefined as unknown as string).length)), /TypeError/);
    const slow = () => {
      const before = process.cpuUsage();
      while (process.cpuUsage(before).user < 2_100_000);
    };
    assert.match(String(await broken(slow)), /took \d+ ms/);
  });
}).timeout(120_000);
