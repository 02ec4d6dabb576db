import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Finding } from "../../src/fleet/findings.js";
import { protoText, ROOT } from "../support/contract-fixture.js";
import { fatalModel } from "../support/fatal-model.js";
import { removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { SCALE_UNARY } from "../wire/contracts.js";

const CONTRACT = "test.scale.v1";
const PROTO = "proto/test/scale/v1/contract.proto";

function flotilla(...args: string[]) {
  const command = [path.join(ROOT, "dist/src/bin/flotilla.js"), "check", ...args];
  return spawnSync(process.execPath, command, { encoding: "utf8", timeout: 60_000 });
}

describe("flotilla check", function () {
  this.timeout(60_000);
  let folder: string;
  const good = scaleModel({ factor: 2 });

  function write(file: string, content: string | Uint8Array): void {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), content);
  }
  /** Makes the fleet anew, with these fields of its one contract. */
  function fleet(revisions: Record<string, Uint8Array>, fields: object = {}): void {
    removeFleet(folder);
    folder = writeFleet({ [CONTRACT]: { body: SCALE_UNARY, revisions, fields } });
  }
  /** Exit code and findings, each as `file:line: path: message`, the file relative to the fleet's folder. */
  function check(...args: string[]) {
    const { status, stdout, stderr } = flotilla(folder, "--output", "json", ...args);
    assert.equal(stderr, "");
    const findings = (JSON.parse(stdout) as { findings: Finding[] }).findings.map((finding) => {
      const file = path.relative(folder, path.resolve(finding.file));
      return `${file}:${finding.line}: ${finding.path}${finding.path && ": "}${finding.message}`;
    });
    return { status, findings };
  }

  beforeEach(() => {
    folder = writeFleet({ [CONTRACT]: { body: SCALE_UNARY, revisions: { r1: good } } });
  });
  afterEach(() => removeFleet(folder));

  it("finds nothing in the example fleet, and says what it looked at", () => {
    const { status, stdout } = flotilla();
    assert.match(stdout, /^fleet\.yaml: no findings in \d+ contracts, \d+ revisions\n$/);
    assert.equal(status, 0);
  });

  it("ends with 0 where all is well, with 1 where something is found, with 2 where it is called wrongly", () => {
    assert.deepEqual(check(), { status: 0, findings: [] });
    write("fleet.yaml", "kind: Fleet");
    assert.equal(check().status, 1);
    assert.equal(flotilla("--no-such-option").status, 2);
  });

  it("tells findings as lines that editors link, and how many", () => {
    rmSync(path.join(folder, `models/${CONTRACT}/r1.onnx`));
    const { status, stdout } = flotilla(folder);
    const file = path.join(folder, "fleet.yaml");
    const line = `${file}:11:18: spec.contracts[0].revisions.r1.model: no such file; put the model there, or mend the path`;
    assert.equal(stdout, `${line}\n${file}: 1 finding in 1 contract, 1 revision\n`);
    assert.equal(status, 1);
  });

  it("finds a model over which ONNX Runtime ends its process, and looks at the others", () => {
    fleet({ r1: fatalModel(), r2: good }, { traffic: { r1: 100 } });
    const { status, findings } = check();
    assert.equal(status, 1);
    assert.equal(findings.length, 1, findings.join("\n"));
    assert.match(findings[0]!, /revisions\.r1\.model: .*ONNX Runtime ends its process while it loads it, by SIGABRT/);
  });

  describe("a composition", () => {
    const body =
      "service JoinService { rpc Join(JoinRequest) returns (JoinResponse); }\n" +
      "message JoinRequest { string text = 1; }\nmessage JoinResponse { string text = 1; }";
    /** The fleet with a composition before it, whose module and `calls` are given. Its digest is right unless said. */
    function compose(module: string, calls: string, sha256 = createHash("sha256").update(module).digest("hex")): void {
      write("proto/test/join/v1/join_service.proto", protoText("test.join.v1", body));
      write("join/r1.js", module);
      const text = readFileSync(path.join(folder, "fleet.yaml"), "utf8");
      const entry = `  contracts:\n    - name: test.join.v1\n      callers: []\n      calls: [${calls}]\n      deadline: 20s\n      revisions: { r1: { module: join/r1.js, sha256: ${sha256} } }\n`;
      write("fleet.yaml", text.replace("  contracts:\n", entry));
    }
    const messages = () => check().findings.flatMap((finding) => /spec\.contracts.*/.exec(finding) ?? []);
    const module = (clients: string, methods = "join() {}") =>
      `export default { clients: { ${clients} }, methods: { ${methods} } };\n`;

    it("is well where its code has clients of those whom the fleet file lets it call", () => {
      compose(module(`scale: "${CONTRACT}"`), CONTRACT);
      assert.deepEqual(messages(), []);
    });

    it("has clients neither of more contracts than `calls` names, nor of fewer", () => {
      compose(module(`other: "acme.other.v1"`), CONTRACT);
      assert.deepEqual(messages(), [
        "spec.contracts[0].revisions.r1.module: has a client of acme.other.v1, which calls does not name",
        `spec.contracts[0].revisions.r1.module: has no client of ${CONTRACT}, which calls names`,
      ]);
    });

    it("answers every method of its contract, and has the digest that the fleet file says", () => {
      const text = module(`scale: "${CONTRACT}"`, "");
      compose(text, CONTRACT, "a".repeat(64));
      assert.deepEqual(messages(), [
        `spec.contracts[0].revisions.r1.sha256: the composition's sha256 is ${createHash("sha256").update(text).digest("hex")}`,
        "spec.contracts[0].revisions.r1.module: does not answer Join",
      ]);
    });

    it("is found where its module is none", () => {
      compose("export default 7;\n", CONTRACT);
      assert.deepEqual(messages(), [
        "spec.contracts[0].revisions.r1.module: join/r1.js: a composition's default export has clients and methods",
      ]);
    });
  });

  it("finds a model with another digest", () => {
    write(`models/${CONTRACT}/r1.onnx`, scaleModel({ factor: 3 }));
    const digest = createHash("sha256")
      .update(scaleModel({ factor: 3 }))
      .digest("hex");
    assert.deepEqual(check().findings, [
      `fleet.yaml:12: spec.contracts[0].revisions.r1.sha256: the model's sha256 is ${digest}`,
    ]);
  });

  it("finds a model that does not fit its contract, tensor by tensor, and looks at the others", () => {
    fleet({ r1: scaleModel({ factor: 2, shape: ["batch", 4] }), r2: good });
    const at = "fleet.yaml:11: spec.contracts[0].revisions.r1.model: does not fit the contract:";
    assert.deepEqual(check().findings, [
      `${at} input "x": contract FP32[-1, 3], model FP32[-1, 4]`,
      `${at} output "y": contract FP32[-1, 3], model FP32[-1, 4]`,
    ]);
  });

  it("finds padding that the model can't have", () => {
    const batching = { maxSize: 8, padding: { values: { x: 0 } } };
    removeFleet(folder);
    folder = writeFleet({ [CONTRACT]: { body: SCALE_UNARY, revisions: { r1: good }, revisionFields: { batching } } });
    const { findings } = check();
    assert.equal(findings.length, 1);
    assert.match(
      findings[0]!,
      /revisions\.r1\.batching\.padding: input "x" is FP32\[-1, 3\]: its dimension 1 is not free$/,
    );
  });

  it("finds a file that is no model", () => {
    fleet({ r1: new TextEncoder().encode("no model") });
    const { findings } = check();
    assert.equal(findings.length, 1);
    assert.match(
      findings[0]!,
      /^fleet\.yaml:11: spec\.contracts\[0\]\.revisions\.r1\.model: models\/test\.scale\.v1\/r1\.onnx: /,
    );
  });

  it("leaves models unopened with --no-models", () => {
    fleet({ r1: new TextEncoder().encode("no model") });
    assert.deepEqual(check("--no-models"), { status: 0, findings: [] });
  });

  it("finds what buf lint finds, and a contract that does not compile, once", () => {
    write(
      PROTO,
      `syntax = "proto3";\npackage ${CONTRACT};\nimport "flotilla/v1/options.proto";\n${SCALE_UNARY.replace("float x", "float BadX")}`,
    );
    assert.deepEqual(check().findings, [
      `${PROTO}:9: Field name "BadX" should be lower_snake_case, such as "bad_x". (FIELD_LOWER_SNAKE_CASE)`,
    ]);
    write(PROTO, `syntax = "proto3";\npackage ${CONTRACT};\nmessage X {\n  flot x = 1;\n}\n`);
    assert.deepEqual(
      check().findings.map((finding) => finding.split(": ")[0]),
      [`${PROTO}:4`],
    );
  });

  it("finds bindings that make no sense", () => {
    write(PROTO, `syntax = "proto3";\npackage ${CONTRACT};\n${SCALE_UNARY.replaceAll(/ \[\(.*\]/g, "")}`);
    assert.deepEqual(check().findings, [
      "fleet.yaml:8: spec.contracts[0].name: no field of the contract's messages is bound to a tensor, and no transform is named",
    ]);
  });

  it("finds a transform that can't be loaded, or has nothing to do", () => {
    fleet({ r1: good }, { transform: "transform.mjs" });
    assert.match(check().findings.join(), /transform: the contract's messages are bound to tensors/);
    write(PROTO, `syntax = "proto3";\npackage ${CONTRACT};\n${SCALE_UNARY.replaceAll(/ \[\(.*\]/g, "")}`);
    assert.match(check().findings.join(), /transform: transform\.mjs: there is no such transform/);
  });

  it("finds an example that the contract does not take", () => {
    fleet({ r1: good }, { example: "example.json" });
    assert.match(check().findings.join(), /example: no such file$/);
    write("example.json", '{"x": ["many"]}');
    assert.match(check().findings.join(), /example: expected a test\.scale\.v1\.PredictRequest as JSON: /);
    write("example.json", '{"x": [1, 2, 3]}');
    assert.deepEqual(check().findings, []);
  });

  it("finds a change that breaks callers of a release", () => {
    const released = writeFleet({ [CONTRACT]: { body: SCALE_UNARY, revisions: { r1: good } } });
    try {
      assert.deepEqual(check("--against", released), { status: 0, findings: [] });
      write(
        PROTO,
        `syntax = "proto3";\npackage ${CONTRACT};\nimport "flotilla/v1/options.proto";\n${SCALE_UNARY.replace("float x = 1", "float x = 2")}`,
      );
      const { status, findings } = check("--against", released);
      assert.equal(status, 1);
      assert.match(
        findings.join("\n"),
        /contract\.proto:\d+: Previously present field "1" with name "x" on message "PredictRequest" was deleted/,
      );
    } finally {
      removeFleet(released);
    }
  });

  it("tells of a release that is not there", () => {
    assert.match(
      check("--against", "no-such-tag").findings.join(),
      /no-such-tag:0: expected a folder with proto\/ in it, or a git commit/,
    );
  });
});
