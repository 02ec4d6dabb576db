import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, RangeSubscription, Subscription } from "./broker.js";

/** Part of what a subscription would give. */
export interface ReplayRange {
  isInside(delivery: Delivery): boolean;
  /**
   * Whether all of it has been acknowledged.
   * @param beyond events after it that have come
   */
  isDone(beyond: number): Promise<boolean>;
}

const LOOK_MS = 200;

/** Ends a subscription where all of a range is acknowledged. Events beyond it are left to the broker. */
export function boundRange(subscription: Subscription, range: ReplayRange): RangeSubscription {
  const beyond = new Set<string>();
  let isComplete = false;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    subscription.stop();
  };
  const watch = async () => {
    while (!isStopped) {
      isComplete = await range.isDone(beyond.size);
      if (isComplete) return stop();
      await delay(LOOK_MS);
    }
  };
  async function* inside(): AsyncGenerator<Delivery> {
    void watch();
    for await (const delivery of subscription.deliveries) {
      if (range.isInside(delivery)) yield delivery;
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
