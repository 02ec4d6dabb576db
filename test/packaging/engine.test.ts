import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildCommand, ENGINES, findEngine, formatCommand, runEngine } from "../../src/packaging/engine.js";

const BUILD = {
  context: "context/runtime",
  image: "localhost/acme/flotilla:1",
  platform: "linux/arm64",
  args: { BASE: "node:24", VERSION: "1 beta" },
  more: ["--pull=never"],
  epochSeconds: 7,
};

describe("buildCommand()", () => {
  for (const engine of ENGINES) {
    it(`gives ${engine} platform, name, arguments and context, the context last`, () => {
      const command = buildCommand(engine, BUILD);
      const time = engine === "docker" ? "" : "--timestamp 7 ";
      assert.equal(
        formatCommand(command),
        `${engine} build --platform linux/arm64 --tag localhost/acme/flotilla:1 --build-arg BASE=node:24 ` +
          `--build-arg 'VERSION=1 beta' ${time}--pull=never context/runtime`,
      );
    });
  }
});

describe("findEngine()", () => {
  const path = process.env.PATH;
  let empty: string;
  beforeEach(() => {
    empty = mkdtempSync(join(tmpdir(), "flotilla-path-"));
    process.env.PATH = empty;
  });
  afterEach(() => {
    process.env.PATH = path;
    rmSync(empty, { recursive: true });
  });

  it("names all that it looked for where none is there, and the way without one", () => {
    assert.throws(() => findEngine(undefined), {
      message: /docker: not found; podman: not found; buildah: not found.*--context/,
    });
  });

  it("looks for no other than the one that is asked for", () => {
    assert.throws(() => findEngine("podman"), { message: /\(podman: not found\)/ });
  });
});

describe("runEngine()", () => {
  it("fails with the command and what it said", async () => {
    const command = [process.execPath, "-e", "console.error('no space left'); process.exit(3)"];
    await assert.rejects(runEngine(command, 0), (error: Error) => {
      assert.match(error.message, /ended with 3:\nno space left$/);
      assert(error.message.startsWith(formatCommand(command)));
      return true;
    });
  });
});
