import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { SCALE } from "../wire/contracts.js";

const FLOTILLA = path.join(ROOT, "dist/src/bin/flotilla.js");
const NAME = "test.scale.v1";

describe("flotilla golden", () => {
  let folder: string;
  const revisions = {
    r1: scaleModel({ factor: 2 }),
    r2: scaleModel({ factor: 2.00001 }),
    r3: scaleModel({ factor: 10 }),
  };

  beforeEach(() => {
    folder = writeFleet({ [NAME]: { body: SCALE, revisions } });
  });
  afterEach(() => removeFleet(folder));

  function golden(...args: string[]) {
    const env = { ...process.env, NO_COLOR: "1" };
    const { status, stdout, stderr } = spawnSync(process.execPath, [FLOTILLA, "golden", ...args], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    return { code: status, stdout, stderr };
  }
  const caseFile = (name: string) => path.join(folder, `models/scale/golden/${name}.json`);
  const readCase = (name: string) => JSON.parse(readFileSync(caseFile(name), "utf8"));

  it("verifies what it recorded, every revision, and exits with 0", () => {
    const recorded = golden("record", NAME, '{"x": [1, 2, 3]}', "--case", "doubles", "--about", "doubles");
    assert.equal(recorded.code, 0, recorded.stderr);
    assert.match(recorded.stdout, /golden\/doubles\.json\n {2}r1 recorded\n {2}r2 recorded\n {2}r3 recorded\n/);
    const { code, stdout, stderr } = golden("verify");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /test\.scale\.v1 +r1 +doubles +3 values agree/);
    assert.match(stdout, /3 passed, 0 failed/);
  });

  it("exits with 1 and names each value where a revision has changed, on the terminal, in JSON and for CI", () => {
    golden("record", NAME, '{"x": [1, 2, 3]}', "--case", "doubles");
    const file = readCase("doubles");
    file.responses.r3.y[1] = 21;
    writeFileSync(caseFile("doubles"), JSON.stringify(file));
    const { code, stdout } = golden("verify", NAME, "--junit", "golden.xml");
    assert.equal(code, 1);
    assert.match(stdout, /r3 +doubles +1 of 3 values disagree/);
    assert.match(stdout, /y\[1\]: expected 21, got 20 \(1 apart, 0\.0021 allowed\)/);
    assert.match(
      readFileSync(path.join(folder, "golden.xml"), "utf8"),
      /<failure message="y\[1\]: expected 21, got 20/,
    );
    const json = JSON.parse(golden("verify", "--output", "json", "--revision", "r3", NAME).stdout);
    assert.deepEqual([json.passed, json.failed, json.results[0].disagreements[0].path], [0, 1, "y[1]"]);
  });

  it("records anew what has changed, and leaves what agrees as it is", () => {
    golden("record", NAME, '{"x": [1, 2, 3]}', "--case", "doubles");
    const before = readFileSync(caseFile("doubles"), "utf8");
    assert.match(golden("record", NAME).stdout, /r1 as before/);
    assert.equal(readFileSync(caseFile("doubles"), "utf8"), before);
    const file = readCase("doubles");
    file.responses.r1.y[0] = 7;
    writeFileSync(caseFile("doubles"), JSON.stringify(file));
    assert.match(golden("record", NAME, "--case", "doubles").stdout, /r1 changed:\n {4}y\[0\]: expected 7, got 2/);
    assert.deepEqual(readCase("doubles"), JSON.parse(before));
  });

  it("holds a running server to what its revision is to answer", async () => {
    golden("record", NAME, '{"x": [1, 2, 3]}', "--case", "doubles");
    const fleet = await FleetProcess.start(folder, "--only", `${NAME}/r3`);
    const who = golden("verify", NAME, "--target", fleet.served.address);
    assert.match(who.stdout, /r3 +doubles +3 values agree/, who.stderr);
    const other = golden("verify", NAME, "--target", fleet.served.address, "--revision", "r1");
    assert.equal(other.code, 1);
    assert.match(other.stdout, /NOT_FOUND: .*has no revision "r1"/);
    const encrypted = golden("verify", NAME, "--target", fleet.served.address, "--tls", "--deadline", "3s");
    assert.match(encrypted.stdout, /UNAVAILABLE|DEADLINE_EXCEEDED/, "the server speaks no TLS");
    await fleet.end();
  });

  it("does not pass where no case is for a revision, or there is none at all, and says how to record one", () => {
    const none = golden("verify");
    assert.equal(none.code, 1);
    assert.match(none.stdout, /has no golden cases in models\/scale\/golden; record one with `flotilla golden record/);
    golden("record", NAME, '{"x": [1, 2, 3]}', "--case", "doubles", "--revision", "r1");
    const { code, stdout } = golden("verify", "--junit", "golden.xml");
    assert.equal(code, 1);
    assert.match(stdout, /no golden case is for r2/);
    assert.match(readFileSync(path.join(folder, "golden.xml"), "utf8"), /no golden case is for r2/);
  });

  it("keeps tolerances, and names request files of the fleet instead of copying them", () => {
    mkdirSync(path.join(folder, "models/scale/samples"), { recursive: true });
    writeFileSync(path.join(folder, "models/scale/samples/request.json"), '{"x": [1, 2, 3]}');
    const args = [NAME, "@models/scale/samples/request.json", "--case", "doubles"];
    golden("record", ...args, "--tolerance", "y=20", "--tolerance", "y=100,0.5");
    const { request, tolerances, response, responses } = readCase("doubles");
    assert.equal(request, "@../samples/request.json");
    assert.deepEqual(tolerances, { y: { absolute: 100, relative: 0.5 } });
    // All agree within it.
    assert.deepEqual([response, responses], [{ y: [2, 4, 6] }, undefined]);
  });

  const WRONG: readonly [string, string[], number, RegExp][] = [
    ["an unknown contract", ["verify", "test.scales.v1"], 1, /did you mean test\.scale\.v1/],
    ["an unknown revision", ["verify", NAME, "--revision", "r9"], 1, /no revision "r9"; it has r1, r2, r3/],
    ["a request without a case", ["record", NAME, "{}"], 1, /--case/],
    ["no request and no case", ["record", NAME], 1, /no golden case in .*give a request/],
    ["a tolerance of words", ["record", NAME, "{}", "--case", "a", "--tolerance", "y=much"], 2, /one or two numbers/],
    ["a tolerance of no field", ["record", NAME, "{}", "--case", "a", "--tolerance", "z=1"], 1, /no field "z"/],
    ["a case that leads elsewhere", ["record", NAME, "{}", "--case", "../a"], 2, /file name/],
    ["an unknown verb", ["approve"], 2, /unknown command/],
  ];
  for (const [what, args, code, message] of WRONG) {
    it(`refuses ${what} with exit code ${code}, and says why`, () => {
      const ended = golden(...args);
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, message);
      assert(!existsSync(path.join(folder, "models/scale/golden/a.json")));
    });
  }
}).timeout(60_000);
