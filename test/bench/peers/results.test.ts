import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { peersReport } from "../../../bench/peers/report.js";
import { type Result, Results } from "../../../bench/peers/results.js";

const ROUND = { cpuMicros: 500, callsPerSecond: 1000, p50Ms: 10, p99Ms: 20 };
const RESULT: Result = {
  kind: "tiny tabular",
  batching: false,
  peer: "mlserver",
  title: "MLServer",
  version: "1.7.1",
  wire: "OIP, gRPC",
  workers: 2,
  figures: ROUND,
  reference: { ...ROUND, cpuMicros: 250, callsPerSecond: 4000 },
  measured: "2026-11-25T12:00:00.000Z",
  digest: "a",
};

describe("Results", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-peers-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = () => new Results(path.join(folder, "peers.json"), { processors: 2 });

  it("keep figures for the next run, as long as they are of the same things", () => {
    open().add(RESULT);
    assert.deepEqual(open().kept(RESULT, "a"), RESULT);
    assert.equal(open().kept(RESULT, "b"), undefined);
    assert.equal(open().kept({ ...RESULT, batching: true }, "a"), undefined);
  });

  it("keep no failure: it is tried again", () => {
    open().add({ ...RESULT, figures: undefined, failure: "can't be installed" });
    assert.equal(open().kept(RESULT, "a"), undefined);
  });

  it("have one of each, the newest", () => {
    const results = open();
    results.add(RESULT);
    results.add({ ...RESULT, digest: "b" });
    assert.deepEqual(
      open().all.map(({ digest }) => digest),
      ["b"],
    );
  });
});

describe("peersReport()", () => {
  it("sets a peer against what Flotilla did in turn with it", () => {
    assert.match(
      peersReport([RESULT]),
      /^\| MLServer \| off \| OIP, gRPC \| 2 \| 0\.25 \| 2\.00 \| 1000 \| 500 \| 10\.0 \| 20\.0 \|$/m,
    );
  });

  it("names what was not measured, and why", () => {
    const failed = { ...RESULT, figures: undefined, reference: undefined, failure: "ended before it was ready" };
    const report = peersReport([failed]);
    assert.match(report, /^- MLServer, tiny tabular, batching off: ended before it was ready$/m);
    assert.match(report, /^- OpenVINO Model Server: /m);
  });
});
