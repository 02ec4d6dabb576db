import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadFleet } from "../../src/fleet/load.js";
import { fatalModel } from "../support/fatal-model.js";
import { FleetProcess } from "../support/fleet-process.js";
import {
  bfloat16Model,
  classifierModel,
  externalDataModel,
  identityModel,
  model,
  scaleModel,
  unsupportedOperatorModel,
} from "../support/onnx-builder.js";

const FLOTILLA = path.resolve("dist/src/bin/flotilla.js");
const FRAUD = classifierModel({ classes: ["legit", "fraud"], columns: 2 });
/** The same signature, another model: its classes change places. */
const BETTER = classifierModel({ classes: ["fraud", "legit"], columns: 2 });

describe("flotilla add", function () {
  this.timeout(60_000);
  let folder: string;
  let fleet: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-add-"));
    fleet = path.join(folder, "fleet");
    mkdirSync(fleet);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Writes a file outside of the fleet's folder, or where `name` says; returns its path. */
  function given(name: string, content: Uint8Array | string): string {
    const file = path.resolve(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  function run(args: readonly string[], cwd = fleet) {
    return spawnSync(process.execPath, [FLOTILLA, "add", ...args], { cwd, encoding: "utf8" });
  }

  /** Runs what has to succeed; returns what it printed. */
  function add(...args: readonly string[]): string {
    const { status, stdout, stderr } = run(args);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** Runs what has to be refused, with nothing written; returns the message. */
  function refused(...args: readonly string[]): string {
    const before = snapshot();
    const { status, stdout, stderr } = run(args);
    assert.equal(status, 1, `expected a refusal, got ${status}: ${stdout}${stderr}`);
    assert.match(stderr, /^error: /);
    assert.equal(stdout, "");
    assert.deepEqual(snapshot(), before);
    return stderr.replace(/^error: /, "").trimEnd();
  }

  /** All files of the fleet's folder with their content, but for what is only kept for speed. */
  function snapshot(): Record<string, string> {
    const names = readdirSync(fleet, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
    const own = files.filter((file) => !file.includes(`${path.sep}generated${path.sep}`)).sort();
    return Object.fromEntries(own.map((file) => [path.relative(fleet, file), readFileSync(file, "latin1")]));
  }

  const inFleet = (file: string) => readFileSync(path.join(fleet, file), "utf8");
  const CONTRACT = "proto/acme/fraud/v1/fraud_service.proto";

  it("begins a fleet: contract, model and fleet file, each of them said", () => {
    const file = given("fraud.onnx", FRAUD);
    const said = add(file, "--as", "acme.fraud.v1", "--columns", "amount,age");
    assert.match(said, /^copied +\.\.\/fraud\.onnx to models\/fraud\/r1\.onnx$/m);
    assert.match(said, /^wrote +proto\/acme\/fraud\/v1\/fraud_service\.proto$/m);
    assert.match(said, /^wrote +fleet\.yaml$/m);
    assert.match(said, /^ {2}node .*run\.js call acme\.fraud\.v1 '\{"instances":\[\{"amount":0,"age":0\}\]\}'$/m);
    const [contract] = loadFleet(path.join(fleet, "fleet.yaml")).contracts;
    assert.equal(contract?.name, "acme.fraud.v1");
    assert.deepEqual(
      contract?.revisions.map(({ name, model, sha256 }) => ({ name, model, sha256 })),
      [
        {
          name: "r1",
          model: path.join(fleet, "models/fraud/r1.onnx"),
          sha256: createHash("sha256").update(FRAUD).digest("hex"),
        },
      ],
    );
    assert.deepEqual(readFileSync(path.join(fleet, "models/fraud/r1.onnx")), Buffer.from(FRAUD));
    assert.match(inFleet(CONTRACT), /float amount = 1/);
  });

  describe("of a composition", () => {
    const MODULE = `
      export default {
        clients: { fraud: "acme.fraud.v1" },
        methods: {
          async judge({ amount, age }: { amount: number; age: number }, { fraud }: any) {
            const { predictions } = await fraud.predict({ instances: [{ amount, age }] });
            return { legit: predictions[0].probabilityLegit };
          },
        },
      };`;
    const PROTO = "proto/acme/judge/v1/judge_service.proto";

    beforeEach(() => {
      add(given("fraud.onnx", FRAUD), "--as", "acme.fraud.v1", "--columns", "amount,age");
      given("fleet/models/judge/r1.ts", MODULE);
    });

    it("writes a contract with its methods, and what the fleet file has to say of it", () => {
      const said = add("models/judge/r1.ts", "--as", "acme.judge.v1");
      assert.match(said, /^wrote +proto\/acme\/judge\/v1\/judge_service\.proto$/m);
      assert.match(said, /give the messages fields\n +\$EDITOR proto\/acme\/judge/);
      assert.match(inFleet(PROTO), /rpc Judge\(JudgeRequest\) returns \(JudgeResponse\);/);
      const judge = loadFleet(path.join(fleet, "fleet.yaml")).contracts.find(({ name }) => name === "acme.judge.v1")!;
      assert.deepEqual(judge.calls, ["acme.fraud.v1"]);
      const [{ name, module, sha256 }] = judge.revisions as [(typeof judge.revisions)[number]];
      assert.deepEqual(
        { name, path: module?.path, sha256 },
        {
          name: "r1",
          path: path.join(fleet, "models/judge/r1.ts"),
          sha256: createHash("sha256").update(MODULE).digest("hex"),
        },
      );
    });

    it("is served with that, once its messages have fields, and calls those whom its code calls", async () => {
      add("models/judge/r1.ts", "--as", "acme.judge.v1");
      const fields = inFleet(PROTO)
        .replace("message JudgeRequest {}", "message JudgeRequest { float amount = 1; float age = 2; }")
        .replace("message JudgeResponse {}", "message JudgeResponse { float legit = 1; }");
      given(`fleet/${PROTO}`, fields);
      const next = JSON.parse(add("models/judge/r1.ts", "--as", "acme.judge.v1", "--output", "json")).next as string[];
      assert.match(next.at(-1)!, / call acme\.judge\.v1\/Judge @request\.json$/);
      const server = await FleetProcess.start(fleet);
      try {
        const call = ["call", "acme.judge.v1/Judge", '{"amount": 0, "age": 0}', "--output", "json"];
        const answer = execFileSync(process.execPath, [FLOTILLA, ...call, "--target", server.served.address], {
          encoding: "utf8",
        });
        assert.deepEqual(JSON.parse(answer), { legit: 0.5 });
      } finally {
        await server.end();
      }
    });

    it("adds a second revision without calls of its own, and leaves the contract alone", () => {
      add("models/judge/r1.ts", "--as", "acme.judge.v1");
      const proto = inFleet(PROTO);
      given("fleet/models/judge/r2.ts", `${MODULE}\n// more`);
      const said = JSON.parse(add("models/judge/r2.ts", "--as", "acme.judge.v1", "--output", "json"));
      assert.deepEqual([said.revision, said.module], ["r2", "models/judge/r2.ts"]);
      assert.match(said.notes.join(), /r2 gets no calls yet/);
      assert.equal(inFleet(PROTO), proto);
    });

    const cases: readonly [what: string, change: (text: string) => string, message: RegExp, ...args: string[]][] = [
      [
        "calls whom the fleet does not have",
        (text) => text.replace("acme.fraud", "acme.frode"),
        /has a client of acme\.frode\.v1, which is not in fleet\.yaml; did you mean acme\.fraud\.v1\?/,
      ],
      ["is none", () => "export default {};", /a composition's default export has clients and methods/],
      [
        "is told of columns",
        (text) => text,
        /is a composition, and --columns is said of models; leave it out/,
        "--columns",
        "amount",
      ],
    ];
    for (const [what, change, message, ...args] of cases) {
      it(`refuses a module that ${what}`, () => {
        given("fleet/models/judge/r1.ts", change(MODULE));
        assert.match(refused("models/judge/r1.ts", "--as", "acme.judge.v1", ...args), message);
      });
    }

    it("refuses a module that answers less than its contract promises, or lies elsewhere", () => {
      add("models/judge/r1.ts", "--as", "acme.judge.v1");
      given("fleet/models/judge/r2.ts", MODULE.replace("judge(", "judgeAll("));
      assert.match(
        refused("models/judge/r2.ts", "--as", "acme.judge.v1"),
        /does not answer Judge, which proto\/acme\/judge/,
      );
      const outside = given("r3.ts", MODULE);
      assert.match(refused(outside, "--as", "acme.judge.v1"), /lies outside of the fleet's folder .*; put it there/);
    });
  });

  it("ends with commands that serve the model and call it", async () => {
    const file = given("fraud.onnx", FRAUD);
    const said = add(file, "--as", "acme.fraud.v1", "--columns", "amount,age", "--output", "json");
    const [, call] = JSON.parse(said).next as string[];
    const server = await FleetProcess.start(fleet);
    try {
      const command = call!.replace(/^npx flotilla/, `"${process.execPath}" "${FLOTILLA}"`);
      const answer = execFileSync("sh", ["-c", `${command} --target ${server.served.address} --output json`], {
        encoding: "utf8",
        cwd: fleet,
        stdio: "pipe",
      });
      assert.match(answer, /"probabilityLegit":\s*0\.5/);
    } finally {
      await server.end();
    }
  });

  it("prints what it would write with --dry-run, and writes nothing", () => {
    const file = given("fraud.onnx", FRAUD);
    const said = add(file, "--as", "acme.fraud.v1", "--dry-run");
    assert.match(said, /^package acme\.fraud\.v1;$/m);
    assert.match(said, /^would write +fleet\.yaml$/m);
    assert.deepEqual(snapshot(), {});
    add(file, "--as", "acme.fraud.v1");
    const before = snapshot();
    assert.match(add(given("b.onnx", BETTER), "--as", "acme.fraud.v1", "--dry-run"), /^would change +fleet\.yaml$/m);
    assert.deepEqual(snapshot(), before);
  });

  it("adds a second revision that fits, and leaves the fleet file's comments and order alone", () => {
    given("fleet/models/one.onnx", FRAUD);
    add("models/one.onnx", "--as", "acme.fraud.v1");
    const text = inFleet("fleet.yaml")
      .replace("spec:", "# what the risk team serves\nspec:")
      .replace("r1: 100 }", "r1: 100 } # all");
    writeFileSync(path.join(fleet, "fleet.yaml"), text);
    const said = add(given("better.onnx", BETTER), "--as", "acme.fraud.v1");
    assert.match(said, /^r2 gets no calls yet/m);
    assert.match(said, /run\.js call acme\.fraud\.v1 .* --revision r2$/m);
    const kept = inFleet("fleet.yaml").split("\n");
    assert.deepEqual(
      text.split("\n").filter((line) => !kept.includes(line)),
      [],
    );
    const { revisions, traffic } = loadFleet(path.join(fleet, "fleet.yaml")).contracts[0]!;
    assert.deepEqual(
      revisions.map(({ name }) => name),
      ["r1", "r2"],
    );
    assert.deepEqual(
      traffic.filter(({ weightPercent }) => weightPercent > 0),
      [{ revision: "r1", weightPercent: 100 }],
    );
  });

  it("takes the name that --revision gives, and the next free one otherwise", () => {
    assert.match(add(given("a.onnx", FRAUD), "--as", "acme.fraud.v1", "--revision", "r2"), /is acme\.fraud\.v1 r2 /);
    assert.match(add(given("b.onnx", BETTER), "--as", "acme.fraud.v1"), /is acme\.fraud\.v1 r1 /);
  });

  it("says that a model is there already, and changes nothing", () => {
    const file = given("fraud.onnx", FRAUD);
    add(file, "--as", "acme.fraud.v1");
    const before = snapshot();
    assert.match(add(file, "--as", "acme.fraud.v1"), /is already acme\.fraud\.v1 r1 /);
    assert.match(
      add("models/fraud/r1.onnx", "--as", "acme.fraud.v1", "--revision", "r7"),
      /is already acme\.fraud\.v1 r1 /,
    );
    assert.deepEqual(snapshot(), before);
  });

  it("refuses another model under a revision's name: revisions never change", () => {
    add(given("fraud.onnx", FRAUD), "--as", "acme.fraud.v1");
    const message = refused(given("b.onnx", BETTER), "--as", "acme.fraud.v1", "--revision", "r1");
    assert.match(message, /has a revision r1 already, another one \(sha256 .*leave --revision out and it becomes r2$/);
  });

  it("refuses a model that does not fit, with every difference and a command that makes the next version", () => {
    add(given("fraud.onnx", FRAUD), "--as", "acme.fraud.v1", "--columns", "amount,age");
    const wide = given("it's wide.onnx", classifierModel({ classes: [0, 1], columns: 3 }));
    const lines = refused(wide, "--as", "acme.fraud.v1", "--labels", "legit,fraud").split("\n");
    assert.deepEqual(lines.slice(0, 4), [
      `${wide} does not fit acme.fraud.v1 (${CONTRACT}):`,
      '  input "X": contract FP32[-1, 2], model FP32[-1, 3]',
      '  output "label": contract BYTES[-1], model INT64[-1]',
      "A contract never changes once it is released. This makes the next version:",
    ]);
    const command = lines[4]!.trim().replace(/^npx flotilla/, `"${process.execPath}" "${FLOTILLA}"`);
    execFileSync("sh", ["-c", command], { cwd: fleet, stdio: "pipe" });
    assert.match(inFleet("proto/acme/fraud/v2/fraud_service.proto"), /LABEL_LEGIT = 1/);
    assert.deepEqual(
      loadFleet(path.join(fleet, "fleet.yaml")).contracts.map(({ name }) => name),
      ["acme.fraud.v1", "acme.fraud.v2"],
    );
  });

  it("says which options change nothing where the contract is there already", () => {
    add(given("fraud.onnx", FRAUD), "--as", "acme.fraud.v1");
    const said = add(given("b.onnx", BETTER), "--as", "acme.fraud.v1", "--columns", "a,b", "--integers", "fixed");
    assert.match(said, /^The contract is there already, in .*: --columns, --integers change nothing\.$/m);
  });

  it("leaves a model that lies in the fleet's folder where it is", () => {
    given("fleet/trained/fraud.onnx", FRAUD);
    const { status, stderr } = run(
      ["fraud.onnx", "--as", "acme.fraud.v1", "--fleet", ".."],
      path.join(fleet, "trained"),
    );
    assert.equal(status, 0, stderr);
    assert.match(inFleet("fleet.yaml"), /model: trained\/fraud\.onnx/);
    assert(!existsSync(path.join(fleet, "models")));
  });

  it("copies a model that a link in the fleet's folder leads out to", () => {
    symlinkSync(given("fraud.onnx", FRAUD), path.join(fleet, "link.onnx"));
    add("link.onnx", "--as", "acme.fraud.v1");
    assert.match(inFleet("fleet.yaml"), /model: models\/fraud\/r1\.onnx/);
  });

  it("never overwrites a file that another contract's model has taken", () => {
    given("fleet/models/fraud/r1.onnx", "another");
    add(given("fraud.onnx", FRAUD), "--as", "acme.fraud.v1");
    assert.equal(inFleet("models/fraud/r1.onnx"), "another");
    assert.match(inFleet("fleet.yaml"), /model: models\/fraud_v1\/r1\.onnx/);
  });

  it("finishes what was broken off before", () => {
    const file = given("fraud.onnx", FRAUD);
    add(file, "--as", "acme.fraud.v1");
    const whole = snapshot();
    rmSync(path.join(fleet, "fleet.yaml"));
    const said = add(file, "--as", "acme.fraud.v1");
    assert.doesNotMatch(said, /copied/);
    assert.deepEqual(snapshot(), whole);
  });

  it("refuses a model over which ONNX Runtime ends its process, and is there to say so", () => {
    assert.match(
      refused(given("fatal.onnx", fatalModel()), "--as", "acme.fraud.v1"),
      /fatal\.onnx: ONNX Runtime ends its process while it loads it, by SIGABRT/,
    );
  });

  it("copies weights in other files together with their model", () => {
    const file = given("big/net.onnx", externalDataModel("weights/w.bin"));
    given("big/weights/w.bin", new Uint8Array(12));
    add(file, "--as", "acme.net.v1");
    assert.match(inFleet("fleet.yaml"), /model: models\/net\/r1\/r1\.onnx/);
    assert(existsSync(path.join(fleet, "models/net/r1/weights/w.bin")));
    assert.match(add("models/net/r1/r1.onnx", "--as", "acme.net.v1"), /is already/);
  });

  it("begins with a fleet file that has no contract yet", () => {
    given(
      "fleet/fleet.yaml",
      "# ours\napiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: { name: ours }\nspec:\n  contracts: []\n",
    );
    add(given("fraud.onnx", FRAUD), "--as", "acme.fraud.v1");
    assert.match(inFleet("fleet.yaml"), /^# ours\n/);
    assert.equal(loadFleet(path.join(fleet, "fleet.yaml")).name, "ours");
  });

  it("takes the shape of an output that the file leaves out from ONNX Runtime", () => {
    const bytes = model({
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
      outputs: [{ name: "y", datatype: "FP32" }],
      nodes: [{ op: "Transpose", inputs: ["x"], outputs: ["y"] }],
    });
    add(given("turn.onnx", bytes), "--as", "acme.turn.v1");
    assert.match(inFleet("proto/acme/turn/v1/turn_service.proto"), /name: "y"\s+shape: \[\s+4,\s+-1\s+\]/);
  });

  it("tells scripts what it did in JSON", () => {
    const report = JSON.parse(add(given("fraud.onnx", FRAUD), "--as", "acme.fraud.v1", "--output", "json"));
    assert.equal(report.contract, "acme.fraud.v1");
    assert.equal(report.revision, "r1");
    assert.equal(report.model, "models/fraud/r1.onnx");
    assert.equal(report.contractFile, CONTRACT);
    assert.equal(report.added, true);
    assert.deepEqual(
      report.changes.map((change: { action: string; file: string }) => `${change.action} ${change.file}`),
      ["copied models/fraud/r1.onnx", `created ${CONTRACT}`, "created fleet.yaml"],
    );
    const again = JSON.parse(add("models/fraud/r1.onnx", "--as", "acme.fraud.v1", "--output", "json"));
    assert.equal(again.added, false);
    assert.deepEqual(again.changes, []);
  });

  describe("with a transform", () => {
    it("writes messages for its author to fill, and names it in the fleet file", () => {
      const said = add(
        given("net.onnx", scaleModel({ factor: 2 })),
        "--as",
        "acme.net.v1",
        "--transform",
        "models/net.ts",
      );
      assert.match(said, /\$EDITOR proto\/acme\/net\/v1\/net_service\.proto models\/net\.ts/);
      assert.match(inFleet("proto/acme/net/v1/net_service.proto"), /^message PredictRequest \{\}$/m);
      assert.equal(
        loadFleet(path.join(fleet, "fleet.yaml")).contracts[0]?.transform,
        path.join(fleet, "models/net.ts"),
      );
      const second = add(given("net2.onnx", scaleModel({ factor: 3 })), "--as", "acme.net.v1");
      assert.match(second, /Whether the model fits its transform shows when it is served/);
    });

    it("refuses one that lies outside, one too many, and one that differs from the fleet's", () => {
      const net = given("net.onnx", scaleModel({ factor: 2 }));
      assert.match(refused(net, "--as", "acme.net.v1", "--transform", "../x.ts"), /lies outside of the fleet's folder/);
      add(net, "--as", "acme.net.v1");
      const other = given("other.onnx", scaleModel({ factor: 3 }));
      assert.match(refused(other, "--as", "acme.net.v1", "--transform", "x.ts"), /is in fleet\.yaml with no transform/);
      rmSync(path.join(fleet, "fleet.yaml"));
      assert.match(refused(other, "--as", "acme.net.v1", "--transform", "x.ts"), /leave --transform out/);
    });

    it("asks for one where the contract binds nothing", () => {
      const service = "service XService { rpc Predict(PredictRequest) returns (PredictResponse); }";
      const messages = "message PredictRequest {}\nmessage PredictResponse {}";
      given("fleet/proto/acme/x/v1/x.proto", `syntax = "proto3";\npackage acme.x.v1;\n${service}\n${messages}\n`);
      const net = given("net.onnx", scaleModel({ factor: 2 }));
      assert.match(
        refused(net, "--as", "acme.x.v1"),
        /binds no field to a tensor: name the module .* with --transform/,
      );
      add(net, "--as", "acme.x.v1", "--transform", "x.ts");
    });
  });

  describe("refuses, in one line,", () => {
    const vector = { name: "x", datatype: "FP32", shape: [-1, 2] } as const;
    const unranked = model({
      inputs: [{ name: "x", datatype: "INT64", shape: [2] }],
      outputs: [{ name: "y", datatype: "FP32" }],
      nodes: [{ op: "Loop", inputs: ["", "", "x"], outputs: ["y"], attributes: {} }],
    });
    const CASES: readonly (readonly [string, Uint8Array | string, RegExp])[] = [
      ["a file that is cut short", FRAUD.subarray(0, FRAUD.length / 2), /m\.onnx: the file is damaged or cut short/],
      ["a file that is no ONNX", "hello", /m\.onnx: this is not an ONNX model/],
      ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n", /run `git lfs pull`/],
      ["an empty file", "", /m\.onnx: the file is empty/],
      ["a classifier with ZipMap", classifierModel({ classes: [0, 1], columns: 2, zipMap: true }), /zipmap=False/],
      ["bfloat16", bfloat16Model(), /input "x" is of type bfloat16/],
      ["an operator that nothing runs", unsupportedOperatorModel(), /ONNX Runtime can't load it: .*Frobnicate/],
      ["weights that are not there", externalDataModel("w.bin"), /external data "w\.bin" does not exist/],
      [
        "weights from elsewhere",
        externalDataModel("/etc/hostname"),
        /"\/etc\/hostname" lies outside of the model's folder/,
      ],
      ["a graph that ONNX Runtime won't take", unranked, /m\.onnx: /],
      [
        "a model with no input",
        model({
          inputs: [],
          outputs: [vector],
          nodes: [{ op: "Identity", inputs: ["c"], outputs: ["x"] }],
          initializers: [{ name: "c", datatype: "FP32", dims: [1, 2], data: [1, 2] }],
        }),
        /the model has no input/,
      ],
    ];
    for (const [what, content, message] of CASES) {
      it(what, () => {
        const said = refused(given("m.onnx", content), "--as", "acme.m.v1");
        assert.match(said, message);
        assert.equal(said.split("\n").length, 1);
      });
    }

    it("a path with no file, and a folder", () => {
      assert.match(refused("nowhere.onnx", "--as", "acme.m.v1"), /^nowhere\.onnx does not exist$/);
      assert.match(refused(folder, "--as", "acme.m.v1"), /is a folder; name the \.onnx file in it$/);
    });

    it("columns and labels that the model has not", () => {
      const file = given("fraud.onnx", FRAUD);
      assert.match(refused(file, "--as", "acme.m.v1", "--columns", "a"), /--columns names 1 columns, the model has 2/);
      assert.match(
        refused(file, "--as", "acme.m.v1", "--labels", "a,b,c"),
        /--labels names 3 classes, the model has 2/,
      );
    });

    it("a model whose name the fleet file would not take", () => {
      given("fleet/net.model", scaleModel({ factor: 1 }));
      assert.match(refused("net.model", "--as", "acme.m.v1"), /models that end in \.onnx; rename it$/);
    });
  });

  it("refuses to touch a fleet file or a contract that is broken, and says where it is", () => {
    const file = given("fraud.onnx", FRAUD);
    given(
      "fleet/fleet.yaml",
      "apiVersion: flotilla.dev/v1\nkind: Flet\nmetadata: { name: x }\nspec: { contracts: [{}] }\n",
    );
    assert.match(refused(file, "--as", "acme.fraud.v1"), /fleet\.yaml:2:7: kind: expected "Fleet"/);
    rmSync(path.join(fleet, "fleet.yaml"));
    given(`fleet/${CONTRACT}`, 'syntax = "proto3";\npackage acme.fraud.v1;\nmessage {\n');
    assert.match(refused(file, "--as", "acme.fraud.v1"), /fraud_service\.proto:3:9: /);
    assert.match(refused(file, "--as", "acme.m.v1", "--fleet", "no/such/fleet.yaml"), /there is no folder no\/such/);
  });

  describe("exits with 2 on wrong usage:", () => {
    const CASES: readonly (readonly [string, readonly string[], RegExp])[] = [
      ["no contract", [], /required option '--as/],
      [
        "a contract without a version",
        ["--as", "acme.fraud"],
        /no contract name: expected a protobuf package with a version/,
      ],
      ["a contract in capitals", ["--as", "Acme.Fraud.v1"], /no contract name/],
      ["a contract among Flotilla's own", ["--as", "flotilla.v1"], /the package flotilla belongs to others/],
      ["a path as a contract", ["--as", "../x.v1"], /no contract name/],
      ["a path as a revision", ["--as", "acme.m.v1", "--revision", "../r1"], /expected a revision's name/],
      ["an empty column", ["--as", "acme.m.v1", "--columns", "a,,b"], /expected names with commas between/],
      ["an unknown style", ["--as", "acme.m.v1", "--style", "table"], /Allowed choices are record, tensor/],
    ];
    for (const [what, args, message] of CASES) {
      it(what, () => {
        const { status, stderr } = run([given("fraud.onnx", FRAUD), ...args]);
        assert.equal(status, 2);
        assert.match(stderr, message);
        assert.deepEqual(snapshot(), {});
      });
    }
  });

  it("makes contracts of every kind of model that are served as they stand", async () => {
    const types = ["BOOL", "UINT8", "INT16", "UINT64", "INT64", "FP16", "FP32", "FP64", "BYTES"] as const;
    const ports = (shape: (string | number)[]) => types.map((datatype) => ({ name: datatype, datatype, shape }));
    for (const [name, shape] of Object.entries({ scalars: [], rows: ["n", 2], free: ["n", "m"], columns: ["n", 1] })) {
      add(given(`${name}.onnx`, identityModel({ inputs: ports(shape) })), "--as", `acme.${name}.v1`);
      add(
        given(`${name}.onnx`, identityModel({ inputs: ports(shape) })),
        "--as",
        `fixed.${name}.v1`,
        "--integers",
        "fixed",
      );
    }
    const server = await FleetProcess.start(fleet);
    try {
      assert.deepEqual(
        server.served.models
          .filter((each) => each.state !== "READY")
          .map(({ contract, problem }) => ({ contract, problem })),
        [],
      );
      assert.equal(server.served.models.length, 8);
    } finally {
      await server.end();
    }
  });
});
