/** Why an event can't be predicted, whatever is done. */
export type EventReason =
  /** It is no CloudEvent. */
  | "MALFORMED"
  /** Its data is not what the contract's method takes. */
  | "WRONG_DATA"
  /** It, or its prediction, is longer than the broker or the bridge takes. */
  | "TOO_LARGE"
  /** The server refused it for what it is. */
  | "REFUSED"
  /** It failed as often as it was tried. */
  | "FAILED";

/** What no event is to blame for, and no retry helps: the bridge ends, and events go back to the broker. */
export class HaltError extends Error {
  override readonly name = "HaltError";
}

/** An event that goes to the dead letters. */
export class EventError extends Error {
  override readonly name = "EventError";
  readonly reason: EventReason;
  /** Calls that were made for it. */
  readonly attempts: number;

  constructor(reason: EventReason, message: string, attempts = 0) {
    super(message);
    this.reason = reason;
    this.attempts = attempts;
  }
}
