import type { Delivery } from '../../src/bus/bus.ts'
import { partitionOf } from '../../src/bus/partition.ts'
import type { Rules } from '../../src/catalogue/rules.ts'
import { connect, type Database } from '../../src/database/connect.ts'
import { migrateLog } from '../../src/database/migrate.ts'
import { createView, type View } from '../../src/view/view.ts'
import { migrateView, viewSchema } from '../../src/view/view-schema.ts'
import type { Sample } from '../domain/histories.ts'
import { testDatabase } from '../support/postgres.ts'

export const now = new Date('2018-01-02T08:00:00.000Z')

/** An event in the log, as the bus would bring it. */
export interface Logged extends Delivery {
  readonly subject: string
}

export interface Exchange {
  readonly url: string
  /** on the log's schema */
  readonly database: Database
  /** Appends events and gives the deliveries that a broker would make of them. */
  append(events: readonly Sample[]): Promise<readonly Logged[]>
  /** A view of its own, in its own schema; several may be opened for one bureau. */
  open(bureau: string, rules: () => Rules): Promise<{ view: View; database: Database }>
  close(): Promise<void>
}

/** A database with an empty log. */
export async function startExchange(): Promise<Exchange> {
  const { url, close } = await testDatabase()
  await migrateLog(url)
  const opened: Database[] = []
  const database = openDatabase()
  const previous = new Map<number, number>()
  let size = 0

  function openDatabase(schema?: string): Database {
    const made = connect(url, { name: 'lianban test', maxConnections: 3, ...(schema === undefined ? {} : { schema }) })
    opened.push(made)
    return made
  }

  return {
    url,
    database,
    append: async (events) => {
      const logged = events.map((event): Logged => {
        const index = size++
        const partition = partitionOf(event.subject, 12)
        const before = previous.get(partition) ?? -1
        previous.set(partition, index)
        const broker = { topic: 'test.registration', nextOffset: index + 1 }
        return {
          topic: 'registration',
          partition,
          index,
          previous: before,
          entry: entryOf(event, index),
          broker,
          subject: event.subject,
        }
      })
      await database.raw`
        insert into log.entries (index, kind, received, entry, leaf, type, subject_kind, subject)
        select index, 'event', now(), entry, '', type, 'registration', subject
        from unnest(${logged.map(({ index }) => index)}::bigint[], ${logged.map(({ entry }) => entry)}::text[],
          ${events.map(({ type }) => type)}::text[], ${logged.map(({ subject }) => subject)}::text[])
          as new (index, entry, type, subject)`
      return logged
    },
    open: async (bureau, rules) => {
      const schema = viewSchema(bureau)
      await migrateView(url, schema)
      const mine = openDatabase(schema)
      return { view: createView(mine, { bureau, rules, catalogues: () => [], partitionOf, clock: () => now }), database: mine }
    },
    close: async () => {
      await Promise.all(opened.map((each) => each.close()))
      await close()
    },
  }
}

/** An exchange whose log has these events, and one bureau's view that has taken in none of them. */
export async function startWithView(bureau: string, rules: () => Rules, events: readonly Sample[]) {
  const exchange = await startExchange()
  const logged = await exchange.append(events)
  return { exchange, logged, ...(await exchange.open(bureau, rules)) }
}

/** Every row of a view but for when it was written. */
export async function rowsOf({ raw }: Database): Promise<{ records: unknown[]; parked: unknown[]; positions: unknown[] }> {
  const [records, parked, positions] = await Promise.all([
    raw`select * from records order by kind, subject`,
    raw`select * from parked order by index`,
    raw`select * from positions where index >= 0 order by topic, partition`,
  ])
  return {
    records: records.map(({ updated_at: _, ...row }) => row),
    parked: parked.map(({ parked_at: _, ...row }) => row),
    positions: [...positions],
  }
}

export async function empty({ raw }: Database): Promise<void> {
  await raw`truncate records, parked, positions, dismissed`
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function entryOf({ type, source, subject, data }: Sample, index: number): string {
  const payload = {
    specversion: '1.0',
    id: `event-${index}`,
    source: `/bureaus/${source}`,
    type,
    subject,
    time: now.toISOString(),
    data,
  }
  return JSON.stringify({
    kind: 'event',
    received: now.toISOString(),
    jws: `${base64url({ alg: 'ES256' })}.${base64url(payload)}.c2lnbmVk`,
  })
}
