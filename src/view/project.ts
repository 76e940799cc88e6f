import type { Delivery, Position, Subscriber } from '../bus/bus.ts'
import type { Kind } from '../catalogue/catalogue.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import type { AcceptedEvent, RecordRules } from '../domain/record.ts'
import { applyEvents, applyEventsOneByOneIfNeeded, refusedRow } from './apply-events.ts'
import { eventOfEntry } from './entry-event.ts'
import { lawAt, type PastCatalogue } from './law.ts'
import { type PartitionOf, readMissed } from './missed.ts'
import { lockPositions, movePositions, readPositions } from './positions.ts'
import { recordRules } from './record-rules.ts'

export interface ProjectionOptions {
  readonly bureau: string
  /** the rules in force; asked for every batch */
  readonly rules: () => Rules
  /** every catalogue so far, oldest first: order is judged by the one in force at an event's index */
  readonly catalogues: () => readonly PastCatalogue[]
  readonly partitionOf: PartitionOf
  readonly clock: () => Date
}

/**
 * Keeps one bureau's view up with the log.
 *
 * A failure of one event parks it; a failure of the machine throws, and nothing has happened then.
 *
 * @param sql its search_path is the view's schema
 */
export function createProjection(sql: RawSql, { bureau, rules, catalogues, partitionOf, clock }: ProjectionOptions): Subscriber {
  return {
    bureau,
    topics: () => [...rules().kinds.values()].map(({ topic, partitions }) => ({ topic, partitions })),
    positions: () => readPositions(sql),
    apply: async (deliveries) => {
      if (deliveries.length === 0) return
      // a long gap takes several transactions, each of which brings the position nearer
      while ((await applyOrSplit(deliveries)) === 'more');
    },
  }

  async function applyOrSplit(deliveries: readonly Delivery[]): Promise<'done' | 'more'> {
    try {
      return await inTransaction(sql, (tx) => applyOnce(tx, deliveries, applyEvents))
    } catch (error) {
      if (refusedRow(error) === undefined) throw error
      return await inTransaction(sql, (tx) => applyOnce(tx, deliveries, applyEventsOneByOneIfNeeded))
    }
  }

  async function applyOnce(
    tx: Transaction,
    deliveries: readonly Delivery[],
    apply: typeof applyEvents,
  ): Promise<'done' | 'more'> {
    const inForce = rules()
    const partitions = partitionsOf(deliveries)
    const positions = await lockPositions(tx, partitions)
    const taken: Taken[] = []
    for (const position of positions) taken.push(await take(tx, position, deliveries, kindOf(inForce, position.topic)))
    // subjects of different partitions are independent, and within one the indexes rise
    const events = taken.flatMap((each) => each.events).sort((a, b) => a.index - b.index)
    // before the events and never beside them: a savepoint rolled back would take the positions with it
    await movePositions(
      tx,
      taken.map(({ position }) => position),
    )
    await apply(tx, events, { rulesOf: (kind) => rulesOf(inForce, kind), lawOf: (event) => lawAt(catalogues(), event) }, clock())
    return taken.some(({ more }) => more) ? 'more' : 'done'
  }

  /** What of the deliveries is new to one partition's position, with whatever was missed before each. */
  async function take(tx: Transaction, start: Position, deliveries: readonly Delivery[], kind: Kind): Promise<Taken> {
    const events: AcceptedEvent[] = []
    let position = start
    for (const delivery of deliveries) {
      if (delivery.topic !== start.topic || delivery.partition !== start.partition) continue
      if (delivery.index > position.index) {
        if (delivery.previous !== undefined && delivery.previous > position.index) {
          const range = { kind, partition: start.partition, after: position.index, before: delivery.index, partitionOf }
          const missed = await readMissed(tx, range)
          events.push(...missed.events)
          if (missed.upTo < delivery.index - 1) return { events, position: { ...position, index: missed.upTo }, more: true }
        }
        events.push(eventOfEntry(delivery.entry, delivery.index, kind.id))
        position = { ...position, index: delivery.index }
      }
      position = { ...position, broker: furtherOf(position, delivery) }
    }
    return { events, position, more: false }
  }

  function rulesOf(inForce: Rules, kind: string): RecordRules {
    const found = recordRules(inForce, bureau, kind)
    if (!found) throw new Error(`the rules in force have no kind ${kind}`)
    return found
  }
}

interface Taken {
  readonly events: readonly AcceptedEvent[]
  readonly position: Position
  /** the gap goes on: deliveries of this partition are left for the next transaction */
  readonly more: boolean
}

function partitionsOf(deliveries: readonly Delivery[]): readonly { topic: string; partition: number }[] {
  const named = deliveries.map(({ topic, partition }) => [`${topic}\n${partition}`, { topic, partition }] as const)
  return [...new Map(named).values()]
}

function kindOf(rules: Rules, topic: string): Kind {
  const kind = [...rules.kinds.values()].find((each) => each.topic === topic)
  if (!kind) throw new Error(`the rules in force have no kind with the topic ${topic}`)
  return kind
}

/** A repeated message must not take the offset back; one of a topic that was made anew starts over. */
function furtherOf(position: Position, { broker }: Delivery): Position['broker'] {
  if (!broker || !position.broker || broker.topic !== position.broker.topic) return broker ?? position.broker
  return broker.nextOffset > position.broker.nextOffset ? broker : position.broker
}
