import { isDeepStrictEqual } from 'node:util'
import type postgres from 'postgres'
import { expect } from 'vitest'
import { connect, type Database } from '../../src/database/connect.ts'
import { originsOf } from '../../src/domain/provenance.ts'
import { type AcceptedEvent, foldRecord, type ViewRecord } from '../../src/domain/record.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { RulesKeeper } from '../../src/log/rules-in-force.ts'
import { recordRules } from '../../src/view/record-rules.ts'
import { viewSchema } from '../../src/view/view-schema.ts'
import { eventually } from './eventually.ts'

interface ParkedRow {
  readonly index: number
  readonly cause: string
}

interface ViewRows {
  readonly records: readonly ViewRecord[]
  readonly parked: readonly ParkedRow[]
}

/** What the views of an exchange are held against. */
export interface Views {
  readonly sql: Database['raw']
  /** Every view's rows, as folding the whole log from nothing gives them. */
  folded(): Promise<Readonly<Record<string, ViewRows>>>
  /** The rows that the database has. */
  stored(): Promise<Readonly<Record<string, ViewRows>>>
  /** Waits until every view is the fold of the log. */
  expectFold(deadlineMs?: number): Promise<void>
  /** Every row of a bureau's schema as one text, to search it. */
  everything(bureau: string): Promise<string>
  /** From now on notes each write of a record, in order; to be called before the first event. */
  watch(): Promise<void>
  /** That each write since watch() brought its subject further: nothing was applied twice or backwards. */
  expectEachOnceInOrder(): Promise<void>
  close(): Promise<void>
}

/** Looks into the database of a deployment whose first gateway has started. */
export async function viewsOf(url: string): Promise<Views> {
  const { raw: sql, close } = connect(url, { name: 'lianban e2e', maxConnections: 3 })
  const { rules } = (await RulesKeeper.load(sql)).inForce
  const bureaus = rules.bureaus.map(({ id }) => id)
  const eachBureau = async <T>(of: (bureau: string) => Promise<T> | T): Promise<Readonly<Record<string, T>>> =>
    Object.fromEntries(await Promise.all(bureaus.map(async (bureau) => [bureau, await of(bureau)] as const)))

  const views: Views = {
    sql,
    async folded() {
      const events = await eventsOfLog(sql)
      return eachBureau((bureau) =>
        foldAll(events, (kind) => {
          const found = recordRules(rules, bureau, kind)
          if (found === undefined) throw new Error(`no kind ${kind}`)
          return found
        }),
      )
    },
    stored: () => eachBureau((bureau) => storedRows(sql, viewSchema(bureau))),
    async expectFold(deadlineMs = 30_000) {
      const expected = await views.folded()
      // comparing whole views is costly, so it waits for all of their partitions' ends to agree
      await eventually(async () => progress(await views.stored()) === progress(expected), deadlineMs).catch(() => undefined)
      const stored = await views.stored()
      // expect() takes minutes for large views: it is asked only for what it has to show
      if (!isDeepStrictEqual(stored, expected)) expect(stored).toEqual(expected)
    },
    async everything(bureau) {
      const schema = viewSchema(bureau)
      const tables = await sql<{ name: string }[]>`
        select table_name as name from information_schema.tables where table_schema = ${schema} order by 1`
      const rows = await Promise.all(
        tables.map(({ name }) => sql<{ row: string }[]>`select to_jsonb(t)::text as row from ${sql(schema)}.${sql(name)} t`),
      )
      return rows
        .flat()
        .map(({ row }) => row)
        .join('\n')
    },
    async watch() {
      await sql.unsafe(`create schema watched;
        create table watched.writes (place bigint generated always as identity, bureau text, kind text, subject text, index bigint);
        create function watched.note() returns trigger language plpgsql as $$ begin
          insert into watched.writes (bureau, kind, subject, index) values (tg_table_schema, new.kind, new.subject, new.last_index);
          return null; end $$;`)
      for (const bureau of bureaus) {
        await sql.unsafe(`create trigger watched after insert or update on ${viewSchema(bureau)}.records
          for each row execute function watched.note()`)
      }
    },
    async expectEachOnceInOrder() {
      const backwards = await sql`
        select * from (select *, lag(index) over (partition by bureau, kind, subject order by place) as before from watched.writes) w
        where index <= before`
      expect(backwards).toEqual([])
      const [{ writes } = { writes: 0 }] = await sql<{ writes: number }[]>`select count(*)::int as writes from watched.writes`
      expect(writes).toBeGreaterThan(0)
    },
    close,
  }
  return views
}

async function eventsOfLog(sql: postgres.Sql<{ bigint: number }>): Promise<readonly AcceptedEvent[]> {
  const rows = await sql<{ index: number; entry: string; kind: string }[]>`
    select index, entry, subject_kind as kind from log.entries where kind = 'event' order by index`
  return rows.map(({ index, entry, kind }) => {
    const { received, jws }: { received: string; jws: string } = JSON.parse(entry)
    const payload: { source: string; type: string; subject: string; time: string; data: JsonObject } = JSON.parse(
      Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString(),
    )
    const { source, type, subject, time, data } = payload
    return { index, sender: source.replace('/bureaus/', ''), type, kind, subject, time, received, data }
  })
}

function foldAll(events: readonly AcceptedEvent[], rulesOf: (kind: string) => Parameters<typeof foldRecord>[2]): ViewRows {
  const records = new Map<string, ViewRecord>()
  const stuck = new Set<string>()
  const parked: ParkedRow[] = []
  for (const event of events) {
    const key = `${event.kind} ${event.subject}`
    const folded = stuck.has(key) ? { parked: { cause: 'behind' } } : foldRecord(records.get(key), event, rulesOf(event.kind))
    if ('record' in folded) records.set(key, folded.record)
    else {
      stuck.add(key)
      parked.push({ index: event.index, cause: folded.parked.cause })
    }
  }
  return { records: inOrder([...records.values()].map(byField)), parked }
}

async function storedRows(sql: postgres.Sql<{ bigint: number }>, schema: string): Promise<ViewRows> {
  // an earlier version's tables have fewer columns
  const rows = await sql<(ViewRecord & { first_index: number; last_index: number; updated_at: Date })[]>`
    select *, first_index as "firstIndex", last_index as "lastIndex" from ${sql(schema)}.records`
  const records = rows.map(({ first_index: _first, last_index: _last, updated_at: _at, ...record }) => record)
  const parked = await sql<ParkedRow[]>`select index, cause from ${sql(schema)}.parked order by index`
  return { records: inOrder(records.map(byField)), parked: [...parked] }
}

/** What the origins mean, however a version has stored them. */
const byField = (record: ViewRecord): ViewRecord => ({ ...record, provenance: originsOf(record.provenance) })

const inOrder = (records: readonly ViewRecord[]): readonly ViewRecord[] =>
  records.toSorted((a, b) => (`${a.kind} ${a.subject}` < `${b.kind} ${b.subject}` ? -1 : 1))

/** Grows with each event that is folded, whatever its partition. */
function progress(rows: Readonly<Record<string, ViewRows>>): string {
  const total = (all: readonly number[]) => `${all.length}:${all.reduce((sum, one) => sum + one, 0)}`
  return Object.values(rows)
    .map(
      ({ records, parked }) => `${total(records.map(({ lastIndex }) => lastIndex))} ${total(parked.map(({ index }) => index))}`,
    )
    .join()
}
