import assert from "node:assert/strict";
import { connect } from "node:http2";
import { Duplex } from "node:stream";
import { FrameReader } from "../../../src/grpc/http2/frame-reader.js";
import { ConnectionError, ERROR, FRAME, FRAME_HEAD_BYTES, frame, PREFACE } from "../../../src/grpc/http2/frames.js";
import { HeaderDecoder, type HeaderList } from "../../../src/grpc/http2/header-decoder.js";
import { headerBlock } from "../../../src/grpc/http2/header-writer.js";
import { seededRandom } from "../../../src/testing/seeded-random.js";

type Pairs = readonly (readonly [string, string])[];

function pairsOf({ names, values }: HeaderList): Pairs {
  return names.map((name, index) => [name, values[index]!]);
}

function decodeHex(decoder: HeaderDecoder, hex: string): HeaderList {
  const block = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return decoder.decode(block, 0, block.length);
}

/** Header blocks as nghttp2 writes them, of requests that are made one after another on a connection. */
async function writtenByNode(requests: readonly Pairs[]): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  const reader = new FrameReader(
    {
      onFrame: (type, _flags, _stream, bytes, start, end) => {
        if (type === FRAME.headers) blocks.push(Buffer.from(bytes.subarray(start + FRAME_HEAD_BYTES, end)));
      },
      onDataBegin: () => {},
      onData: () => {},
      onDataEnd: () => {},
    },
    2 ** 24,
  );
  let seen = 0;
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      reader.read(chunk.subarray(Math.max(0, PREFACE.length - seen)));
      seen += chunk.length;
      done();
    },
  });
  const session = connect("http://any", { createConnection: () => wire });
  wire.push(frame(FRAME.settings));
  for (const headers of requests) {
    const made: Record<string, string[]> = {};
    for (const [name, value] of headers) made[name] = [...(made[name] ?? []), value];
    session.request({ ":path": "/", ...made }).on("error", () => {});
    await new Promise(setImmediate);
  }
  while (blocks.length < requests.length) await new Promise(setImmediate);
  session.destroy();
  return blocks;
}

describe("a header decoder", () => {
  it("reads what RFC 7541 has as examples, with and without Huffman's code", () => {
    const expected: Pairs[] = [
      [
        [":method", "GET"],
        [":scheme", "http"],
        [":path", "/"],
        [":authority", "www.example.com"],
      ],
      [
        [":method", "GET"],
        [":scheme", "http"],
        [":path", "/"],
        [":authority", "www.example.com"],
        ["cache-control", "no-cache"],
      ],
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "/index.html"],
        [":authority", "www.example.com"],
        ["custom-key", "custom-value"],
      ],
    ];
    for (const blocks of [
      [
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
      ],
      [
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
      ],
    ]) {
      const decoder = new HeaderDecoder();
      assert.deepEqual(
        blocks.map((hex) => pairsOf(decodeHex(decoder, hex))),
        expected,
      );
    }
  });

  it("reads what nghttp2 writes, whatever characters there are, however its table comes and goes", async () => {
    const random = seededRandom(11);
    const next = (limit: number) => Math.floor(random() * limit);
    const characters = Array.from({ length: 0xff - 0x20 }, (_, index) => String.fromCharCode(0x21 + index));
    const value = () => Array.from({ length: 1 + next(120) }, () => characters[next(characters.length)]).join("");
    const known = Array.from({ length: 40 }, value);
    const requests = Array.from({ length: 300 }, (_, index) =>
      Array.from({ length: 1 + next(8) }, (_, place): readonly [string, string] => [
        `x-${place}-${next(12)}`,
        index % 3 === 0 ? value() : known[next(known.length)]!,
      ]),
    );
    const decoder = new HeaderDecoder();
    for (const [index, block] of (await writtenByNode(requests)).entries()) {
      const list = decoder.decode(block, 0, block.length);
      assert(list.isWellFormed);
      assert.deepEqual(
        pairsOf(list)
          .filter(([name]) => name.startsWith("x-"))
          .sort(),
        [...requests[index]!].sort(),
      );
    }
  });

  it("reads back what the header writer wrote, of any length", () => {
    const values = [0, 1, 126, 127, 128, 255, 16_383, 16_510, 20_000].map((length) => "v".repeat(length));
    const names = values.map((_, index) => `n-${index}`);
    const block = Buffer.concat([Buffer.from("before"), headerBlock(names, values)]);
    const list = new HeaderDecoder().decode(block, 6, block.length);
    assert.deepEqual([list.names, list.values], [names, values]);
  });

  it("says of names and values whether they may be", () => {
    const isWellFormed = (name: string, value: string) => {
      const block = headerBlock([name], [value]);
      return new HeaderDecoder().decode(block, 0, block.length).isWellFormed;
    };
    assert(isWellFormed("grpc-timeout", "1S"));
    assert(isWellFormed(":path", "/a b"));
    assert(isWellFormed("x", ""));
    for (const name of ["", "Upper", "a b", "a:", "::a", "ä"]) assert(!isWellFormed(name, "v"), name);
    for (const value of [" v", "v ", "\tv", "a\0b", "a\rb", "a\nb"]) assert(!isWellFormed("n", value), value);
  });

  const MALFORMED: readonly (readonly [what: string, hex: string])[] = [
    ["a header with the number 0", "80"],
    ["a number that nothing has", "be"],
    ["an integer that goes on and on", "ffffffffffffff7f"],
    ["the end within an integer", "ff"],
    ["the end within a text", "4005aabb"],
    ["the end after a name", "400161"],
    ["a table that is larger than was agreed", "3fe21f"],
    ["a size after a header", "8220"],
    ["Huffman's code with more padding than a byte", "40016182ffff"],
    ["Huffman's code with padding that is not of ones", "4001618100"],
    ["the code of the end", "40016184ffffffff"],
  ];
  for (const [what, hex] of MALFORMED) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => decodeHex(new HeaderDecoder(), hex),
        (error) => error instanceof ConnectionError && error.code === ERROR.compression,
      );
    });
  }

  it("refuses a small block that stands for very many headers", () => {
    const decoder = new HeaderDecoder();
    const large = Buffer.concat([Buffer.from([0x40]), headerBlock(["n"], ["v".repeat(4000)]).subarray(1)]);
    assert.equal(decoder.decode(large, 0, large.length).names.length, 1);
    const again = Buffer.alloc(60, 0xbe);
    assert.throws(
      () => decoder.decode(again, 0, again.length),
      (error) => error instanceof ConnectionError && error.code === ERROR.enhanceYourCalm,
    );
  });
});
