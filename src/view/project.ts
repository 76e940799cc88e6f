import type { Delivery, Heartbeat, Position, Subscriber } from '../bus/bus.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import { type Commit, inTransactionAhead, type Transaction } from '../database/transaction.ts'
import type { AcceptedEvent, RecordRules } from '../domain/record.ts'
import { applyEvents, applyEventsOneByOneIfNeeded, type KnownSubjects, readSubjects, refusedRow } from './apply-events.ts'
import { dismissedAmong, lastDismissed } from './dismissals.ts'
import { lawAt, type PastCatalogue } from './law.ts'
import { type PartitionOf, readMissed } from './missed.ts'
import { type Place, placesOf, RulesTooOld } from './places.ts'
import { lockPositions, lockStored, type MovedPosition, movePositions, placeText, readPositions } from './positions.ts'
import { recordRules } from './record-rules.ts'

export interface ProjectionOptions {
  readonly bureau: string
  /** the rules in force; asked for every batch */
  readonly rules: () => Rules
  /** every catalogue so far, oldest first: order is judged by the one in force at an event's index */
  readonly catalogues: () => readonly PastCatalogue[]
  /** keeps the rules as new as the events; without it they are the caller's to keep so */
  readonly fresh?: FreshRules
  readonly partitionOf: PartitionOf
  readonly clock: () => Date
  /** hears of events that the bus did not bring, and that were read from the log */
  readonly onMissed?: (events: number) => void
}

/** Where the rules in force come from. */
export interface FreshRules {
  /** of the log's last `key` or `catalogue` entry that they follow */
  readonly index: () => number
  /** reads what the log has of them beyond it */
  readonly refresh: () => Promise<unknown>
}

/**
 * Keeps one bureau's view up with the log. No event is folded by rules older than the event.
 *
 * A failure of one event parks it; a failure of the machine throws, and nothing has happened then.
 *
 * @param sql its search_path is the view's schema
 */
export function createProjection(
  sql: RawSql,
  { bureau, rules, catalogues, fresh, partitionOf, clock, onMissed }: ProjectionOptions,
): Subscriber {
  /** the last event that was dismissed, as far as is known: read once, and again where a partition begins anew */
  let dismissedUpTo: number | undefined
  return {
    bureau,
    topics: () => [...rules().kinds.values()].map(({ topic, partitions }) => ({ topic, partitions })),
    positions: () => readPositions(sql),
    apply: async (deliveries, heartbeats = []) => {
      if (deliveries.length + heartbeats.length === 0) return
      // a long gap takes several transactions, each of which brings the position nearer
      for (let more = true; more; ) {
        const done = await applyByNewRules(deliveries, heartbeats)
        if (done.missed > 0) onMissed?.(done.missed)
        more = done.more
      }
    },
  }

  async function applyByNewRules(deliveries: readonly Delivery[], heartbeats: readonly Heartbeat[]): Promise<Applied> {
    while (true) {
      const before = fresh?.index()
      try {
        return await applyOrSplit(placesOf(deliveries, heartbeats, rules()))
      } catch (error) {
        if (!(error instanceof RulesTooOld) || fresh === undefined) throw error
        await fresh.refresh()
        if (fresh.index() === before) throw error
      }
    }
  }

  async function applyOrSplit(batch: readonly Place[]): Promise<Applied> {
    const applyBy = (apply: typeof applyEvents) =>
      inTransactionAhead(
        sql,
        (tx) => readAhead(tx, batch),
        (tx, ahead, commit) => applyOnce(tx, batch, ahead, commit, apply),
      )
    try {
      return await applyBy(applyEvents)
    } catch (error) {
      if (refusedRow(error) === undefined) throw error
      return await applyBy(applyEventsOneByOneIfNeeded)
    }
  }

  /** What is sent together: first the lock, so that what follows is read under it. */
  async function readAhead(tx: Transaction, batch: readonly Place[]): Promise<Ahead> {
    const events = batch.flatMap(({ deliveries }) => deliveries.map(({ event }) => event))
    const [positions, isOld, known] = await Promise.all([lockStored(tx, batch), newerRules(tx), readSubjects(tx, events)])
    return { positions, isOld, known }
  }

  async function newerRules(tx: Transaction): Promise<boolean> {
    if (fresh === undefined) return false
    const newer = await tx`
      select 1 from log.entries where kind in ('key', 'catalogue') and index > ${fresh.index()}::bigint limit 1`
    return newer.length > 0
  }

  async function applyOnce(
    tx: Transaction,
    batch: readonly Place[],
    ahead: Ahead,
    commit: Commit,
    apply: typeof applyEvents,
  ): Promise<Applied> {
    if (ahead.isOld) throw new RulesTooOld('the log has newer rules than this process')
    const inForce = rules()
    const isLocked = ahead.positions.length === batch.length
    const positions = indexed(isLocked ? ahead.positions : await lockPositions(tx, batch))
    const taken: Taken[] = []
    for (const place of batch) taken.push(await take(tx, positions.get(placeText(place)), place))
    // subjects of different partitions are independent, and within one the indexes rise
    const events = taken.flatMap((each) => each.events).sort((a, b) => a.index - b.index)
    const moved = taken.map(({ position }) => position)
    const judging = {
      rulesOf: (kind: string) => rulesOf(inForce, kind),
      lawOf: (event: AcceptedEvent) => lawAt(catalogues(), event),
      dismissalOf: await dismissalsOf(tx, events, positions),
    }
    // a partition that was not there yet may have been written between the look-up and its lock
    const known = isLocked ? ahead.known : undefined
    // sent together, the positions first: behind a savepoint, one rolled back would take them with it
    await Promise.all([movePositions(tx, moved, clock()), apply(tx, events, judging, clock(), { known, commit })])
    return { more: taken.some(({ more }) => more), missed: taken.reduce((sum, { missed }) => sum + missed, 0) }
  }

  /** A view that was emptied or made anew meets events again that operators have dismissed. */
  async function dismissalsOf(tx: Transaction, events: readonly AcceptedEvent[], before: ReadonlyMap<string, Position>) {
    const [first] = events
    if (first === undefined) return () => undefined
    if (dismissedUpTo === undefined || [...before.values()].some(({ index }) => index === -1))
      dismissedUpTo = await lastDismissed(tx)
    return first.index > dismissedUpTo ? () => undefined : dismissedAmong(tx, events)
  }

  /** What of a batch is new to one partition's position, with whatever was missed before each. */
  async function take(tx: Transaction, start: Position | undefined, place: Place): Promise<Taken> {
    const { topic, partition, kind, deliveries, heartbeats } = place
    if (start === undefined) throw new Error(`there is no position of ${topic} partition ${partition}, though it was just made`)
    const events: AcceptedEvent[] = []
    let position: MovedPosition = start
    let missed = 0
    for (const { delivery, event } of deliveries) {
      if (delivery.index > position.index) {
        if (delivery.previous !== undefined && delivery.previous > position.index) {
          if ((await fillBefore(delivery.index)) === 'more') return { events, position, missed, more: true }
        }
        events.push(event)
        position = { ...position, index: delivery.index }
      }
      position = { ...position, broker: furtherOf(position, delivery) }
    }
    for (const heartbeat of heartbeats) {
      const { previous = -1, size } = heartbeat
      if (previous > position.index && (await fillBefore(previous + 1)) === 'more')
        return { events, position, missed, more: true }
      position = { ...position, broker: furtherOf(position, heartbeat), heardSize: size }
    }
    return { events, position, missed, more: false }

    async function fillBefore(before: number): Promise<'done' | 'more'> {
      const found = await readMissed(tx, { kind, partition, after: position.index, before, partitionOf })
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

/** What a transaction has read when it has begun. */
interface Ahead {
  /** those that were there, locked */
  readonly positions: readonly Position[]
  readonly known: KnownSubjects
  /** the log has newer rules than those in force in this process */
  readonly isOld: boolean
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

function indexed(positions: readonly Position[]): ReadonlyMap<string, Position> {
  return new Map(positions.map((position) => [placeText(position), position]))
}

/** A repeated message must not take the offset back; one of a topic that was made anew starts over. */
function furtherOf(position: Position, { broker }: Delivery | Heartbeat): Position['broker'] {
  if (!broker || !position.broker || broker.topic !== position.broker.topic) return broker ?? position.broker
  return broker.nextOffset > position.broker.nextOffset ? broker : position.broker
}
