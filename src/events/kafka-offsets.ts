import { type Admin, FetchIsolationLevels, ListOffsetTimestamps } from "@platformatic/kafka";

/** Partitions of a topic. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** Offsets by partition. */
export type PartitionOffsets = ReadonlyMap<number, bigint>;

/** First offsets that there are. */
export function earliestOffsets(admin: Admin, of: TopicPartitions): Promise<PartitionOffsets> {
  return listOffsets(admin, of, ListOffsetTimestamps.EARLIEST);
}

/** Offsets after the last ones that can be read: what a transaction has open is behind them. */
export function latestOffsets(admin: Admin, of: TopicPartitions): Promise<PartitionOffsets> {
  return listOffsets(admin, of, ListOffsetTimestamps.LATEST);
}

/** Offsets of the first records stored at a time or later; the latest ones where there is none. */
export async function offsetsAt(admin: Admin, of: TopicPartitions, time: Date): Promise<PartitionOffsets> {
  const [at, latest] = await Promise.all([listOffsets(admin, of, BigInt(time.getTime())), latestOffsets(admin, of)]);
  return new Map([...latest].map(([partition, end]) => [partition, atLeastZero(at.get(partition)) ?? end]));
}

/**
 * Offsets that a group has stored, once no transaction is open that would store others; none where there are none.
 * @throws Error while one is open, or the broker can't be reached
 */
export function committedOffsets(admin: Admin, group: string, of: TopicPartitions): Promise<PartitionOffsets> {
  return groupOffsets(admin, group, of, true);
}

/** The same as of now: a transaction that is open, be it that of a bridge that was killed, may store others yet. */
export function storedOffsets(admin: Admin, group: string, of: TopicPartitions): Promise<PartitionOffsets> {
  return groupOffsets(admin, group, of, false);
}

async function groupOffsets(
  admin: Admin,
  group: string,
  { topic, partitions }: TopicPartitions,
  requireStable: boolean,
): Promise<PartitionOffsets> {
  const topics = [{ name: topic, partitionIndexes: [...partitions] }];
  const [found] = await admin.listConsumerGroupOffsets({ groups: [{ groupId: group, topics }], requireStable });
  const listed = found?.topics.find(({ name }) => name === topic)?.partitions ?? [];
  return new Map(
    listed
      .filter(({ committedOffset }) => committedOffset >= 0n)
      .map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]),
  );
}

async function listOffsets(
  admin: Admin,
  { topic, partitions }: TopicPartitions,
  timestamp: bigint,
): Promise<PartitionOffsets> {
  const wanted = partitions.map((partitionIndex) => ({ partitionIndex, timestamp }));
  const isolationLevel = FetchIsolationLevels.READ_COMMITTED;
  const [listed] = await admin.listOffsets({ topics: [{ name: topic, partitions: wanted }], isolationLevel });
  return new Map(listed?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
}

function atLeastZero(offset: bigint | undefined): bigint | undefined {
  return offset === undefined || offset < 0n ? undefined : offset;
}
