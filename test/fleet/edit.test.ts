import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { addRevision, nextRevision, type RevisionToAdd } from "../../src/fleet/edit.js";
import { DIGEST, FleetFolder, findingsOf, findingsOfText, SAMPLE } from "./sample.js";

const OPTIONS = { file: "fleet.yaml", fleetName: "payments", schema: "docs/fleet.schema.json" };
const OTHER_DIGEST = DIGEST.replace("5", "6");

function added(contract: string, revision: string): RevisionToAdd {
  return { contract, revision, says: { model: `models/${revision}.onnx` }, sha256: OTHER_DIGEST };
}

function add(text: string | undefined, ...revisions: RevisionToAdd[]): string {
  return revisions.reduce<string | undefined>((file, revision) => addRevision(file, revision, OPTIONS), text)!;
}

/** Lines that an edit put in; fails where it changed or dropped any other. */
function newLines(before: string, after: string): string[] {
  const old = before.split("\n");
  const lines: string[] = [];
  for (const line of after.split("\n")) {
    if (line === old[0]) old.shift();
    else lines.push(line);
  }
  assert.deepEqual(old, [], "lines that are gone");
  return lines;
}

describe("addRevision()", () => {
  it("begins a file that editors know the schema of", () => {
    const text = add(undefined, { ...added("acme.fraud.v1", "r1"), isNew: { transform: "models/fraud/transform.ts" } });
    assert.equal(
      text,
      `# yaml-language-server: $schema=docs/fleet.schema.json
apiVersion: flotilla.dev/v1
kind: Fleet
metadata:
  name: payments
spec:
  contracts:
    - name: acme.fraud.v1
      callers: []
      transform: models/fraud/transform.ts
      revisions:
        r1:
          model: models/r1.onnx
          sha256: ${OTHER_DIGEST}
      traffic: { r1: 100 }
`,
    );
    assert.deepEqual(findingsOfText(text), []);
  });

  it("adds one line to a contract whose revisions have one, right after them", () => {
    const lines = newLines(SAMPLE, add(SAMPLE, added("acme.fraud.v1", "r4")));
    assert.deepEqual(lines, [`        r4: { model: models/r4.onnx, sha256: ${OTHER_DIGEST} }`]);
    const text = add(SAMPLE, added("acme.fraud.v1", "r4"));
    assert(
      text.indexOf("r4: {") < text.indexOf("# r4 comes in spring") && text.indexOf("r0: {") < text.indexOf("r4: {"),
    );
  });

  it("adds a block to a contract whose revisions are blocks, and says who has had the traffic so far", () => {
    const text = add(SAMPLE, added("acme.digits.v2beta1", "r2"));
    assert.deepEqual(newLines(SAMPLE, text), [
      "        r2:",
      "          model: models/r2.onnx",
      `          sha256: ${OTHER_DIGEST}`,
      "      traffic: { r1: 100 }",
    ]);
    assert.deepEqual(findingsOfText(text), []);
  });

  it("says the traffic right after the revisions, whatever follows them", () => {
    const before = `spec:\n  contracts:\n    - name: a.b.v1\n      revisions:\n        r1: { model: m.onnx, sha256: ${DIGEST} }\n      deadline: 1s\n`;
    const lines = add(before, added("a.b.v1", "r2")).split("\n");
    assert.deepEqual(lines.slice(6), ["      traffic: { r1: 100 }", "      deadline: 1s", ""]);
  });

  it("adds a contract after the others, before the comments that end the file", () => {
    const text = add(SAMPLE, added("acme.churn.v1", "r1"));
    assert.deepEqual(newLines(SAMPLE, text), [
      "    - name: acme.churn.v1",
      "      callers: []",
      "      revisions:",
      "        r1:",
      "          model: models/r1.onnx",
      `          sha256: ${OTHER_DIGEST}`,
      "      traffic: { r1: 100 }",
    ]);
    assert(text.endsWith("traffic: { r1: 100 }\n# the end\n"));
    assert.deepEqual(findingsOfText(text), []);
  });

  it("gives a later revision no traffic", () => {
    const text = add(undefined, added("a.b.v1", "r1"), added("a.b.v1", "r2"));
    assert.match(text, /traffic: \{ r1: 100 \}\n$/);
    assert.deepEqual(findingsOfText(text), []);
  });

  it("leaves every other letter of the example fleet as it is", () => {
    const example = readFileSync("fleet.yaml", "utf8");
    assert.equal(newLines(example, add(example, added("acme.tumor.v1", "r99"))).length, 3);
    assert.equal(newLines(example, add(example, added("acme.churn.v1", "r1"))).length, 7);
  });

  it("puts names and digests that YAML would read as numbers in quotes", () => {
    const digits = "1".repeat(64);
    const text = add(undefined, { ...added("a.b.v1", "1.10"), sha256: digits });
    assert(text.includes('"1.10":') && text.includes(`sha256: "${digits}"`) && text.includes('{ "1.10": 100 }'));
    assert.deepEqual(findingsOfText(text), []);
  });

  it("indents, pads and ends lines as the file does", () => {
    const wide = `spec:\n    contracts:\n    -   name: a.b.v1\n        revisions:\n            r1: {model: m.onnx, sha256: ${DIGEST}}\n        traffic: {r1: 100}\n`;
    assert.deepEqual(newLines(wide, add(wide, added("a.b.v1", "r2"))), [
      `            r2: {model: models/r2.onnx, sha256: ${OTHER_DIGEST}}`,
    ]);
    const windows = SAMPLE.replaceAll("\n", "\r\n");
    const text = add(windows, added("acme.churn.v1", "r1"));
    assert.equal(text.replaceAll("\r\n", "").includes("\n"), false);
    assert.equal(newLines(windows, text).length, 7);
  });

  it("adds to a file whose last line does not end", () => {
    const text = add(SAMPLE.trimEnd().replace("\n# the end", ""), added("acme.digits.v2beta1", "r2"));
    assert.deepEqual(findingsOfText(text), []);
  });

  const unusual: [string, string, string][] = [
    ["no contracts yet", "spec:\n  contracts: # soon\n", "# soon"],
    ["an empty list of contracts", "# mine\nspec:\n  contracts: []\n", "# mine"],
    ["no spec yet", "# mine\nkind: Fleet\n", "# mine"],
    ["comments alone", "# mine\n", "# mine"],
    ["all on one line", "spec: {contracts: [{name: a.b.v1, revisions: {}}]} # mine\n", "# mine"],
    [
      "quoted keys",
      `"spec":\n  "contracts":\n    - "name": a.b.v1 # mine\n      "revisions": {"r1": {"model": m.onnx, "sha256": ${DIGEST}}}\n`,
      "# mine",
    ],
    [
      "anchors",
      `spec:\n  contracts:\n    - name: a.b.v1 # mine\n      revisions: &r\n        r1: &one { model: m.onnx, sha256: ${DIGEST} }\n        r2: *one\n`,
      "# mine",
    ],
    [
      "a long text",
      `spec:\n  contracts:\n    - name: a.b.v1 # mine\n      revisions:\n        r1:\n          model: m.onnx\n          sha256: |-\n            ${DIGEST}\n`,
      "# mine",
    ],
  ];
  for (const [form, text, comment] of unusual) {
    it(`adds to a file with ${form}, and keeps its comment`, () => {
      const edited = add(text, added("a.b.v1", "r9"));
      assert(edited.includes(comment));
      assert.match(edited, /models\/r9\.onnx/);
      assert.equal(add(edited, added("a.b.v1", "r9")), edited);
    });
  }

  it("changes nothing where the revision is there already", () => {
    const same = { contract: "acme.fraud.v1", revision: "r1", says: { model: "models/fraud/r1.onnx" }, sha256: DIGEST };
    assert.equal(add(SAMPLE, same), SAMPLE);
  });

  it("refuses to give a revision another model, and names a free one", () => {
    const findings = findingsOf(() => add(SAMPLE, added("acme.fraud.v1", "r1")));
    assert.deepEqual(findings, [
      {
        file: "fleet.yaml",
        line: 47,
        column: 9,
        path: "spec.contracts[0].revisions.r1",
        message: 'is there already, with "models/fraud/r1.onnx"; a revision never changes',
        fix: "add it as r4",
      },
    ]);
  });

  it("refuses a file that is no fleet, and says where", () => {
    const cases: [string, RegExp][] = [
      ["[1]", /expected a mapping, got a list/],
      ["spec: 1", /spec: expected a mapping, got 1/],
      ["spec: { contracts: { a: 1 } }", /spec\.contracts: expected a list, got a mapping/],
      ["a: [", /not valid YAML/],
      ["a: 1\na: 2", /is written twice/],
    ];
    for (const [text, expected] of cases) assert.throws(() => add(text, added("a.b.v1", "r1")), expected);
  });

  it("makes files that a server loads", () => {
    const folder = new FleetFolder(
      add(SAMPLE, added("acme.fraud.v1", "r4"), added("acme.churn.v1", "r1"), added("acme.churn.v1", "r2")),
    );
    try {
      assert.deepEqual(folder.findings(), []);
    } finally {
      folder.remove();
    }
  });
});

describe("nextRevision()", () => {
  it("is the first number that is free", () => {
    assert.equal(nextRevision([]), "r1");
    assert.equal(nextRevision(["r1", "r3", "1.10"]), "r2");
  });
});
