import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { formatFinding } from "../../src/fleet/findings.js";
import { loadFleet } from "../../src/fleet/load.js";
import { DIGEST, FleetFolder, findingsOf, findingsOfText, fleetOf, SAMPLE } from "./sample.js";

/** What the file is, its content, and its first finding without the file's name. */
const FILES: readonly [string, string | Uint8Array, string][] = [
  ["empty", "", "1:1: expected a mapping with apiVersion, kind, metadata, spec, got nothing"],
  ["comments alone", "# nothing\n", "expected a mapping with apiVersion, kind, metadata, spec, got nothing"],
  ["a list", "[1, 2]", "1:1: expected a mapping with apiVersion, kind, metadata, spec, got a list"],
  ["a word", "fleet", '1:1: expected a mapping with apiVersion, kind, metadata, spec, got "fleet"'],
  ["not YAML", "a: [1\nb: 2", "2:1: not valid YAML"],
  ["indented by tabs", "spec:\n\tcontracts: []", "not valid YAML: Tabs are not allowed as indentation"],
  ["two documents", `${SAMPLE}---\n${SAMPLE}`, "expected one YAML document, got several"],
  ["YAML 1.1", `%YAML 1.1\n---\n${SAMPLE}`, "expected YAML 1.2, got %YAML 1.1; leave the %YAML line out"],
  ["tagged", "!!binary aGVsbG8=", "not valid YAML: Unresolved tag: tag:yaml.org,2002:binary"],
  ["without what an alias names", "a: *b", 'no value before is marked "&b"'],
  ["an alias of itself", "a: &a [*a]", "an alias inside of what it names"],
  ["merge keys", `${SAMPLE}<<: { a: 1 }\n`, '["<<"]: unknown key'],
  ["with a key twice", `${SAMPLE}kind: Fleet\n`, "kind: is written twice in the same mapping"],
  ["with a key that is a list", `[a]: 1\n${SAMPLE}`, "expected a name as a key, got something else"],
  ["with a key __proto__", `${SAMPLE}__proto__: { kind: Fleet }\n`, '"__proto__" can\'t be a key'],
  [
    "holding NUL",
    `${SAMPLE}# \0`,
    `${SAMPLE.split("\n").length}:3: expected text, got a NUL byte; save the file as UTF-8`,
  ],
  ["UTF-16", Buffer.from(SAMPLE, "utf16le"), "1:2: expected text in UTF-8, got what looks like UTF-16"],
  ["Latin-1", Buffer.from("a: b\nc: é", "latin1"), "2:4: expected text in UTF-8, got another encoding"],
  ["a list in lists, 4 MiB deep", "[".repeat(2 ** 22), "nested more than 64 levels deep"],
  ["mappings 1 MiB deep", "{a: ".repeat(2 ** 18), "nested more than 64 levels deep"],
  ["sequences 1 MiB deep", "- ".repeat(2 ** 19), "nested more than 64 levels deep"],
  [
    "4 MiB of commas",
    "[,".padEnd(2 ** 22, ","),
    "more than 2000000 pieces of text; split the fleet into several files",
  ],
  ["larger than 4 MiB", "#".repeat(2 ** 22 + 1), "is 4194305 bytes large, expected at most 4194304"],
  ["50 000 keys", Array.from({ length: 50_000 }, (_, at) => `k${at}: 1`).join("\n"), "unknown key"],
];

/** Ten lists of ten aliases each: a billion values, if written out. */
function aliasBomb(): string {
  const lists = Array.from(
    { length: 9 },
    (_, at) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(", ")}]`,
  );
  return `l0: &l0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n${lists.join("\n")}\n`;
}

describe("a file that is no fleet", function () {
  this.timeout(60_000);

  for (const [what, content, expected] of FILES) {
    it(`gets findings when it is ${what}`, () => {
      const findings = findingsOfText(content);
      assert(findings.length > 0);
      assert(
        findings.some((finding) => finding.includes(expected)),
        findings.slice(0, 3).join("\n"),
      );
    });
  }

  it("gets a finding when its aliases stand for more than anybody writes", () => {
    assert(
      findingsOfText(aliasBomb()).some((finding) => finding.includes("aliases make this more than 1000000 values")),
    );
  });

  it("gets that finding alone, at no cost, when a large contract is repeated by aliases", () => {
    const revisions = Array.from({ length: 200 }, (_, at) => `r${at}: { model: m.onnx, sha256: ${DIGEST} }`).join(", ");
    const contract = `&c { name: a.b.v1, revisions: { ${revisions} }, traffic: { r0: 100 } }`;
    const text = `kind: Fleet\nspec: { contracts: [${contract}, ${Array(20_000).fill("*c").join(", ")}] }`;
    assert.equal(findingsOfText(text).length, 1);
  });

  it("gets no more findings than somebody may read", () => {
    const lines = Array.from({ length: 5000 }, (_, at) => `k${at}: 1`).join("\n");
    assert.equal(findingsOfText(lines).length, 1000);
  });

  it("can't write to the terminal through a finding", () => {
    const findings = findingsOfText(fleetOf('name: "\\e[31mred\\x9b\\u2028"\n"ke\\ny": 1'));
    assert(findings.length > 0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    for (const finding of findings) assert.doesNotMatch(finding, /[\x00-\x1f\x7f-\x9f\u2028]/);
  });

  it("gets a finding when it is absent, or a folder", () => {
    const folder = new FleetFolder();
    try {
      assert.deepEqual(folder.findings(), ["fleet.yaml: no such file; name another, or begin one with `flotilla add`"]);
      mkdirSync(folder.file);
      assert.deepEqual(folder.findings(), [
        "fleet.yaml: expected a fleet file, got a folder; name the file, such as fleet.yaml",
      ]);
    } finally {
      folder.remove();
    }
  });
});

describe("a fleet file's YAML", () => {
  it("may share settings by an anchor", () => {
    const text = fleetOf(
      `name: acme.fraud.v1\nrevisions:\n  r1: { model: m.onnx, sha256: ${DIGEST}, batching: &b { maxSize: 8 } }\n  r2: { model: m.onnx, sha256: ${DIGEST}, batching: *b }\ntraffic: { r1: 100 }`,
    );
    const folder = new FleetFolder(text);
    try {
      assert.equal(loadFleet(folder.file).contracts[0]!.revisions[1]!.batching.maxRows, 8);
    } finally {
      folder.remove();
    }
  });

  it("may begin with a byte order mark and end its lines as Windows does", () => {
    assert.deepEqual(findingsOfText(`\ufeff${SAMPLE.replaceAll("\n", "\r\n")}`), []);
  });

  it("is found wrong at the place of a key without a value", () => {
    const findings = findingsOf(() => loadFleetText(fleetOf("name: acme.fraud.v1\nrevisions:")));
    assert.deepEqual(
      findings.map(({ line, column, path }) => [line, column, path]),
      [[7, 17, "spec.contracts[0].revisions"]],
    );
    assert.match(formatFinding(findings[0]!), /expected revisions by name, got nothing; write r1/);
  });
});

function loadFleetText(text: string): unknown {
  const folder = new FleetFolder(text);
  try {
    return loadFleet(folder.file);
  } finally {
    folder.remove();
  }
}
