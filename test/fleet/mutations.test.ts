import assert from "node:assert/strict";
import fc from "fast-check";
import { FleetError } from "../../src/fleet/findings.js";
import { loadFleet } from "../../src/fleet/load.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { FleetFolder, SAMPLE } from "./sample.js";

const RUNS = 5_000;
/** Fixed, so that a failure is the same for everybody. */
const SEED = 20_261_123;

/** Pieces that mean something to YAML, to JavaScript or to a path. */
const PIECES = [
  ..."{}[],:#&*!|>'\"%@`-?~\t\n\r\0",
  ..." - ,  : ,? ,<<: ,--- ,...,*a,&a ,!!binary ,!!set {a},\u2028,\ufeff,\ud800".split(","),
  ..."null,true,1.10,0x10,1e3,-1,.inf,.nan,99999999999999999999,{},[],__proto__,constructor,toString".split(","),
  ..."../,/etc/passwd,node_modules/,\\,r1,r9,100,0ms,1440m,1441m,512,0Mi,1000000Ti,v1,acme.fraud.v1".split(","),
];

type Mutation = (text: Buffer) => Buffer;

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const piece = fc.oneof(
  fc.constantFrom(...PIECES).map((text) => Buffer.from(text)),
  fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
);

const insertion = fc.tuple(place, piece).map(
  ([at, bytes]): Mutation =>
    (text) => {
      const offset = Math.floor(at * text.length);
      return Buffer.concat([text.subarray(0, offset), bytes, text.subarray(offset)]);
    },
);
const cut = fc.tuple(place, fc.nat(40)).map(
  ([at, length]): Mutation =>
    (text) => {
      const offset = Math.floor(at * text.length);
      return Buffer.concat([text.subarray(0, offset), text.subarray(offset + length)]);
    },
);
/** Puts something else in the place of a word: a value of another type, as people do. */
const word = fc.tuple(place, piece).map(
  ([at, bytes]): Mutation =>
    (text) => {
      const words = [...text.toString("latin1").matchAll(/[\w.]+/g)];
      const found = words[Math.floor(at * words.length)];
      if (found === undefined) return text;
      return Buffer.concat([text.subarray(0, found.index), bytes, text.subarray(found.index + found[0].length)]);
    },
);
/** Moves, repeats or indents a line. */
const line = fc.tuple(place, place, fc.constantFrom("move", "copy", "indent")).map(
  ([from, to, how]): Mutation =>
    (text) => {
      const lines = text.toString("latin1").split("\n");
      const [taken = ""] = lines.splice(Math.floor(from * lines.length), 1);
      const target = how === "move" ? Math.floor(to * lines.length) : Math.floor(from * (lines.length + 1));
      lines.splice(target, 0, ...(how === "copy" ? [taken, taken] : [how === "indent" ? ` ${taken}` : taken]));
      return Buffer.from(lines.join("\n"), "latin1");
    },
);

const mutated = fc
  .array(fc.oneof(insertion, cut, word, word, line), { minLength: 1, maxLength: 4 })
  .map((mutations) => mutations.reduce<Buffer>((text, mutate) => mutate(text), Buffer.from(SAMPLE)));

function assertUsable(fleet: FleetSpec): void {
  for (const contract of fleet.contracts) {
    const names = contract.revisions.map((revision) => revision.name);
    assert.equal(
      contract.traffic.reduce((sum, { weightPercent }) => sum + weightPercent, 0),
      100,
    );
    const named = [...contract.traffic.map(({ revision }) => revision), ...contract.cohorts.values()];
    for (const other of [contract.shadow, contract.fallback]) if (other) named.push(other.revision);
    for (const name of named) assert(names.includes(name), name);
    for (const { model, sha256 } of contract.revisions) {
      assert(model.startsWith(`${fleet.root}/`), model);
      assert.match(sha256, /^[0-9a-f]{64}$/);
    }
    assert(contract.deadlineMs > 0);
  }
}

describe("a fleet file that was damaged", function () {
  this.timeout(300_000);

  it(`loads as a whole fleet or gets findings with a place, never another error (${RUNS} files)`, () => {
    const folder = new FleetFolder();
    const tally = { loaded: 0, refused: 0 };
    try {
      fc.assert(
        fc.property(mutated, (content) => {
          folder.write(content);
          try {
            assertUsable(loadFleet(folder.file));
            tally.loaded++;
          } catch (error) {
            if (!(error instanceof FleetError)) throw error;
            tally.refused++;
            assert(error.findings.length > 0);
            const lines = content.toString("latin1").split(/\r\n|\n/).length;
            for (const { line, column, message } of error.findings) {
              assert(line >= 1 && line <= lines && column >= 1, `${line}:${column} of ${lines} lines: ${message}`);
              assert.match(message, /^\P{Cc}+$/u);
              assert.doesNotMatch(message, /undefined|\[object|Invalid input/);
            }
          }
        }),
        { numRuns: RUNS, seed: SEED },
      );
    } finally {
      folder.remove();
    }
    // Both ways have been gone, or the mutations are too mild or too wild to tell anything.
    assert(tally.loaded > RUNS / 50 && tally.refused > RUNS / 2, JSON.stringify(tally));
  });
});
