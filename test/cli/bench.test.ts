import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { SCALE } from "../wire/contracts.js";

const SHORT = ["--duration", "300ms", "--warm-up", "100ms"];

describe("flotilla bench", () => {
  let folder: string;
  let fleet: FleetProcess;

  before(async () => {
    folder = writeFleet({ "test.scale.v1": { body: SCALE, revisions: { r1: scaleModel({ factor: 2 }) } } });
    fleet = await FleetProcess.start(folder);
  });
  after(async () => {
    await fleet.end();
    removeFleet(folder);
  });

  const bench = (...args: string[]) => flotilla("bench", ...args, "--target", fleet.served.address, ...SHORT);
  const figures = async (...args: string[]) => {
    const { code, stdout, stderr } = await bench(...args, "--output", "json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };

  it("counts every call that the server answered, with its latency and the server's own times", async () => {
    const before = await fleet.metric("flotilla_requests_total");
    const report = await figures("test.scale.v1", "--concurrency", "4");
    const answered = (await fleet.metric("flotilla_requests_total")) - before;
    assert(report.load.codes.OK > 0 && report.load.codes.OK <= answered);
    assert.equal(report.load.asMeasured.count, report.load.codes.OK);
    assert(report.serverTiming.inferMs > 0);
    assert(report.load.latency.percentilesMs["99"] >= report.load.latency.percentilesMs["50"]);
  });

  it("reports the server's processor time a call and memory, from its metrics page", async () => {
    const report = await figures("test.scale.v1", "--metrics", fleet.served.metrics);
    assert(report.server.cpuMicrosPerCall > 0);
    assert(report.server.residentBytes > 2 ** 20);
  });

  it("makes calls at a rate", async () => {
    const report = await figures("test.scale.v1", "--rate", "100", "--gaps", "equal", "--connections", "2");
    assert(report.load.codes.OK >= 15 && report.load.codes.OK <= 60, JSON.stringify(report.load.codes));
    assert.equal(report.connections, 2);
  });

  it("makes an Open Inference request by the model's own metadata, of as many rows as asked", async () => {
    const one = await figures("test.scale.v1", "--protocol", "oip");
    const many = await figures("test.scale.v1", "--protocol", "oip", "--rows", "100");
    assert.equal(one.method, "inference.GRPCInferenceService/ModelInfer");
    assert(many.requestBytes - one.requestBytes >= 99 * 4, `${one.requestBytes} and ${many.requestBytes} bytes`);
  });

  it("sends a list of requests in turn", async () => {
    const file = path.join(folder, "requests.json");
    writeFileSync(file, JSON.stringify([{ x: [1, 2, 3] }, { x: [1, 2, 3, 4, 5, 6] }]));
    // 4 bytes a value, and two before them.
    assert.equal((await figures("test.scale.v1", `@${file}`)).requestBytes, (14 + 26) / 2);
  });

  it("says which code calls failed with, and exits with 1", async () => {
    const { code, stdout } = await bench("test.scale.v1", "--revision", "r9");
    assert.equal(code, 1);
    assert.match(stdout, /NOT_FOUND \d+/);
    assert.match(stdout, /first failure: NOT_FOUND: .*has no revision "r9"/);
  });

  it("makes the load of a profile, with figures for each stage and what it was held to", async () => {
    const { code, stdout, stderr } = await flotilla(
      ...["bench", "test.scale.v1", "--target", fleet.served.address, "--warm-up", "0ms", "--output", "json"],
      ...["--profile", "spike", "--from", "50", "--to", "200", "--duration", "205ms", "--over", "100ms"],
      ...["--gaps", "equal", "--objective", "p99=10m", "--objective", "spike:rate=1"],
    );
    assert.equal(code, 0, stderr);
    const { load, objectives } = JSON.parse(stdout);
    const counted = load.stages.map(({ stage, codes }: typeof load) => [stage.name, codes.OK]);
    assert.deepEqual(counted, [
      ["before", 10],
      ["spike", 20],
      ["after", 10],
    ]);
    assert.deepEqual(
      objectives.map(({ objective, isKept }: { objective: string; isKept: boolean }) => [objective, isKept]),
      [
        ["p99=10m", true],
        ["spike:rate=1", true],
        ["errors=0%", true],
      ],
    );
    assert.match(stderr, /stage spike of 100ms: \d+ calls\/s, /);
  });

  it("exits with 1 where an objective is missed, and says so for people and for CI", async () => {
    const junit = path.join(folder, "bench.xml");
    const args = ["--profile", "soak", "--rate", "100", "--steps", "2", "--objective", "p50=0ms", "--junit", junit];
    const { code, stdout } = await bench("test.scale.v1", ...args);
    assert.equal(code, 1);
    assert.match(stdout, /^missed {2}p50=0ms: [\d.]+m?s, in stages 1, 2$/m);
    assert.match(stdout, /^STAGE +ASKED\/S +ANSWERED\/S/m);
    const xml = readFileSync(junit, "utf8");
    assert.match(xml, /tests="2" failures="1"/);
    assert.match(xml, /<testcase name="p50=0ms" [^>]*>\s*<failure message="p50=0ms: [\d.]+m?s, in stages 1, 2">/);
  });

  it("allows as many failures as an objective does", async () => {
    const { code } = await bench("test.scale.v1", "--revision", "r9", "--objective", "errors=100%");
    assert.equal(code, 0);
  });

  it("reports what it measured where it is ended early, and exits with 1", async () => {
    const soak = ["--profile", "soak", "--rate", "50", "--duration", "1m", "--steps", "100", "--warm-up", "0ms"];
    const args = ["bench", "test.scale.v1", "--target", fleet.served.address, ...soak, "--output", "json"];
    const { code, stdout } = await flotilla(...args, (child: ChildProcess) =>
      child.stderr!.once("data", () => child.kill("SIGINT")),
    );
    assert.equal(code, 1);
    const { load } = JSON.parse(stdout);
    assert(load.isCut && load.seconds < 60 && load.stages.length >= 1);
  });

  for (const [args, message] of [
    [["--profile", "ramp"], /--profile ramp needs --from and --to/],
    [["--profile", "soak"], /--profile soak needs --rate/],
    [["--profile", "spike", "--rate", "5"], /--profile spike takes --from, --to, --over, --duration, not --rate/],
    [["--from", "5"], /--from needs --profile/],
    [["--objective", "spike:p99=1s"], /no stage "spike"; stages come with --profile/],
    [["--profile", "soak", "--rate", "5", "--steps", "101"], /expected a whole number from 1 to 100/],
    [["--objective", "p99=fast"], /expected p50, .* got "p99=fast"/],
  ] as const) {
    it(`takes ${args.join(" ")} for wrong usage, before it makes any call`, async () => {
      const { code, stderr } = await flotilla("bench", "test.scale.v1", "--target", "127.0.0.1:1", ...args);
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }

  it("prints a table for people", async () => {
    const { stdout } = await bench("test.scale.v1");
    assert.match(stdout, /calls\/s over 0\.\d s; requests of \d+ bytes on 1 connection/);
    assert.match(stdout, /^p99\.9 +[\d.]+ ms +[\d.]+ ms$/m);
  });

  it("says what is wrong where it can't begin", async () => {
    const unreachable = await flotilla("bench", "test.scale.v1", "--target", "127.0.0.1:1");
    assert.match(unreachable.stderr, /nothing listens at 127\.0\.0\.1:1/);
    assert.equal(unreachable.code, 1);
    assert.match((await bench("test.scale.v1/PredictStream")).stderr, /takes a stream/);
    const both = await bench("test.scale.v1", "--rate", "1", "--concurrency", "1");
    assert.equal(both.code, 2);
    const page = await bench("test.scale.v1", "--rate", "50", "--metrics", `http://${fleet.served.address}/metrics`);
    assert.match(page.stderr, /--metrics: .* can't be read/);
  });
});

type OnStart = (child: ChildProcess) => void;

async function flotilla(...rest: (string | OnStart)[]) {
  const args = rest.filter((each) => typeof each === "string");
  const child = spawn(process.execPath, [path.join(ROOT, "dist/src/bin/flotilla.js"), ...args]);
  for (const onStart of rest) if (typeof onStart === "function") onStart(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  const [code] = await once(child, "close");
  return { code: code as number | null, ...output };
}
