import type { Sql, TransactionSql } from 'postgres'
import type { Delivery, Heartbeat, Position, Subscriber } from '../../src/bus/bus.ts'
import { partitionOf } from '../../src/bus/partition.ts'

export const topic = 'registration'
export const partitions = 4

/** A small view: what was applied, in order, and positions, written in one transaction. */
export interface TestSubscriber extends Subscriber {
  /** indexes as they were applied, with double ones if there were any */
  applied(): Promise<readonly Applied[]>
  /** forgets what came after an index, as a restored backup would */
  rewind(index: number): Promise<void>
  /** runs before each apply(); throws to make the machine fail */
  before: (deliveries: readonly Delivery[]) => Promise<void>
  /** runs after each commit; throws to crash between apply() and what the bus does next */
  after: () => Promise<void>
  /** how often apply() was called, and how many gaps were read from the log */
  calls: number
  /** the last heartbeat of each partition, and how many there were */
  readonly heard: Map<number, Heartbeat>
  heartbeats: number
  gaps: number
}

export interface Applied {
  readonly index: number
  readonly partition: number
  readonly entry: string
}

/** Several subscribers of one bureau share its tables, as several processes would. */
export async function createSubscriber(sql: Sql, bureau: string): Promise<TestSubscriber> {
  await sql.begin(async (tx) => {
    // "if not exists" alone does not save two that create at once
    await tx`select pg_advisory_xact_lock(1)`
    await tx`create schema if not exists subscribers`
    await tx`create table if not exists subscribers.applied
      (bureau text, place bigint generated always as identity, partition int, index bigint, entry text)`
    await tx`create table if not exists subscribers.positions
      (bureau text, partition int, index bigint, broker_topic text, broker_offset bigint, primary key (bureau, partition))`
  })

  const subscriber: TestSubscriber = {
    bureau,
    before: () => Promise.resolve(),
    after: () => Promise.resolve(),
    calls: 0,
    heard: new Map(),
    heartbeats: 0,
    gaps: 0,
    topics: () => [{ topic, partitions }],
    positions: () => readPositions(sql, bureau),
    async apply(deliveries, heartbeats = []) {
      subscriber.calls += 1
      await subscriber.before(deliveries)
      const gaps = await applyOnce(sql, bureau, deliveries)
      subscriber.gaps += gaps
      for (const heartbeat of heartbeats) subscriber.heard.set(heartbeat.partition, heartbeat)
      subscriber.heartbeats += heartbeats.length
      await subscriber.after()
    },
    async applied() {
      const rows = await sql<{ index: string; partition: number; entry: string }[]>`
        select index::text as index, partition, entry from subscribers.applied where bureau = ${bureau} order by place`
      return rows.map((row) => ({ ...row, index: Number(row.index) }))
    },
    async rewind(index) {
      await sql.begin(async (tx) => {
        await tx`delete from subscribers.applied where bureau = ${bureau} and index > ${index}`
        await tx`update subscribers.positions p set index = least(p.index,
          coalesce((select max(a.index) from subscribers.applied a where a.bureau = p.bureau and a.partition = p.partition), -1)),
          broker_topic = null, broker_offset = null where bureau = ${bureau}`
      })
    },
  }
  return subscriber
}

async function readPositions(sql: Sql, bureau: string): Promise<readonly Position[]> {
  const rows = await sql<{ partition: number; index: string; broker_topic: string | null; broker_offset: string | null }[]>`
    select partition, index::text as index, broker_topic, broker_offset::text as broker_offset
    from subscribers.positions where bureau = ${bureau}`
  return rows.map(({ partition, index, broker_topic, broker_offset }) => ({
    topic,
    partition,
    index: Number(index),
    broker: broker_topic === null ? undefined : { topic: broker_topic, nextOffset: Number(broker_offset) },
  }))
}

async function applyOnce(sql: Sql, bureau: string, deliveries: readonly Delivery[]): Promise<number> {
  let gaps = 0
  await sql.begin(async (tx) => {
    const touched = [...new Set(deliveries.map(({ partition }) => partition))].sort((a, b) => a - b)
    for (const partition of touched) {
      await tx`insert into subscribers.positions values (${bureau}, ${partition}, -1, null, null) on conflict do nothing`
    }
    const locked = await tx<{ partition: number; index: string }[]>`
      select partition, index::text as index from subscribers.positions
      where bureau = ${bureau} and partition in ${tx(touched)} order by partition for update`
    for (const partition of touched) {
      const mine = deliveries.filter((delivery) => delivery.partition === partition)
      let index = Number(locked.find((row) => row.partition === partition)?.index ?? -1)
      for (const delivery of mine) {
        if (delivery.index <= index) continue
        if (delivery.previous !== undefined && delivery.previous !== index) {
          gaps += 1
          for (const missed of await between(tx, index, delivery.index, partition)) {
            await tx`insert into subscribers.applied (bureau, partition, index, entry) values (${bureau}, ${partition}, ${missed.index}, ${missed.entry})`
          }
        }
        await tx`insert into subscribers.applied (bureau, partition, index, entry) values (${bureau}, ${partition}, ${delivery.index}, ${delivery.entry})`
        index = delivery.index
      }
      const broker = mine.at(-1)?.broker
      await tx`update subscribers.positions set index = ${index}, broker_topic = ${broker?.topic ?? null}, broker_offset = ${broker?.nextOffset ?? null}
        where bureau = ${bureau} and partition = ${partition} and index <= ${index}`
    }
  })
  return gaps
}

async function between(tx: TransactionSql, after: number, before: number, partition: number) {
  const rows = await tx<{ index: string; entry: string; subject: string }[]>`
    select index::text as index, entry, subject from log.entries where kind = 'event' and index > ${after} and index < ${before} order by index`
  return rows
    .filter(({ subject }) => partitionOf(subject, partitions) === partition)
    .map(({ index, entry }) => ({ index: Number(index), entry }))
}
