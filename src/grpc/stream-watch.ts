import { Fault } from "../contract/fault.js";
import type { StreamSettings } from "../serving/stream-settings.js";

/** How long one stream may go on. */
export type StreamLimits = Pick<StreamSettings, "idleMs" | "drainMs" | "maxMessages" | "maxBytes">;

/**
 * Looks after one stream: `ending` is aborted, with the fault to end it with, once the server drains, nothing has moved
 * for too long, or it has had all that it may have.
 */
export class StreamWatch {
  readonly #label: string;
  readonly #limits: StreamLimits;
  readonly #ending = new AbortController();
  readonly #draining: AbortSignal | undefined;
  readonly #onClose: () => void;
  readonly #idle: NodeJS.Timeout;
  #messages = 0;
  #bytes = 0;
  /** Messages that the server works on: while there are any, it is not the caller who keeps still. */
  #running = 0;

  /**
   * @param options.label what is streamed, for messages
   * @param options.onClose told once the stream is over
   */
  constructor(
    limits: StreamLimits,
    { label, draining, onClose }: { label: string; draining: AbortSignal | undefined; onClose: () => void },
  ) {
    this.#label = label;
    this.#limits = limits;
    this.#draining = draining;
    this.#onClose = onClose;
    this.#idle = setTimeout(() => this.#endIdle(), limits.idleMs).unref();
    if (draining?.aborted) this.#drain();
    else draining?.addEventListener("abort", this.#drain);
  }

  /** Its reason is a `Fault`. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** How long the stream has, once it is to end, to be answered what it has sent. */
  get drainMs(): number {
    return this.#limits.drainMs;
  }

  /** A message has been read. The one that reaches a limit is still answered. */
  began(bytes: number): void {
    this.#running += 1;
    this.#messages += 1;
    this.#bytes += bytes;
    this.#idle.refresh();
    const { maxMessages, maxBytes } = this.#limits;
    if (this.#messages >= maxMessages) this.#endFull(`${this.#messages} messages`);
    else if (this.#bytes >= maxBytes) this.#endFull(`${this.#bytes} bytes of at most ${maxBytes}`);
  }

  /** A message has been answered. */
  answered(): void {
    this.#running -= 1;
    this.#idle.refresh();
  }

  /** The stream is over. */
  close(): void {
    this.#onClose();
    clearTimeout(this.#idle);
    this.#draining?.removeEventListener("abort", this.#drain);
  }

  readonly #drain = (): void => {
    this.#ending.abort(new Fault("DRAINING", "the server is draining: open the stream anew"));
  };

  #endFull(had: string): void {
    const fault = new Fault("STREAM_LIMIT", `${this.#label}: the stream has had ${had}, all it may have: open another`);
    this.#ending.abort(fault);
  }

  #endIdle(): void {
    if (this.#running > 0) {
      this.#idle.refresh();
      return;
    }
    const still = `nothing was sent or read for ${this.#limits.idleMs} ms`;
    this.#ending.abort(
      new Fault("STREAM_IDLE", `${this.#label}: ${still}: open the stream anew when there is more to say`),
    );
  }
}
