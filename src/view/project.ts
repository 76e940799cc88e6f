import type { Delivery, Heartbeat, Position, Subscriber } from '../bus/bus.ts'
import type { Kind } from '../catalogue/catalogue.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import { type Commit, inTransaction, type Transaction } from '../database/transaction.ts'
import type { AcceptedEvent, RecordRules } from '../domain/record.ts'
import { applyEvents, applyEventsOneByOneIfNeeded, refusedRow } from './apply-events.ts'
import { eventOfEntry } from './entry-event.ts'
import { lawAt, type PastCatalogue } from './law.ts'
import { type PartitionOf, readMissed } from './missed.ts'
import { distinctPlaces, lockPositions, type MovedPosition, movePositions, type Partition, readPositions } from './positions.ts'
import { recordRules } from './record-rules.ts'

export interface ProjectionOptions {
  readonly bureau: string
  /** the rules in force; asked for every batch */
  readonly rules: () => Rules
  /** every catalogue so far, oldest first: order is judged by the one in force at an event's index */
  readonly catalogues: () => readonly PastCatalogue[]
  readonly partitionOf: PartitionOf
  readonly clock: () => Date
  /** hears of events that the bus did not bring, and that were read from the log */
  readonly onMissed?: (events: number) => void
}

/**
 * Keeps one bureau's view up with the log.
 *
 * A failure of one event parks it; a failure of the machine throws, and nothing has happened then.
 *
 * @param sql its search_path is the view's schema
 */
export function createProjection(
  sql: RawSql,
  { bureau, rules, catalogues, partitionOf, clock, onMissed }: ProjectionOptions,
): Subscriber {
  return {
    bureau,
    topics: () => [...rules().kinds.values()].map(({ topic, partitions }) => ({ topic, partitions })),
    positions: () => readPositions(sql),
    apply: async (deliveries, heartbeats = []) => {
      if (deliveries.length + heartbeats.length === 0) return
      // a long gap takes several transactions, each of which brings the position nearer
      for (let more = true; more; ) {
        const done = await applyOrSplit({ deliveries, heartbeats })
        if (done.missed > 0) onMissed?.(done.missed)
        more = done.more
      }
    },
  }

  async function applyOrSplit(batch: Batch): Promise<Applied> {
    try {
      return await inTransaction(sql, (tx, commit) => applyOnce(tx, batch, commit, applyEvents))
    } catch (error) {
      if (refusedRow(error) === undefined) throw error
      return await inTransaction(sql, (tx, commit) => applyOnce(tx, batch, commit, applyEventsOneByOneIfNeeded))
    }
  }

  async function applyOnce(tx: Transaction, batch: Batch, commit: Commit, apply: typeof applyEvents): Promise<Applied> {
    const inForce = rules()
    const positions = await lockPositions(tx, distinctPlaces([...batch.deliveries, ...batch.heartbeats]))
    const taken: Taken[] = []
    for (const position of positions) taken.push(await take(tx, position, batch, kindOf(inForce, position.topic)))
    // subjects of different partitions are independent, and within one the indexes rise
    const events = taken.flatMap((each) => each.events).sort((a, b) => a.index - b.index)
    const moved = taken.map(({ position }) => position)
    const judging = {
      rulesOf: (kind: string) => rulesOf(inForce, kind),
      lawOf: (event: AcceptedEvent) => lawAt(catalogues(), event),
    }
    // sent together, the positions first: behind a savepoint, one rolled back would take them with it
    await Promise.all([movePositions(tx, moved, clock()), apply(tx, events, judging, clock(), commit)])
    return { more: taken.some(({ more }) => more), missed: taken.reduce((sum, { missed }) => sum + missed, 0) }
  }

  /** What of a batch is new to one partition's position, with whatever was missed before each. */
  async function take(tx: Transaction, start: Position, { deliveries, heartbeats }: Batch, kind: Kind): Promise<Taken> {
    const events: AcceptedEvent[] = []
    let position: MovedPosition = start
    let missed = 0
    for (const delivery of deliveries) {
      if (!isOf(start, delivery)) continue
      if (delivery.index > position.index) {
        if (delivery.previous !== undefined && delivery.previous > position.index) {
          if ((await fillBefore(delivery.index)) === 'more') return { events, position, missed, more: true }
        }
        events.push(eventOfEntry(delivery.entry, delivery.index, kind.id))
        position = { ...position, index: delivery.index }
      }
      position = { ...position, broker: furtherOf(position, delivery) }
    }
    for (const heartbeat of heartbeats) {
      if (!isOf(start, heartbeat)) continue
      const { previous = -1, size } = heartbeat
      if (previous > position.index && (await fillBefore(previous + 1)) === 'more')
        return { events, position, missed, more: true }
      position = { ...position, broker: furtherOf(position, heartbeat), heardSize: size }
    }
    return { events, position, missed, more: false }

    async function fillBefore(before: number): Promise<'done' | 'more'> {
      const found = await readMissed(tx, { kind, partition: start.partition, after: position.index, before, partitionOf })
      events.push(...found.events)
      missed += found.events.length
      position = { ...position, index: found.upTo }
      return found.upTo < before - 1 ? 'more' : 'done'
    }
  }

  function rulesOf(inForce: Rules, kind: string): RecordRules {
    const found = recordRules(inForce, bureau, kind)
    if (!found) throw new Error(`the rules in force have no kind ${kind}`)
    return found
  }
}

interface Batch {
  readonly deliveries: readonly Delivery[]
  readonly heartbeats: readonly Heartbeat[]
}

/** What one transaction has done. */
interface Applied {
  /** a gap goes on */
  readonly more: boolean
  /** events that were read from the log */
  readonly missed: number
}

interface Taken {
  readonly events: readonly AcceptedEvent[]
  readonly position: MovedPosition
  readonly missed: number
  /** the gap goes on: deliveries of this partition are left for the next transaction */
  readonly more: boolean
}

function isOf(one: Partition, { topic, partition }: Partition): boolean {
  return one.topic === topic && one.partition === partition
}

function kindOf(rules: Rules, topic: string): Kind {
  const kind = [...rules.kinds.values()].find((each) => each.topic === topic)
  if (!kind) throw new Error(`the rules in force have no kind with the topic ${topic}`)
  return kind
}

/** A repeated message must not take the offset back; one of a topic that was made anew starts over. */
function furtherOf(position: Position, { broker }: Delivery | Heartbeat): Position['broker'] {
  if (!broker || !position.broker || broker.topic !== position.broker.topic) return broker ?? position.broker
  return broker.nextOffset > position.broker.nextOffset ? broker : position.broker
}
