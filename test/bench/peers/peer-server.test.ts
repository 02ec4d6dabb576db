import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BenchFleet, writeBenchFleet } from "../../../bench/kinds.js";
import { PeerServer } from "../../../bench/peers/peer-server.js";
import type { Peer } from "../../../bench/peers/peers.js";
import { bareBytes } from "../../../bench/peers/wires.js";
import { ROOT } from "../../support/contract-fixture.js";

const PYTHON = path.join(process.env.FLOTILLA_VENV ?? path.join(ROOT, ".venv"), "bin", "python");
const PEER: Peer = {
  name: "peer",
  title: "Python's own server",
  language: "Python",
  folder: path.join("test", "support", "peer"),
  wire: bareBytes,
  batching: false,
  workers: [1],
};

describe("PeerServer", function () {
  this.timeout(200_000);
  let fleet: BenchFleet;
  let folder: string;

  before(() => {
    fleet = writeBenchFleet();
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-peers-"));
  });
  after(() => {
    fleet.remove();
    rmSync(folder, { recursive: true });
  });

  const start = (peer: Peer) =>
    PeerServer.start(peer, [PYTHON, path.resolve(peer.folder, "server.py")], {
      kind: fleet.kinds[0]!,
      threads: 1,
      batching: false,
      workers: 1,
    });

  it("serves the bench's model from a process of its own, until it is stopped", async () => {
    const server = await start(PEER);
    const [benign, malignant] = await server.lastOutput().then((output) => output.slice(-2));
    assert(
      Math.abs(benign! + malignant! - 1) < 1e-3,
      `${benign} and ${malignant} are the probabilities of two classes`,
    );
    assert(server.cpuSeconds() > 0);
    await server.stop();
    assert.equal(server.cpuSeconds(), 0);
    await assert.rejects(server.lastOutput(), /ECONNREFUSED/);
  });

  it("says what a server printed that does not start", async () => {
    writeFileSync(path.join(folder, "server.py"), `raise SystemExit("the licence has run out")`);
    await assert.rejects(start({ ...PEER, folder }), /ended before it was ready: .*the licence has run out/);
  });
});
