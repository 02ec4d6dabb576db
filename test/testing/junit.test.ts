import assert from "node:assert/strict";
import { escapeXml, junitXml } from "../../src/testing/junit.js";

describe("junitXml()", () => {
  const passed = { name: "one", className: "a.v1/r1", seconds: 0.25, failures: [], skipped: false };
  const failed = { ...passed, name: "two", failures: ['x: expected "<1>"', "y: expected 2"] };
  const skipped = { ...passed, name: "three", skipped: true };

  it("counts tests, failures and skipped ones, of the whole and of each suite", () => {
    const xml = junitXml("golden", [
      { name: "a.v1/r1", cases: [passed, failed] },
      { name: "a.v1/r2", cases: [skipped] },
    ]);
    assert.match(xml, /<testsuites name="golden" tests="3" failures="1" errors="0" skipped="1" time="0.750">/);
    assert.match(xml, /<testsuite name="a.v1\/r1" tests="2" failures="1" errors="0" skipped="0" time="0.500">/);
    assert.match(xml, /<testcase name="three" [^>]*>\s*<skipped\/>/);
  });

  it("gives the first reason as the message, and all of them as text", () => {
    const xml = junitXml("golden", [{ name: "a", cases: [failed] }]);
    assert.match(xml, /message="x: expected &quot;&lt;1&gt;&quot;">.*&#10;y: expected 2<\/failure>/);
  });

  it("holds whatever a model answers: characters that XML has none for are replaced", () => {
    assert.equal(escapeXml("a\u0000b\u001b[31m\ud800c\uffff&😀\n"), "a\ufffdb\ufffd[31m\ufffdc\ufffd&amp;😀&#10;");
  });
});
