import {
  type API,
  type Callback,
  Consumer,
  type fetchV17,
  IS_CONTROL,
  IS_TRANSACTIONAL,
  kGetApi,
} from "@platformatic/kafka";

type FetchedPartition = fetchV17.FetchResponsePartition;
type FetchedBatch = NonNullable<FetchedPartition["records"]>[number];

/** What a control record's key says: an INT16 for its version, and one for its type. */
const TYPE_AT = 2;
const ABORT = 0;

/**
 * A consumer that is given nothing of transactions that were given up. The client leaves such records out only where the
 * transaction's end is in the same answer of the broker's: of a longer one it hands out the first part.
 */
export class CommittedConsumer extends Consumer<string, Buffer, string, string> {
  override [kGetApi]<Args extends unknown[], Response>(name: string, callback: Callback<API<Args, Response>>): void {
    super[kGetApi]<Args, Response>(name, (error, api) => {
      if (error || name !== "Fetch") return callback(error, api);
      callback(null, leavingOut(api as never) as never);
    });
  }
}

type Fetched = Callback<fetchV17.FetchResponse>;

function leavingOut(fetch: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => {
    const callback = args.pop() as Fetched;
    const fetched: Fetched = (error, response) => {
      for (const partition of (response?.responses ?? []).flatMap(({ partitions }) => partitions))
        leaveOutAborted(partition);
      callback(error, response);
    };
    return fetch(...args, fetched);
  };
}

/**
 * Marks records of transactions that were given up as control records, which the client passes by: taken out, the offset
 * that is asked for next would not get beyond them. As brokers list only transactions that have ended, all of a producer's
 * records are meant from its first one to the mark of the end, whether that is in the answer or not (KIP-98, "Consumer").
 */
export function leaveOutAborted(partition: Pick<FetchedPartition, "abortedTransactions" | "records">): void {
  const ahead = [...partition.abortedTransactions].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const aborted = new Set<bigint>();
  for (const batch of partition.records ?? []) {
    const lastOffset = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    while (ahead.length > 0 && ahead[0]!.firstOffset <= lastOffset) aborted.add(ahead.shift()!.producerId);
    if (batch.attributes & IS_CONTROL) {
      if (isAbort(batch)) aborted.delete(batch.producerId);
    } else if (batch.attributes & IS_TRANSACTIONAL && aborted.has(batch.producerId)) batch.attributes |= IS_CONTROL;
  }
  // The client's own rule has nothing left to judge.
  partition.abortedTransactions = [];
}

function isAbort({ records }: FetchedBatch): boolean {
  const key = records[0]?.key;
  return Buffer.isBuffer(key) && key.length >= TYPE_AT + 2 && key.readInt16BE(TYPE_AT) === ABORT;
}
