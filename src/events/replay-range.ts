import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, Subscription } from "./broker.js";

/** Part of a stream that is replayed, up to a sequence and a time. */
export interface ReplayRange {
  readonly lastSequence: number;
  /** Events stored before it, in epoch milliseconds. */
  readonly untilMs: number | undefined;
  /** Events that are to be done at most, for progress. */
  readonly total: number;
}

/** A subscription to a stream, whose positions are sequences. */
export interface StreamSubscription extends Subscription {
  /**
   * Events that the consumer has not been given yet, and those that it has not acknowledged, whoever has them.
   * @throws Error where the broker can't be reached
   */
  counts(): Promise<{ readonly waiting: number; readonly unacknowledged: number }>;
}

/** A flow that ends with its range. */
export interface RangeSubscription extends Subscription {
  /** Whether everything in the range has been acknowledged. */
  readonly isComplete: boolean;
}

const LOOK_MS = 200;

/** Ends a subscription where all of a range is acknowledged. Events beyond it are left to the broker. */
export function boundRange(subscription: StreamSubscription, range: ReplayRange): RangeSubscription {
  const beyond = new Set<string>();
  let isComplete = false;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    subscription.stop();
  };
  const isInside = ({ position, storedMs }: Delivery) =>
    Number(position) <= range.lastSequence && (range.untilMs === undefined || storedMs < range.untilMs);
  const isDone = async () => {
    const counts = await subscription.counts().catch(() => undefined);
    // Once an event beyond has come, all before it have come too; those that a killed replay had are unacknowledged.
    return counts !== undefined && (counts.waiting === 0 || beyond.size > 0) && counts.unacknowledged <= beyond.size;
  };
  const watch = async () => {
    while (!isStopped) {
      isComplete = await isDone();
      if (isComplete) return stop();
      await delay(LOOK_MS);
    }
  };
  async function* inside(): AsyncGenerator<Delivery> {
    void watch();
    for await (const delivery of subscription.deliveries) {
      if (isInside(delivery)) yield delivery;
      else beyond.add(delivery.position);
    }
  }
  return {
    deliveries: inside(),
    lag: () => subscription.lag(),
    stop,
    get isComplete() {
      return isComplete;
    },
  };
}
