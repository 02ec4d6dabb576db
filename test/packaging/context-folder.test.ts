import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImageContext, writeContext } from "../../src/packaging/context-folder.js";
import { copiedFile, textFile } from "../../src/packaging/image-file.js";

const EPOCH = 1_000_000;

describe("writeContext()", () => {
  let root: string;
  let target: string;
  let model: string;
  const sha256 = createHash("sha256").update("weights").digest("hex");
  const image = (file = copiedFile("model/r1.onnx", model, sha256)): ImageContext => ({
    dockerfile: join(root, "Some.Dockerfile"),
    layers: { contract: [textFile("generated/one.txt", "one")], revision: [file] },
  });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "flotilla-context-"));
    target = join(root, "context");
    model = join(root, "r1.onnx");
    writeFileSync(model, "weights");
    chmodSync(model, 0o600);
    writeFileSync(join(root, "Some.Dockerfile"), "FROM scratch\n");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("writes the Dockerfile and each layer, and counts the layers' bytes", async () => {
    assert.deepEqual(await writeContext(target, image(), EPOCH), { contract: 3, revision: 7 });
    assert.equal(readFileSync(join(target, "Dockerfile"), "utf8"), "FROM scratch\n");
    assert.equal(readFileSync(join(target, "contract/generated/one.txt"), "utf8"), "one");
    assert.equal(readFileSync(join(target, "revision/model/r1.onnx"), "utf8"), "weights");
  });

  it("gives every file and folder the same mode and time, whoever had them before", async () => {
    await writeContext(target, image(), EPOCH);
    for (const path of ["revision", "revision/model", "revision/model/r1.onnx", "contract/generated/one.txt"]) {
      const { mode, mtimeMs } = statSync(join(target, path));
      assert.deepEqual([path, mtimeMs], [path, EPOCH * 1000]);
      assert.equal(mode & 0o777, path.includes(".") ? 0o644 : 0o755);
    }
  });

  it("refuses a file that has not the digest that it should have", async () => {
    writeFileSync(model, "others");
    await assert.rejects(writeContext(target, image(), EPOCH), {
      message: /r1\.onnx: its sha256 is [0-9a-f]{64}, the fleet file says [0-9a-f]{64}; .*`flotilla add`/,
    });
  });

  it("names a file that can't be read", async () => {
    const gone = copiedFile("model/r2.onnx", join(root, "r2.onnx"));
    await assert.rejects(writeContext(target, image(gone), EPOCH), {
      message: /r2\.onnx can't be copied into an image: ENOENT/,
    });
  });

  it("refuses two files of one path", async () => {
    const twice = { dockerfile: image().dockerfile, layers: { one: [textFile("a", "1"), textFile("a", "2")] } };
    await assert.rejects(writeContext(target, twice, EPOCH), { message: /^a: two files of an image have this path/ });
  });

  it("writes a context anew, without what it held before", async () => {
    await writeContext(target, image(), EPOCH);
    await writeContext(target, { ...image(), layers: { other: [] } }, EPOCH);
    assert(!existsSync(join(target, "revision")) && existsSync(join(target, "other")));
  });

  it("leaves a folder alone that holds something else", async () => {
    mkdirSync(target);
    writeFileSync(join(target, "thesis.txt"), "mine");
    await assert.rejects(writeContext(target, image(), EPOCH), {
      message: /holds something else than a build context/,
    });
    assert.equal(readFileSync(join(target, "thesis.txt"), "utf8"), "mine");
  });
});
