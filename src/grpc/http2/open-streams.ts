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
