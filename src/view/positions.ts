import type { Position } from '../bus/bus.ts'
import type { RawSql } from '../database/connect.ts'
import type { Transaction } from '../database/transaction.ts'

interface Row {
  readonly topic: string
  readonly partition: number
  readonly index: number
  readonly brokerTopic: string | null
  readonly brokerOffset: number | null
}

export interface Partition {
  readonly topic: string
  readonly partition: number
}

/** A partition as the key of a map. */
export const placeText = ({ topic, partition }: Partition): string => `${topic}\n${partition}`

/** Each partition once. */
export function distinctPlaces(places: readonly Partition[]): readonly Partition[] {
  return [...new Map(places.map(({ topic, partition }) => [placeText({ topic, partition }), { topic, partition }])).values()]
}

/** @returns by {@link placeText}: the last index that is taken in */
export function indexesByPlace(positions: readonly (Partition & { readonly index: number })[]): ReadonlyMap<string, number> {
  return new Map(positions.map((position) => [placeText(position), position.index]))
}

export async function readPositions(sql: RawSql): Promise<readonly Position[]> {
  const rows = await sql<Row[]>`
    select topic, partition, index, broker_topic as "brokerTopic", broker_offset as "brokerOffset"
    from positions order by topic, partition`
  return rows.map(positionOf)
}

/**
 * Locks the positions of partitions until the transaction ends: whoever holds them is the only writer of the partitions'
 * subjects in this view. Always in the order topic, partition, so that two writers wait instead of deadlocking.
 *
 * @returns one for each partition, at -1 where nothing was applied yet
 */
export async function lockPositions(tx: Transaction, partitions: readonly Partition[]): Promise<readonly Position[]> {
  const stored = await lockStored(tx, partitions)
  if (stored.length === partitions.length) return stored
  await tx`
    insert into positions (topic, partition, index)
    select topic, partition, -1 from unnest(${topicsOf(partitions)}::text[], ${numbersOf(partitions)}::int[]) as missing (topic, partition)
    order by topic, partition on conflict do nothing`
  return await lockStored(tx, partitions)
}

/** The same, of those alone that something was applied to before: one statement, sent when this returns. */
export function lockStored(tx: Transaction, partitions: readonly Partition[]): Promise<readonly Position[]> {
  const locked = tx<Row[]>`
    select topic, partition, index, broker_topic as "brokerTopic", broker_offset as "brokerOffset"
    from positions where (topic, partition) in (select * from unnest(${topicsOf(partitions)}::text[], ${numbersOf(partitions)}::int[]))
    order by topic, partition for update`.execute()
  return locked.then((rows) => rows.map(positionOf))
}

const topicsOf = (partitions: readonly Partition[]): readonly string[] => partitions.map(({ topic }) => topic)
const numbersOf = (partitions: readonly Partition[]): readonly number[] => partitions.map(({ partition }) => partition)

/** Where a position goes. */
export interface MovedPosition extends Position {
  /** what a heartbeat said on the way; undefined without one */
  readonly heardSize?: number
}

export async function movePositions(tx: Transaction, moved: readonly MovedPosition[], now: Date): Promise<void> {
  await tx`
    update positions set index = moved.index, broker_topic = moved.broker_topic, broker_offset = moved.broker_offset,
      heard_size = coalesce(moved.heard_size, positions.heard_size),
      heard_at = case when moved.heard_size is null then positions.heard_at else ${now}::timestamptz end
    from unnest(
      ${moved.map(({ topic }) => topic)}::text[], ${moved.map(({ partition }) => partition)}::int[],
      ${moved.map(({ index }) => index)}::bigint[], ${moved.map(({ broker }) => broker?.topic ?? null)}::text[],
      ${moved.map(({ broker }) => broker?.nextOffset ?? null)}::bigint[],
      ${moved.map(({ heardSize }) => heardSize ?? null)}::bigint[]
    ) as moved (topic, partition, index, broker_topic, broker_offset, heard_size)
    where positions.topic = moved.topic and positions.partition = moved.partition`
}

function positionOf({ topic, partition, index, brokerTopic, brokerOffset }: Row): Position {
  const broker = brokerTopic === null || brokerOffset === null ? undefined : { topic: brokerTopic, nextOffset: brokerOffset }
  return { topic, partition, index, broker }
}
