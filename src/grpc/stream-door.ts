import type { StreamSettings } from "../serving/stream-settings.js";
import { type CallerParts, callerOf, StreamQuota } from "./stream-quota.js";
import { StreamWatch } from "./stream-watch.js";

/** Where the streams of one service come in. */
export class StreamDoor {
  readonly settings: StreamSettings;
  readonly #label: string;
  readonly #draining: AbortSignal | undefined;
  readonly #quota: StreamQuota;

  /**
   * @param options.label what is streamed, for messages
   * @param options.draining aborted once the server drains: its streams end with DRAINING
   */
  constructor(settings: StreamSettings, { label, draining }: { label: string; draining: AbortSignal | undefined }) {
    this.settings = settings;
    this.#label = label;
    this.#draining = draining;
    this.#quota = new StreamQuota(label, settings.perCaller);
  }

  /**
   * Lets a stream in, and looks after it until its `close`.
   * @param onOpen told that it is in; what it returns is told once it is over
   * @throws Fault STREAM_LIMIT where its caller has too many
   */
  enter(call: CallerParts, onOpen?: () => () => void): StreamWatch {
    const leave = this.#quota.enter(callerOf(call));
    const onClose = onOpen?.();
    return new StreamWatch(this.settings, {
      label: this.#label,
      draining: this.#draining,
      onClose: () => {
        leave();
        onClose?.();
      },
    });
  }
}
