import { and, asc, count, countDistinct, eq, getTableColumns, gt, gte, ilike, min, sql } from 'drizzle-orm'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Rules } from '../catalogue/rules.ts'
import { nothingReceived, type ParkedCause } from '../domain/record.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import type { PartitionOf } from './missed.ts'
import { type RecordJson, recordJson } from './record-json.ts'
import { takesIn } from './record-rules.ts'
import { dismissed, parked, positions, records } from './tables.ts'

/** What became of an event in one bureau's view. */
export type Fate =
  | { readonly state: 'applied' | 'pending' | 'not-a-receiver' }
  /** an operator took it out of this view: why, and the index of the request in the log */
  | { readonly state: 'dismissed'; readonly reason: string; readonly operation: number }
  /** `behind`: index of the event of the same subject that must be applied first */
  | { readonly state: 'parked'; readonly cause: ParkedCause; readonly detail: string; readonly behind?: number }

export interface RecordFilter {
  /** a part of the name, in any case */
  readonly name?: string | undefined
  readonly status?: string | undefined
  readonly jurisdiction?: string | undefined
  /** as a page before gave it */
  readonly cursor?: string | undefined
  /** 1 to {@link maxPage} */
  readonly limit?: number | undefined
}

export interface RecordPage {
  readonly records: readonly RecordJson[]
  /** asks for the page after this one; absent on the last */
  readonly next?: string
}

export interface ParkedCount {
  readonly cause: ParkedCause
  readonly type: string
  readonly events: number
  readonly subjects: number
}

/** Records, parked events, entries or catalogues in one page at most: what HTTP lets a reader ask for, too. */
export const maxPage = 100

/** What is asked of one bureau's view. */
export interface ViewQueries {
  /** undefined when the bureau has received nothing of the subject */
  readRecord(kind: string, subject: string): Promise<RecordJson | undefined>
  /** In order of subject. @throws {RefusedRequest} `invalid-request` for a cursor that no page gave */
  searchRecords(kind: string, filter: RecordFilter): Promise<RecordPage>
  fateOf(event: {
    readonly index: number
    readonly kind: string
    readonly subject: string
    readonly type: string
    readonly sender: string
  }): Promise<Fate>
  /** by cause and type */
  parkedCounts(): Promise<readonly ParkedCount[]>
}

interface QueryOptions {
  readonly bureau: string
  readonly rules: () => Rules
  readonly partitionOf: PartitionOf
}

/** @param orm its search_path is the view's schema */
export function createQueries(orm: PostgresJsDatabase, { bureau, rules, partitionOf }: QueryOptions): ViewQueries {
  const hasOffices = (): boolean => rules().views.get(bureau)?.assignment !== undefined
  const toJson = (row: typeof records.$inferSelect): RecordJson => recordJson(bureau, row, hasOffices())

  const dismissalOf = async (index: number): Promise<Fate | undefined> => {
    const [row] = await orm.select().from(dismissed).where(eq(dismissed.index, index))
    return row && { state: 'dismissed', reason: row.reason, operation: row.operation }
  }

  return {
    async readRecord(kind, subject) {
      if (unstorable(kind, subject)) return undefined
      const [row] = await orm
        .select()
        .from(records)
        .where(and(shown(kind), eq(records.subject, subject)))
      return row && toJson(row)
    },

    async searchRecords(kind, filter) {
      if (unstorable(kind, filter.name, filter.status, filter.jurisdiction)) return { records: [] }
      const size = pageSize(filter.limit)
      // one more than asked for tells whether a page follows
      const rows = await recordsQuery(orm, kind, { ...filter, limit: size + 1 })
      const page = rows.slice(0, size)
      const last = page.at(-1)
      return { records: page.map(toJson), ...(rows.length > size && last ? { next: encodeCursor(last.subject) } : {}) }
    },

    async fateOf({ index, kind, subject, type, sender }) {
      const typeRules = rules().types.get(type)
      if (typeRules && !takesIn(typeRules, bureau, sender)) return { state: 'not-a-receiver' }
      const rulesOfKind = rules().kinds.get(kind)
      if (!rulesOfKind) return { state: 'not-a-receiver' }
      // the position first: whoever moved it over the event has parked it in the same transaction
      const [position] = await orm
        .select({ index: positions.index })
        .from(positions)
        .where(
          and(
            eq(positions.topic, rulesOfKind.topic),
            eq(positions.partition, partitionOf(subject, rulesOfKind.partitions)),
            gte(positions.index, index),
          ),
        )
      if (!position) return { state: 'pending' }
      const [row] = await orm.select().from(parked).where(eq(parked.index, index))
      if (!row) return (await dismissalOf(index)) ?? { state: 'applied' }
      if (row.cause !== 'behind') return { state: 'parked', cause: row.cause, detail: row.detail }
      const [first] = await orm
        .select({ index: min(parked.index) })
        .from(parked)
        .where(and(eq(parked.kind, kind), eq(parked.subject, subject)))
      const behind = first?.index ?? undefined
      return { state: 'parked', cause: 'behind', detail: row.detail, ...(behind === undefined ? {} : { behind }) }
    },

    async parkedCounts() {
      return await orm
        .select({
          cause: parked.cause,
          type: parked.type,
          events: count(),
          subjects: countDistinct(sql`(${parked.kind}, ${parked.subject})`),
        })
        .from(parked)
        .groupBy(parked.cause, parked.type)
        .orderBy(asc(parked.cause), asc(parked.type))
    },
  }
}

/** The subjects first: a part of a name is looked for in an index that has it, and nothing else of a record is read for it. */
export function recordsQuery(orm: PostgresJsDatabase, kind: string, filter: RecordFilter & { readonly limit: number }) {
  const { name, status, jurisdiction, cursor, limit } = filter
  const found = orm
    .select({ subject: records.subject })
    .from(records)
    .where(
      and(
        shown(kind),
        name === undefined ? undefined : ilike(records.name, `%${name.replace(/[\\%_]/g, '\\$&')}%`),
        status === undefined ? undefined : eq(records.status, status),
        jurisdiction === undefined ? undefined : eq(records.jurisdiction, jurisdiction),
        cursor === undefined ? undefined : gt(records.subject, decodeCursor(cursor)),
      ),
    )
    .orderBy(asc(records.subject))
    .limit(limit)
    .as('found')
  return orm
    .select(getTableColumns(records))
    .from(found)
    .innerJoin(records, and(eq(records.kind, kind), eq(records.subject, found.subject)))
    .orderBy(asc(records.subject))
}

/** A record without a received event is kept for its state alone. */
const shown = (kind: string) => and(eq(records.kind, kind), gt(records.firstIndex, nothingReceived))

/** Text that no row can hold, since Postgres has no U+0000, matches none; asked all the same, it would be an error. */
function unstorable(...values: readonly (string | undefined)[]): boolean {
  return values.some((value) => value?.includes('\0'))
}

function pageSize(limit: number | undefined): number {
  return Math.min(Math.max(Math.trunc(limit ?? maxPage), 1), maxPage)
}
