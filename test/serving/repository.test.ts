import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Fault } from "../../src/contract/fault.js";
import { bareSources } from "../../src/serving/bare-sources.js";
import { type ContractSource, ServedRepository } from "../../src/serving/served-repository.js";
import { fatalModel } from "../support/fatal-model.js";
import { scaleModel } from "../support/onnx-builder.js";
import { fp32, SILENT_OBSERVER, sourceOf, submit, values, writeModel } from "../support/served.js";

const STILLBORN = fileURLToPath(new URL("../support/stillborn-transform.js", import.meta.url));

const source = (name: string, file: string, transform?: string) => sourceOf(name, file, { queueSize: 16, transform });

async function open(sources: readonly ContractSource[]): Promise<ServedRepository> {
  const repository = new ServedRepository({ read: async () => sources, observer: SILENT_OBSERVER, startsAtOnce: 1 });
  await repository.open();
  return repository;
}

const work = () => ({ kind: "tensors", inputs: [fp32("x", [1, 3], [1, 2, 3])] }) as const;

describe("ServedRepository", () => {
  const good = writeModel(scaleModel({ factor: 2 }));
  let repository: ServedRepository;
  afterEach(() => repository.close());

  async function answers(name: string, expected: readonly number[]): Promise<void> {
    assert.deepEqual(values(await submit(repository.find(name) as never, work())), expected);
  }

  it("is up though the worker of one model dies while it loads it, again and again", async () => {
    repository = await open([source("bad", good, STILLBORN), source("good", good)]);
    await repository.start();
    assert.equal(repository.ready, true);
    await answers("good", [2, 4, 6]);
    const bad = repository.find("bad");
    assert.equal(bad.state, "LOADING");
    assert.match(bad.problem!, /its worker died while loading: exit code 3/);
  });

  it("keeps the model that answers where the one to be loaded is broken", async () => {
    const file = writeModel(scaleModel({ factor: 2 }));
    repository = await open([source("m", file)]);
    await repository.start();
    writeFileSync(file, "broken");
    await assert.rejects(repository.load("m"), (error) => error instanceof Fault && error.reason === "NOT_READY");
    await answers("m", [2, 4, 6]);
    writeFileSync(file, scaleModel({ factor: 5 }));
    await repository.load("m");
    await answers("m", [5, 10, 15]);
  });

  it("serves the others where a bare repository has a model that ends the process which loads it", async () => {
    const root = mkdtempSync(path.join(tmpdir(), "flotilla-bare-"));
    const models = { fatal: fatalModel(), good: scaleModel({ factor: 2 }) };
    for (const [name, bytes] of Object.entries(models)) {
      mkdirSync(path.join(root, name, "1"), { recursive: true });
      writeFileSync(path.join(root, name, "1", "model.onnx"), bytes);
    }
    repository = await open(await bareSources(root, { threads: 1, queueSize: 16 }));
    await repository.start();
    await answers("good", [2, 4, 6]);
    assert.match(repository.find("fatal").problem!, /ONNX Runtime ends its process while it loads it/);
    rmSync(root, { recursive: true });
  });

  it("loads a contract once at a time, so that no worker is left behind", async () => {
    repository = await open([source("m", good)]);
    await repository.start();
    const first = repository.find("m");
    await Promise.all([repository.load("m"), repository.load("m"), repository.unload("m"), repository.load("m")]);
    await answers("m", [2, 4, 6]);
    assert.notEqual(repository.find("m"), first);
    const outcome = await submit(first as never, work());
    assert(!outcome.ok && outcome.fault.reason === "NOT_READY");
  });

  it("ends while it is still starting", async () => {
    repository = await open(Array.from({ length: 6 }, (_, index) => source(`m${index}`, good)));
    const started = repository.start();
    await repository.close();
    await started;
    assert(repository.models.length < 6, `${repository.models.length} were started`);
    assert.equal(repository.ready, false);
  });

  it("names ten models at most where there is none of a name", async () => {
    repository = await open(Array.from({ length: 30 }, (_, index) => source(`m${index}`, good)));
    assert.throws(
      () => repository.find("x".repeat(5000)),
      (error) => {
        assert(error instanceof Fault);
        assert.match(error.message, /m9 and 20 more$/);
        assert(error.message.length < 300);
        return true;
      },
    );
  });
});
