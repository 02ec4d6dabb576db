import type { Worker } from "node:cluster";
import { createServer, type Socket } from "node:net";
import type { ToMember } from "./process-messages.js";

/** A connection that a process was sent and has not said that it has. */
interface Untaken {
  readonly socket: Socket;
  readonly sinceMs: number;
}

interface Hand {
  /** Connections that it has, or was sent. */
  open: number;
  /** It drains: what it was sent before may still be under way. */
  isLeaving: boolean;
  /** By their numbers, the oldest first. */
  readonly untaken: Map<number, Untaken>;
}

/** A process that has not taken a connection for so long gets no others while there is one that takes them. */
const STALLED_MS = 1_000;

/**
 * Deals out the connections that come to one port: each goes to the process that has fewest. Node's own cluster gives it to
 * whichever takes the one before first, so that of callers that come all at once one process has several times as many
 * as another.
 */
export class ConnectionDealer {
  /** The one that was dealt to longest ago comes first. */
  readonly #hands = new Map<Worker, Hand>();
  // Nothing is to be read of a connection here.
  readonly #server = createServer({ pauseOnConnect: true }, (socket) => this.#deal(socket));
  #dealt = 0;

  /**
   * @returns the port
   * @throws Error where it can't be had
   */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  /** No connection is taken any longer. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** From now on a process gets its share. */
  add(worker: Worker): void {
    this.#hands.set(worker, { open: 0, isLeaving: false, untaken: new Map() });
  }

  /** A process gets no more of them; what it has is its own. */
  leave(worker: Worker): void {
    const hand = this.#hands.get(worker);
    if (hand) hand.isLeaving = true;
  }

  /** A process has died. Callers whose connections it had not taken connect anew: they would wait for an answer for ever. */
  lose(worker: Worker): void {
    for (const { socket } of this.#hands.get(worker)?.untaken.values() ?? []) socket.destroy();
    this.#hands.delete(worker);
  }

  /** A process has a connection that it was sent. */
  taken(worker: Worker, connection: number): void {
    const hand = this.#hands.get(worker);
    hand?.untaken.get(connection)?.socket.destroy();
    hand?.untaken.delete(connection);
  }

  /** One of a process's connections is over. */
  closed(worker: Worker): void {
    const hand = this.#hands.get(worker);
    if (hand) hand.open -= 1;
  }

  #deal(socket: Socket): void {
    socket.on("error", () => {});
    const worker = this.#next();
    if (!worker) {
      socket.destroy();
      return;
    }
    const hand = this.#hands.get(worker)!;
    this.#hands.delete(worker);
    this.#hands.set(worker, hand);
    hand.open += 1;
    this.#dealt += 1;
    hand.untaken.set(this.#dealt, { socket, sinceMs: performance.now() });
    const message: ToMember = { kind: "connection", connection: this.#dealt };
    // It stays open here as well until it is taken: else it is lost with a process that dies before.
    worker.process.send(message, socket, { keepOpen: true }, (error) => {
      if (error) socket.destroy();
    });
  }

  #next(): Worker | undefined {
    const all = [...this.#hands].filter(([, { isLeaving }]) => !isLeaving);
    const lively = all.filter(([, { untaken }]) => !isStalled(untaken));
    let least: [Worker, Hand] | undefined;
    for (const entry of lively.length > 0 ? lively : all) if (!least || entry[1].open < least[1].open) least = entry;
    return least?.[0];
  }
}

function isStalled(untaken: ReadonlyMap<number, Untaken>): boolean {
  for (const { sinceMs } of untaken.values()) return performance.now() - sinceMs > STALLED_MS;
  return false;
}
