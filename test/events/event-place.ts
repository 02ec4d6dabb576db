/** An event as tests publish it: headers, with attributes `ce-…`, and a body. */
export type TestEvent = Readonly<Record<string, string>> & { readonly body: string | Uint8Array };

/** Where what comes of events goes. */
export type Out = "scored" | "dead" | "again";

/** A record, read back. */
export interface StoredRecord {
  readonly to: Out;
  /** Those of attributes begin with `ce-`, whatever the broker. */
  readonly headers: Readonly<Record<string, string>>;
  readonly key?: string | undefined;
  readonly text: string;
}

/** A place of a test's own at a broker, where events come from and go to. */
export interface EventPlace {
  /** Options by which a bridge finds the broker and its events. */
  readonly source: readonly string[];
  /** Name of a place that is published to, as the options have it. */
  nameOf(out: Out): string;
  /** From now on no longer records than that are taken there. */
  limitOut(bytes: number): Promise<void>;
  /** Publishes event after event, in order. */
  publish(events: Iterable<TestEvent>): Promise<void>;
  /** How many records have come out; undefined while the broker is away. */
  outCount(): Promise<number | undefined>;
  /** Everything that has come out, in the broker's order. */
  readOut(): Promise<StoredRecord[]>;
  close(): Promise<void>;
}

/** A real broker that tests run, kill and start again. */
export interface TestBroker {
  open(): Promise<EventPlace>;
  kill(): Promise<void>;
  /** Starts it again, with all that was stored. */
  raise(): Promise<void>;
  remove(): Promise<void>;
}

/** Waits until so many records have come out. */
export async function untilOut(place: EventPlace, count: number): Promise<void> {
  while (((await place.outCount()) ?? 0) < count) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** A request of the scored fleet as an event in binary mode. */
export function scoredEvent(index: number, keys: number) {
  return {
    "ce-specversion": "1.0",
    "ce-id": `e-${index}`,
    "ce-source": "/test",
    "ce-type": "test.created",
    "ce-partitionkey": `key-${index % keys}`,
    "content-type": "application/json",
    body: JSON.stringify({ instances: [{ x: index }] }),
  };
}
