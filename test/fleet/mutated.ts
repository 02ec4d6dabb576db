import fc from "fast-check";
import { SAMPLE } from "./sample.js";

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

/** The sample fleet file, damaged in one to four places. */
export const mutated = fc
  .array(fc.oneof(insertion, cut, word, word, line), { minLength: 1, maxLength: 4 })
  .map((mutations) => mutations.reduce<Buffer>((text, mutate) => mutate(text), Buffer.from(SAMPLE)));
