import type { ServerHttp2Session } from "node:http2";

/**
 * The open streams of an HTTP/2 session by their numbers, as Node's `Map` of them: without its order of iteration.
 *
 * A `Map` whose entries come and go is given a new table again and again, and V8 has each old table point to the next one. Once
 * one of them has become an old object, it keeps all later ones from being collected with the young, and with them every stream
 * that was open when a table was left: all of them, in time. Each collection of the young then copies what long since ended, and
 * the whole heap has to be looked through every second for it.
 */
export class OpenStreams<Stream> {
  readonly #streams: Record<number, Stream> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    return this.#streams[id];
  }

  set(id: number, stream: Stream): this {
    if (this.#streams[id] === undefined) this.#size += 1;
    this.#streams[id] = stream;
    return this;
  }

  delete(id: number): boolean {
    if (this.#streams[id] === undefined) return false;
    delete this.#streams[id];
    this.#size -= 1;
    return true;
  }

  forEach(each: (stream: Stream) => void): void {
    for (const stream of Object.values(this.#streams)) each(stream);
  }
}

/** What Node 20 to 26 keep of a session, behind a symbol. Their `Map` is no heir of the global one. */
interface SessionState {
  streams?: Map<number, unknown> | OpenStreams<unknown>;
}

/**
 * Has a new session keep its streams in `OpenStreams`. Where a version of Node keeps them elsewhere, nothing is changed.
 * @returns whether it does now
 */
export function keepStreamsYoung(session: ServerHttp2Session): boolean {
  const state = Object.getOwnPropertySymbols(session)
    .filter(({ description }) => description === "state")
    .map((symbol) => (session as unknown as Record<symbol, SessionState | undefined>)[symbol])
    .find((candidate) => candidate?.streams?.size === 0);
  if (!state || state.streams instanceof OpenStreams) return false;
  state.streams = new OpenStreams();
  return true;
}
