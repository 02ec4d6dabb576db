import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { toYaml } from "../../src/fleet/yaml-writer.js";

const RUNS = 3_000;
/** Fixed, so that a failure is the same for everybody. */
const SEED = 20_261_124;

/** Texts that some YAML takes for something else, or that end early. */
const HARD = [
  ..."y n yes No on OFF true False null Null ~ NaN .nan .inf -.Inf 1 -1 0x1f 0o17 017 1_000 1e3 1.5 .5 1: 190:20:30".split(
    " ",
  ),
  ..."2026-11-24 2026-11-24T01:02:03Z << = - -- --- ... -a ?a :a a: a:b a#b #a &a *a !a %a @a `a |a >a [a {a ,a 'a \"a".split(
    " ",
  ),
  ..."512Mi 30s 0.5s 1k 25% 1h2m --host /metrics a/b:c_d@e true1 nullable".split(" "),
  "",
  " ",
  " a",
  "a ",
  "a: b",
  "a :b",
  "a #b",
  "a\n",
  "a\nb",
  "a\nb\n",
  "a\n\nb",
  "a\n\n",
  "\na",
  " a\nb",
  "a\n b\n",
  "a \nb",
  "a\n \nb",
  "a\tb\nc",
  "a\r\nb",
  '{\n  "a": 1\n}',
  "\u0000",
  "\u007f",
  "\u0085",
  "\u2028",
  "\ufeff",
  "\ud800",
  "ü",
  "🚢",
  'it\'s "so"',
];

/** What YAML 1.2 and 1.1 read; kubectl and Python read the latter. */
function readings(text: string): unknown[] {
  return [parse(text, { version: "1.2" }), parse(text, { version: "1.1" })];
}

describe("toYaml()", () => {
  for (const text of HARD) {
    it(`writes ${JSON.stringify(text)} so that it is read as that text, as value, key, and in a list`, () => {
      const value = { at: text, in: [text, [text]], [text === "" ? " " : text]: { deep: [{ at: text }] } };
      for (const read of readings(toYaml(value))) assert.deepEqual(read, value);
    });
  }

  it(`writes whatever JSON holds so that it is read as that (${RUNS} values)`, () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...HARD), fc.stringMatching(/^[ -~\n]*$/));
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.oneof(
          text,
          fc.boolean(),
          fc.constant(null),
          fc.integer(),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
        ),
        fc.array(tie("value")),
        // Keys longer than 1024 letters need another form, and no object of Kubernetes has one.
        fc.dictionary(fc.oneof(fc.stringMatching(/^[a-z./-]{1,20}$/), fc.constantFrom(...HARD)), tie("value")),
      ),
    })).value;
    fc.assert(
      fc.property(value, (given) => {
        // As JSON knows it: without -0.
        const plain: unknown = JSON.parse(JSON.stringify(given));
        for (const read of readings(toYaml(plain))) assert.deepEqual(read, plain);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it("writes as people do: no quotes where none are needed, texts of several lines as they are", () => {
    const value = {
      image: "a.b/c:r1-0.1",
      size: "512Mi",
      port: 8500,
      on: "on",
      expr: "a\n/ b\n",
      args: ["serve", []],
      none: {},
    };
    assert.equal(
      toYaml(value),
      `image: a.b/c:r1-0.1
size: 512Mi
port: 8500
"on": "on"
expr: |
  a
  / b
args:
  - serve
  - []
none: {}
`,
    );
  });

  it("leaves out keys without a value", () => {
    assert.equal(toYaml({ a: undefined, b: { c: undefined }, d: 1 }), "b: {}\nd: 1\n");
  });

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, () => 1]) {
    it(`refuses ${String(value)}`, () => {
      assert.throws(() => toYaml({ a: [value] }), /expected what JSON can hold/);
    });
  }
});
