import { isAscii } from 'node:buffer'
import type { KafkaMessage } from 'kafkajs'
import type { Sql } from 'postgres'
import { leafHash } from '../log/merkle.ts'
import type { Delivery, Heartbeat } from './bus.ts'
import { partitionOf } from './partition.ts'

/** Where a message was found. */
interface Place {
  /** without prefix */
  readonly topic: string
  readonly kind: string
  readonly partition: number
  readonly partitions: number
}

interface Found extends Place {
  readonly previous: number
  readonly broker: { readonly topic: string; readonly nextOffset: number }
}

/** A message as the broker brought it; nothing in it has been compared with the log. */
export interface Claim extends Found {
  readonly index: number
  readonly value: Buffer
}

/** A heartbeat as the broker brought it. */
export interface HeartbeatClaim extends Found {
  readonly size: number
}

/**
 * Reads a message of a topic.
 *
 * @returns `foreign` for what the publisher can't have written
 */
export function claimOf(message: KafkaMessage, place: Place, brokerTopic: string): Claim | HeartbeatClaim | 'foreign' {
  const header = (name: string) => String(message.headers?.[name] ?? '')
  const previous = header('lianban_previous')
  if (!/^(-1|\d{1,15})$/.test(previous)) return 'foreign'
  const { topic, kind, partition, partitions } = place
  const broker = { topic: brokerTopic, nextOffset: Number(message.offset) + 1 }
  switch (header('lianban_message')) {
    case 'event': {
      const index = header('lianban_index')
      if (!/^\d{1,15}$/.test(index) || !message.value) return 'foreign'
      const { value } = message
      return { topic, kind, partition, partitions, previous: Number(previous), broker, index: Number(index), value }
    }
    case 'heartbeat': {
      const size = header('lianban_size')
      if (!/^\d{1,15}$/.test(size)) return 'foreign'
      return { topic, kind, partition, partitions, previous: Number(previous), broker, size: Number(size) }
    }
    default:
      return 'foreign'
  }
}

/**
 * Believes the log, not the topic: a claim becomes a delivery when the log has an event at its index whose leaf hash is that
 * of the message's value, and whose kind and subject belong in that partition.
 *
 * The entries are looked up one by one: asked for all of them, Postgres may go through a whole index of events while it has no
 * statistics of a young log.
 *
 * @returns deliveries in the order of the claims, and how many claims did not match
 */
export async function believe(
  sql: Sql,
  claims: readonly Claim[],
): Promise<{ deliveries: readonly Delivery[]; distrusted: number }> {
  if (claims.length === 0) return { deliveries: [], distrusted: 0 }
  const rows = await sql<{ index: string; kind: string; subject: string; leaf: string }[]>`
    select e.index::text as index, e.subject_kind as kind, e.subject, encode(e.leaf, 'base64') as leaf
    from unnest(${sql.array(
      claims.map(({ index }) => index),
      1016,
    )}) as claimed (index)
    cross join lateral (select * from log.entries where index = claimed.index limit 1) e
    where e.kind = 'event'`
  const logged = new Map(rows.map((row) => [Number(row.index), row]))

  const believed = claims.filter((claim) => {
    const entry = logged.get(claim.index)
    if (!entry || entry.kind !== claim.kind || partitionOf(entry.subject, claim.partitions) !== claim.partition) return false
    return entry.leaf === leafHash(claim.value).toString('base64') && claim.previous < claim.index
  })
  const deliveries = believed.map(({ topic, partition, index, previous, value, broker }) => ({
    topic,
    partition,
    index,
    previous,
    entry: textOf(value),
    broker,
  }))
  return { deliveries, distrusted: claims.length - believed.length }
}

/** Entries are ASCII as the log writes them, and to read that byte by byte takes half of the time. */
const textOf = (value: Buffer): string => (isAscii(value) ? value.toString('latin1') : value.toString())

/**
 * A heartbeat is believed when the log is as long as it says, and has the event that it names, in that partition. What it leaves
 * out can't be told from it; the check for holes finds that.
 *
 * @returns the last of each partition, and how many did not match
 */
export async function believeHeartbeats(
  sql: Sql,
  claims: readonly HeartbeatClaim[],
): Promise<{ readonly heartbeats: readonly Heartbeat[]; readonly distrusted: number }> {
  if (claims.length === 0) return { heartbeats: [], distrusted: 0 }
  const previous = claims.map((claim) => claim.previous)
  const rows = await sql<{ size: string; index: string | null; kind: string; subject: string }[]>`
    with head as (select coalesce(max(index), -1) + 1 as size from log.entries)
    select head.size::text as size, e.index::text as index, e.subject_kind as kind, e.subject
    from head left join (
      unnest(${sql.array(previous, 1016)}) as claimed (index)
      cross join lateral (select * from log.entries where index = claimed.index limit 1) e
    ) on e.kind = 'event'`
  const size = Number(rows[0]?.size ?? 0)
  const logged = new Map(rows.flatMap((row) => (row.index === null ? [] : [[Number(row.index), row] as const])))
  const believed = claims.filter((claim) => {
    if (claim.size > size || claim.previous >= claim.size) return false
    const entry = logged.get(claim.previous)
    if (claim.previous === -1 || entry === undefined) return claim.previous === -1
    return entry.kind === claim.kind && partitionOf(entry.subject, claim.partitions) === claim.partition
  })
  const last = new Map(believed.map((claim) => [`${claim.topic} ${claim.partition}`, claim]))
  const heartbeats = [...last.values()].map(({ topic, partition, size, previous, broker }) => ({
    topic,
    partition,
    size,
    previous,
    broker,
  }))
  return { heartbeats, distrusted: claims.length - believed.length }
}
