import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What happens once a connection has brought its bytes: it is cut, or goes silent. */
export type Failure = "cut" | "silence";

/** A line to a server that brings so many bytes of an answer a connection, and then fails; a set number of times. */
export class FlakyLine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #broughtBytes = 0;
  #failures = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(options: {
    readonly port: number;
    readonly bytesEach: number;
    readonly failures: number;
    readonly failure: Failure;
  }): Promise<FlakyLine> {
    const line = new FlakyLine(createServer((caller) => line.#join(caller, options)));
    line.#server.listen(0, "127.0.0.1");
    await once(line.#server, "listening");
    return line;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Bytes of answers that it has brought. */
  get broughtBytes(): number {
    return this.#broughtBytes;
  }

  /** Connections that failed. */
  get failures(): number {
    return this.#failures;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(
    caller: Socket,
    { port, bytesEach, failures, failure }: { port: number; bytesEach: number; failures: number; failure: Failure },
  ): void {
    const callee = connect(port, "127.0.0.1");
    const fails = this.#failures < failures;
    let left = bytesEach;
    for (const socket of [caller, callee]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
    }
    caller.on("close", () => callee.destroy());
    caller.pipe(callee);
    callee.on("data", (chunk) => {
      const part = fails ? chunk.subarray(0, Math.max(0, left)) : chunk;
      left -= chunk.length;
      this.#broughtBytes += part.length;
      if (part.length > 0) caller.write(part);
      if (!fails || left > 0 || part.length === 0) return;
      this.#failures++;
      if (failure === "cut") caller.end(() => caller.destroy());
    });
  }
}
