import { connect, type IncomingHttpHeaders } from "node:http2";
import { Duplex } from "node:stream";
import { FLAG, FRAME, FRAME_HEAD_BYTES, frame, PREFACE } from "../src/grpc/http2/frames.js";
import { LENGTH_BYTES, writeText } from "../src/grpc/http2/header-writer.js";

/** Numbers of names, and of whole headers, in the table that both sides have from the start. @see RFC 7541, appendix A */
const NAMES_OF_ALL: Readonly<Record<string, number>> = {
  ":authority": 1,
  ":path": 4,
  "content-type": 31,
  "user-agent": 58,
};
const HEADERS_OF_ALL: Readonly<Record<string, number>> = { ":method POST": 3, ":scheme http": 6 };
/** The number of the header that was kept last. @see RFC 7541, section 2.3.3 */
const LAST_KEPT = 62;
/** What a header's first byte says: all of it is in the table, or it is to be kept there. @see RFC 7541, section 6 */
const INDEXED = 0x80;
const TO_KEEP = 0x40;

/** Header blocks of requests that are all alike, as clients of gRPC send them: the server keeps what the first one says. */
export interface RequestBlocks {
  readonly first: Buffer;
  /** A byte for each header. */
  readonly again: Buffer;
}

/** @param headers that fit into a table of 4 KiB: what each side may count upon */
export function requestBlocks(headers: Readonly<Record<string, string>>): RequestBlocks {
  const known: number[] = [];
  const kept: Buffer[] = [];
  for (const [name, value] of Object.entries(headers)) {
    const index = HEADERS_OF_ALL[`${name} ${value}`];
    if (index === undefined) kept.push(toKeep(name, value));
    else known.push(INDEXED | index);
  }
  const again = kept.map((_, index) => INDEXED | (LAST_KEPT + kept.length - 1 - index));
  return { first: Buffer.concat([Buffer.from(known), ...kept]), again: Buffer.from([...known, ...again]) };
}

function toKeep(name: string, value: string): Buffer {
  const index = NAMES_OF_ALL[name] ?? 0;
  return Buffer.concat([Buffer.from([TO_KEEP | index]), ...(index === 0 ? [headerText(name)] : []), headerText(value)]);
}

function headerText(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + text.length);
  return bytes.subarray(0, writeText(bytes, 0, text));
}

/** `:status: 200`, by its number in RFC 7541's table. */
const STATUS_200 = Buffer.from([0x88]);

/** `grpc-status`, as it is and by RFC 7541's Huffman code; after it `0`, in both ways, with its length before it. */
const NAMES = [Buffer.from("grpc-status"), Buffer.from("9acac8b21234da8f", "hex")];
const ZEROS = [Buffer.from("0130", "hex"), Buffer.from("8107", "hex")];
const OK_FIELDS = NAMES.flatMap((name) => ZEROS.map((zero) => Buffer.concat([name, zero])));

/** Whether a header block, which was made without a table, says that a call went well. Where it is not seen it may say so still. */
export function saysOk(block: Buffer): boolean {
  return OK_FIELDS.some((field) => block.includes(field));
}

/**
 * What a header block means that was made without a table: Node's HTTP/2 client reads an answer that ends with it.
 * @param isTrailers whether headers came before it
 * @throws Error where it is not one, or needs a table
 */
export function decodeHeaders(block: Buffer, isTrailers: boolean): Promise<IncomingHttpHeaders> {
  const ends = frame(FRAME.headers, { flags: FLAG.endHeaders | FLAG.endStream, stream: 1, payload: block });
  const begins = frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload: STATUS_200 });
  const answer = Buffer.concat([frame(FRAME.settings), ...(isTrailers ? [begins] : []), ends]);
  let sent = Buffer.alloc(0);
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent = Buffer.concat([sent, chunk]);
      if (hasRequest(sent)) this.push(answer);
      done();
    },
  });
  const session = connect("http://answer", { createConnection: () => wire });
  return new Promise<IncomingHttpHeaders>((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({ ":path": "/" }, { endStream: true });
    stream.on("error", reject);
    stream.on(isTrailers ? "trailers" : "response", resolve);
    stream.resume();
  }).finally(() => session.destroy());
}

/** Whether a client has come to the headers of its request. */
function hasRequest(sent: Buffer): boolean {
  for (let at = PREFACE.length; at + FRAME_HEAD_BYTES <= sent.length; at += FRAME_HEAD_BYTES + sent.readUIntBE(at, 3))
    if (sent[at + 3] === FRAME.headers) return true;
  return false;
}
