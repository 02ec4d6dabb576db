import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { filesOf, PEERS, versionOf } from "../../../bench/peers/peers.js";
import { ROOT } from "../../support/contract-fixture.js";

const ONNX_RUNTIME = /^onnxruntime==(\S+)$/m;

describe("the peers", () => {
  for (const peer of PEERS.filter(({ language }) => language === "Rust")) {
    it(`${peer.title} has each package pinned`, () => {
      const manifest = readFileSync(path.join(ROOT, filesOf(peer)[0]!), "utf8");
      const packages = manifest.split("[dependencies]")[1]!.split("[profile")[0]!;
      const loose = packages.split("\n").filter((line) => /^[\w-]+ = /.test(line) && !/"=\d+\.\d+\.\d+/.test(line));
      assert.deepEqual(loose, []);
      assert.match(versionOf(peer), /^\d+\.\d+/);
    });
  }

  for (const peer of PEERS.filter(({ language }) => language === "Python")) {
    it(`${peer.title} has each package pinned, and the tests' version of ONNX Runtime`, () => {
      const requirements = readFileSync(path.join(ROOT, peer.folder, "requirements.txt"), "utf8");
      const loose = requirements.split("\n").filter((line) => !/^(#.*|[\w.-]+(\[[\w,-]+\])?==\S+|)$/.test(line));
      assert.deepEqual(loose, []);
      assert.match(versionOf(peer), /^\d+\.\d+/);
      const own = readFileSync(path.join(ROOT, "test", "requirements.txt"), "utf8");
      assert.equal(ONNX_RUNTIME.exec(requirements)?.[1], ONNX_RUNTIME.exec(own)![1]);
    });

    it(`${peer.title} has a server that Python reads`, () => {
      const server = path.join(ROOT, peer.folder, "server.py");
      const { status, stderr } = spawnSync(
        "python3",
        ["-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", server],
        {
          encoding: "utf8",
        },
      );
      assert.equal(status, 0, stderr);
    });
  }
});
