import type { KafkaMessage } from 'kafkajs'
import type { Sql } from 'postgres'
import { leafHash } from '../log/merkle.ts'
import type { Delivery } from './bus.ts'
import { partitionOf } from './partition.ts'

/** A message as the broker brought it; nothing in it has been compared with the log. */
export interface Claim {
  /** without prefix */
  readonly topic: string
  readonly kind: string
  readonly partition: number
  readonly partitions: number
  readonly index: number
  readonly previous: number
  readonly value: Buffer
  readonly broker: { readonly topic: string; readonly nextOffset: number }
}

/**
 * Reads a message of a topic.
 *
 * @returns `heartbeat` for messages that carry no event, `foreign` for what the publisher can't have written
 */
export function claimOf(
  message: KafkaMessage,
  place: Omit<Claim, 'index' | 'previous' | 'value' | 'broker'>,
  brokerTopic: string,
): Claim | 'heartbeat' | 'foreign' {
  const header = (name: string) => String(message.headers?.[name] ?? '')
  if (header('lianban_message') === 'heartbeat') return 'heartbeat'
  const [index, previous] = [header('lianban_index'), header('lianban_previous')]
  if (header('lianban_message') !== 'event' || !/^\d{1,15}$/.test(index) || !/^(-1|\d{1,15})$/.test(previous) || !message.value)
    return 'foreign'
  const broker = { topic: brokerTopic, nextOffset: Number(message.offset) + 1 }
  return { ...place, index: Number(index), previous: Number(previous), value: message.value, broker }
}

/**
 * Believes the log, not the topic: a claim becomes a delivery when the log has an event at its index whose leaf hash is that
 * of the message's value, and whose kind and subject belong in that partition.
 *
 * @returns deliveries in the order of the claims, and how many claims did not match
 */
export async function believe(
  sql: Sql,
  claims: readonly Claim[],
): Promise<{ deliveries: readonly Delivery[]; distrusted: number }> {
  if (claims.length === 0) return { deliveries: [], distrusted: 0 }
  const rows = await sql<{ index: string; kind: string; subject: string; leaf: string }[]>`
    select index::text as index, subject_kind as kind, subject, encode(leaf, 'base64') as leaf
    from log.entries where kind = 'event' and index = any(${sql.array(
      claims.map(({ index }) => index),
      1016,
    )})`
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
    entry: value.toString(),
    broker,
  }))
  return { deliveries, distrusted: claims.length - believed.length }
}
