import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { FRAME, frame, PREFACE } from "../../src/grpc/http2/frames.js";
import { headerBlock as headersWritten } from "../../src/grpc/http2/header-writer.js";

/** A header block without any compression. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  return headersWritten(Object.keys(headers), Object.values(headers));
}

/** A header block with headers of a gRPC call. */
export function callHeaders(path: string): Buffer {
  return headerBlock(grpcHeaders(path));
}

/** The headers of a gRPC call. */
export function grpcHeaders(path: string): Record<string, string> {
  return {
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "localhost",
    te: "trailers",
    "content-type": "application/grpc",
  };
}

/** A message with gRPC's five bytes before it; `claimed` is the length that they say. */
export function grpcMessage(message: Buffer, { claimed = message.length, compressed = false } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0, 0);
  head.writeUInt32BE(claimed, 1);
  return Buffer.concat([head, message]);
}

/** SETTINGS with one value. */
export function setting(id: number, value: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id, 0);
  payload.writeUInt32BE(value, 2);
  return frame(FRAME.settings, { payload });
}

/** A connection on which anything can be said. Whatever comes of it is no error. */
export class RawConnection {
  readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Connects, and says what HTTP/2 begins with, unless there is something else to say. */
  static async open(
    address: string,
    greeting: Buffer = Buffer.concat([PREFACE, frame(FRAME.settings)]),
  ): Promise<RawConnection> {
    const [host, port] = address.split(":");
    const socket = createConnection({ host: host!, port: Number(port) });
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(greeting);
    return new RawConnection(socket);
  }

  /** Writes as fast as the other side reads, until all is written or it hangs up. */
  async send(frames: Iterable<Buffer>): Promise<void> {
    let batch: Buffer[] = [];
    let size = 0;
    for (const one of frames) {
      batch.push(one);
      size += one.length;
      if (size < 65_536) continue;
      await this.#write(Buffer.concat(batch));
      if (this.socket.destroyed) return;
      [batch, size] = [[], 0];
    }
    await this.#write(Buffer.concat(batch));
  }

  /** Everything that came until the other side hung up or said nothing for a while. */
  async read(quietMs = 300): Promise<Buffer> {
    const chunks: Buffer[] = [];
    this.socket.on("data", (chunk) => chunks.push(chunk));
    for (let seen = -1; seen !== chunks.length && !this.socket.destroyed; ) {
      seen = chunks.length;
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
    return Buffer.concat(chunks);
  }

  close(): void {
    this.socket.destroy();
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.socket.destroyed || this.socket.write(bytes)) return;
    // One that reads no more holds the flood back; then it is over.
    const late = new Promise((resolve) => setTimeout(resolve, 2000).unref());
    await Promise.race([once(this.socket, "drain"), once(this.socket, "close"), late]).catch(() => {});
  }
}
