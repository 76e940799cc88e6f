import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import { type Transaction, tryPart } from '../database/transaction.ts'
import type { Text } from '../domain/text.ts'
import type { Subject } from '../replay/fold-waiting.ts'
import { type Releasing, releaseOneByOne, releaseSubjects } from '../replay/release.ts'
import { refusedRow } from '../view/apply-events.ts'
import { lockPositions, type Partition } from '../view/positions.ts'
import { viewSchema } from '../view/view-schema.ts'
import type { Act, ActRecord } from './act.ts'
import { bureauIn, invalid, noBureau, refusal } from './request.ts'

/** Events that one request dismisses: their indexes have to fit into an entry of the log. */
export const maxDismissed = 2_000

/**
 * Where a group takes a second person, one may dismiss this many single events of a view in a day all the same: without a bound
 * a group could be dismissed by as many requests as it has events.
 */
export const maxDismissedAlone = 10
export const aloneHours = 24

export interface DismissMeans {
  readonly sql: RawSql
  readonly rules: () => Rules
  readonly judging: (bureau: string) => Releasing['judging']
  readonly partitionOf: (subject: Subject) => Partition
  readonly clock: () => Date
}

interface ParkedRow extends Subject {
  readonly index: number
}

/**
 * `dismiss`: takes parked events out of one view for a stated reason. What waited behind them is tried at once. Events that are
 * not parked any more are left as they are.
 */
export function dismissAct(means: DismissMeans): Act {
  return {
    action: 'dismiss',
    prepare(payload) {
      const bureau = bureauIn(payload)
      const indexes = indexesIn(payload.indexes)
      return {
        weighty: async (tx, { received }) =>
          indexes.length > 1 || (await dismissedAlone(tx, bureau, received)) >= maxDismissedAlone,
        async before() {
          if (!means.rules().bureaus.some(({ id }) => id === bureau)) return { refusal: refusal(noBureau(bureau)) }
          const parked = await stillParked(means.sql, bureau, indexes)
          const missing = indexes.filter((index) => !parked.some((row) => row.index === index))
          if (missing.length === 0) return undefined
          const gone = await means.sql<{ index: number }[]>`
            select index from ${means.sql(viewSchema(bureau))}.dismissed where index = any(${missing}::bigint[])`
          if (gone.length === indexes.length) return { already: { bureau, dismissed: gone.length } }
          return { refusal: refusal(notParked(bureau, missing)) }
        },
        carryOut: (tx, record) => carryOut(tx, means, { bureau, indexes }, record),
      }
    },
  }
}

async function carryOut(
  tx: Transaction,
  { judging, partitionOf, clock }: DismissMeans,
  { bureau, indexes }: { readonly bureau: string; readonly indexes: readonly number[] },
  { index: operation, received, party, reason }: ActRecord,
): Promise<void> {
  const seen = await stillParked(tx, bureau, indexes)
  const places = seen.map((row) => partitionOf(row))
  await tx`select set_config('search_path', ${viewSchema(bureau)}, true)`
  await lockPositions(tx, [...new Map(places.map((place) => [`${place.topic} ${place.partition}`, place])).values()])
  const dismissed = await tx<ParkedRow[]>`
    with gone as (delete from parked where index = any(${[...indexes]}::bigint[]) returning *)
    insert into dismissed (index, kind, subject, type, cause, operation, party, reason, dismissed_at)
    select index, kind, subject, type, cause, ${operation}::bigint, ${party}, ${reason}, ${received}::timestamptz from gone
    returning index, kind, subject`
  const subjects = new Map(dismissed.map(({ kind, subject }) => [`${kind}\n${subject}`, { kind, subject }]))
  await release(tx, [...subjects.values()], { judging: judging(bureau), now: clock(), replay: undefined })
  await tx`select set_config('search_path', 'public', true)`
}

/** All together, since the view's consumer waits meanwhile; one by one only where the database refuses a row. */
async function release(tx: Transaction, subjects: readonly Subject[], releasing: Releasing): Promise<void> {
  const refused = await tryPart(
    tx,
    async () => {
      await releaseSubjects(tx, subjects, releasing)
    },
    (error) => refusedRow(error) !== undefined,
  )
  if (refused !== undefined) await releaseOneByOne(tx, subjects, releasing)
}

/** Events of a view that were dismissed within a day without a second person, whoever asked. */
async function dismissedAlone(sql: RawSql, bureau: string, now: Date): Promise<number> {
  const [row] = await sql<{ events: number }[]>`
    select count(*)::int as events from ${sql(viewSchema(bureau))}.dismissed
    where dismissed_at > ${now}::timestamptz - ${aloneHours} * interval '1 hour'
      and operation not in (select id from operations.proposals where state = 'approved')`
  return row?.events ?? 0
}

function stillParked(sql: RawSql, bureau: string, indexes: readonly number[]): Promise<ParkedRow[]> {
  return sql<ParkedRow[]>`
    select index, kind, subject from ${sql(viewSchema(bureau))}.parked where index = any(${[...indexes]}::bigint[])`
}

function indexesIn(value: unknown): readonly number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : []
  const indexes = list.filter((each): each is number => typeof each === 'number' && Number.isSafeInteger(each) && each >= 0)
  if (
    indexes.length === 0 ||
    indexes.length !== list.length ||
    list.length > maxDismissed ||
    new Set(indexes).size !== list.length
  )
    throw invalid({
      en: `indexes must be a list of 1 to ${maxDismissed} different indexes of parked events`,
      zh: `indexes 须为 1 至 ${maxDismissed} 个互不相同的滞留事件索引`,
    })
  return indexes
}

const notParked = (bureau: string, missing: readonly number[]): Text => ({
  en: `not parked in the view of ${bureau}: ${some(missing)}; nothing was dismissed`,
  zh: `${bureau} 的视图中未滞留：${some(missing)}；未作任何处理`,
})
const some = (indexes: readonly number[]) =>
  `${indexes.slice(0, 10).join(', ')}${indexes.length > 10 ? ` … (${indexes.length})` : ''}`
