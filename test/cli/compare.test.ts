import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { RecordedCall } from "../../generated/ts/flotilla/v1/recording.js";
import { encodeRecorded } from "../../src/testing/recording.js";
import { compileContract, JsonCodec, ROOT } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { SCALE } from "../wire/contracts.js";

const FLOTILLA = path.join(ROOT, "dist/src/bin/flotilla.js");
const NAME = "test.scale.v1";

describe("flotilla compare", () => {
  let folder: string;
  const revisions = { r1: scaleModel({ factor: 2 }), r2: scaleModel({ factor: 2 }), r3: scaleModel({ factor: 3 }) };

  before(() => {
    folder = writeFleet({ [NAME]: { body: SCALE, revisions } });
    const lines = Array.from({ length: 40 }, (_, index) => JSON.stringify({ x: [index, 1, 0] }));
    writeFileSync(path.join(folder, "requests.ndjson"), lines.join("\n"));
  });
  after(() => removeFleet(folder));

  function compare(...args: string[]) {
    const env = { ...process.env, NO_COLOR: "1" };
    const { status, stdout, stderr } = spawnSync(process.execPath, [FLOTILLA, "compare", ...args], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    return { code: status, stdout, stderr };
  }
  const json = (...args: string[]) => JSON.parse(compare(...args, "--output", "json").stdout);

  it("finds nothing between two revisions that answer the same, and exits with 0", () => {
    const report = json(NAME, "r1", "r2", "--requests", "requests.ndjson", "--max-disagreement", "0", "--max-psi", "0");
    assert.deepEqual([report.requests, report.disagreeing, report.newFailures, report.exceeded], [40, 0, 0, []]);
    assert.deepEqual(report.fields[0].drift, { psi: 0, ks: 0 });
  });

  it("says how many values of which field disagree, by how much, how far they drift, and the worst first", () => {
    const { fields, disagreeing, worst, figures } = json(NAME, "r1", "r3", "--requests", "requests.ndjson");
    const [{ field, compared, disagreeing: values, largestDifference, drift }] = fields;
    assert.deepEqual([disagreeing, field, compared, values, largestDifference], [40, "y", 120, 79, 39]);
    assert(drift.psi > 0.05 && drift.ks > 0.1, JSON.stringify(drift));
    assert.equal(worst[0].request, 39);
    for (const { calls, failed, p50Ms, p99Ms, inferMs, cpuMs } of figures) {
      assert.deepEqual([calls, failed], [40, 0]);
      assert(p50Ms > 0 && p99Ms >= p50Ms && inferMs > 0 && inferMs <= p50Ms && cpuMs > 0);
    }
  });

  it("exits with 1 where a limit is exceeded, and names it", () => {
    const args = [NAME, "r1", "r3", "--requests", "requests.ndjson"];
    assert.equal(compare(...args).code, 0);
    for (const [limit, message] of [
      ["--max-disagreement=50", /requests that disagree: 100 %, at most 50 % allowed/],
      ["--max-psi=0.01", /PSI of y: [\d.]+, at most 0.01 allowed/],
      ["--max-ks=0.01", /KS of y: [\d.]+, at most 0.01 allowed/],
    ] as const) {
      const { code, stdout } = compare(...args, limit);
      assert.equal(code, 1);
      assert.match(stdout, message);
    }
    assert.equal(compare(...args, "--tolerance", "y=0,0.6", "--max-disagreement", "0").code, 0);
  });

  it("reads a recording, streams included, and leaves calls of other contracts out", () => {
    const codec = new JsonCodec(compileContract(NAME, SCALE).image);
    const content = (x: number[]) => ({ content: codec.encode(`${NAME}.PredictRequest`, { x }), afterMs: 0 });
    const call = (method: string, ...requests: number[][]) =>
      encodeRecorded(RecordedCall.fromPartial({ method, requests: requests.map(content) }));
    const bytes = Buffer.concat([
      call(`/${NAME}.ScaleService/Predict`, [1, 2, 3]),
      call("/test.other.v1.OtherService/Predict", [1]),
      call(`/${NAME}.ScaleService/PredictStream`, [1, 2, 3], [4, 5, 6]),
    ]);
    writeFileSync(path.join(folder, "recorded.binpb"), bytes);
    const { requests, fields, worst } = json(NAME, "r1", "r3", "--requests", "recorded.binpb");
    assert.deepEqual([requests, fields[0].compared], [2, 9]);
    assert.equal(worst[0].disagreements[0].path, "[0].y[0]");
    writeFileSync(path.join(folder, "other.binpb"), call("/test.other.v1.OtherService/Predict", [1]));
    assert.match(
      compare(NAME, "r1", "r3", "--requests", "other.binpb").stderr,
      /no call of test\.scale\.v1: it has calls of test\.other\.v1/,
    );
  });

  it("asks a running server, and exits with 1 where the candidate refuses what the baseline answers", async () => {
    const fleet = await FleetProcess.start(folder, "--only", `${NAME}/r1`);
    const { code, stdout } = compare(
      NAME,
      "r1",
      "r3",
      "--requests",
      "requests.ndjson",
      "--target",
      fleet.served.address,
    );
    await fleet.end();
    assert.equal(code, 1);
    assert.match(stdout, /r3 fails 40 of 40 requests that r1 answers/);
    assert.match(stdout, /expected "an answer", got "NOT_FOUND: .*no revision/);
  });

  it("sends the golden cases where nothing else is named, and says so where there are none", () => {
    assert.match(compare(NAME, "r1", "r3").stderr, /no golden cases; name a file with --requests/);
    const golden = path.join(folder, "models/scale/golden");
    mkdirSync(golden, { recursive: true });
    const file = { method: NAME, request: { x: [1, 2, 3] }, response: { y: [2, 4, 6] } };
    writeFileSync(path.join(golden, "a.json"), JSON.stringify(file));
    assert.equal(json(NAME, "r1", "r3").requests, 1);
  });

  it("writes a page that needs nothing from elsewhere and holds every figure, whatever the answers say", () => {
    compare(NAME, "r1", "r3", "--requests", "requests.ndjson", "--html", "page.html", "--max-psi", "0.01");
    const page = readFileSync(path.join(folder, "page.html"), "utf8");
    assert.match(page, /<h1>test\.scale\.v1: r1 and r3<\/h1>/);
    assert.match(page, /Held: more than what is allowed/);
    assert.match(page, /<code>y<\/code>/);
    assert.match(page, /<svg /);
    assert.doesNotMatch(page, /<script|<link|<img|@import|url\(|src=/);
    const refs = [...page.matchAll(/https?:\/\/[^"\s<]+/g)].map(([url]) => url);
    assert.deepEqual(refs, []);
  });

  const WRONG: readonly [string, string[], number, RegExp][] = [
    ["an unknown revision", [NAME, "r1", "r9"], 1, /no revision "r9"; it has r1, r2, r3/],
    ["a file that is not there", [NAME, "r1", "r2", "--requests", "no.binpb"], 1, /no\.binpb: there is no such file/],
    ["JSON that is none", [NAME, "r1", "r2", "--requests", "fleet.json"], 1, /fleet\.json.*no such file/],
    ["a limit of words", [NAME, "r1", "r2", "--max-psi", "low"], 2, /0 or more/],
    ["too few revisions", [NAME, "r1"], 2, /missing required argument/],
  ];
  for (const [what, args, code, message] of WRONG) {
    it(`refuses ${what} with exit code ${code}, and says why`, () => {
      const ended = compare(...args);
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, message);
    });
  }
}).timeout(60_000);
