import { setImmediate } from 'node:timers/promises'
import { foldAnew } from '../completeness/fold-anew.ts'
import type { RawSql } from '../database/connect.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import {
  applyEventsOneByOneIfNeeded,
  type Judging,
  parkEvents,
  parkedRowsOf,
  type Rejected,
  refusedRow,
} from '../view/apply-events.ts'
import { beforeAll, type HistoryEvent, historyPages } from '../view/histories.ts'
import { HistoryFold } from '../view/history-fold.ts'
import type { Partition } from '../view/positions.ts'
import { type RecordRows, rowsOf, upsertRecords } from '../view/upsert-records.ts'
import type { Rebuild, RebuildProgress } from './rebuild.ts'
import { lockAsSeen, saveRebuild } from './rebuild-store.ts'

/** Events folded in one turn of the event loop: about a millisecond. */
const eventsPerTurn = 25

export interface FoldMeans {
  /** its search_path is the rebuild's schema; two connections work at once */
  readonly sql: RawSql
  readonly schema: string
  readonly judging: Judging
  /** every partition that the view has a position in */
  readonly partitions: readonly Partition[]
  readonly clock: () => Date
  /** asked before each page is written: must the rebuild go on? */
  readonly goesOn: () => boolean
}

/**
 * Folds every subject up to `upTo`, one after the other, and stores each record once. While the database stores one page the
 * next one is read and folded, so that both cores work. How far it is stands in the transaction that stored it: a process that
 * dies repeats nothing.
 *
 * @returns false when it must not go on, or another process does
 */
export async function foldHistories(means: FoldMeans, { id }: Rebuild, progress: RebuildProgress): Promise<boolean> {
  const { sql, schema, judging, goesOn } = means
  const after = progress.after ?? beforeAll
  if (!(await dropUnderWay(means, id, progress))) return false
  let open: HistoryFold | undefined
  let reached = progress
  let writing = Promise.resolve(true)
  for await (const page of historyPages(sql, { schema, after, upTo: progress.upTo })) {
    const folded = await foldPage(page, open, judging)
    open = folded.open
    const before = reached
    reached = movedOn(before, folded.whole, page.length)
    if (!(await writing) || !goesOn()) return false
    writing = write(means, id, { ...folded, before, progress: reached })
    // it is awaited with the next page; nobody may be left to when the reading fails
    writing.catch(() => undefined)
  }
  if (!(await writing) || !goesOn()) return false
  const whole = open === undefined ? [] : [open]
  const last = { ...movedOn(reached, whole, 0), folded: true }
  return write(means, id, { whole, rejected: [], open: undefined, rows: rowsOfWhole(whole), before: reached, progress: last })
}

/** What is parked of a subject that was under way when a process died. */
function dropUnderWay({ sql }: FoldMeans, id: number, progress: RebuildProgress): Promise<boolean> {
  const { kind, subject } = progress.after ?? beforeAll
  return inTransaction(sql, async (tx) => {
    if ((await lockAsSeen(tx, id, progress)) === undefined) return false
    await tx`delete from parked where (kind, subject) > (${kind}, ${subject})`
    return true
  })
}

interface FoldedPage {
  /** subjects whose last event is taken in */
  readonly whole: readonly HistoryFold[]
  readonly rejected: readonly Rejected[]
  /** goes on in the next page */
  readonly open: HistoryFold | undefined
  /** the records of the whole ones, made ready while the page before is stored */
  readonly rows: RecordRows
}

interface Written extends FoldedPage {
  /** how far the rebuild was before this page, and is with it */
  readonly before: RebuildProgress
  readonly progress: RebuildProgress
}

async function foldPage(page: readonly HistoryEvent[], before: HistoryFold | undefined, judging: Judging): Promise<FoldedPage> {
  const whole: HistoryFold[] = []
  const rejected: Rejected[] = []
  let open = before
  for (const [at, one] of page.entries()) {
    // the write of the page before goes from statement to statement in these turns: without them it would begin after this fold
    if (at % eventsPerTurn === 0) await setImmediate()
    const { kind, subject } = one.event
    if (open === undefined || open.subject !== subject || open.kind !== kind) {
      if (open !== undefined) whole.push(open)
      open = new HistoryFold(one.event)
    }
    const parked = open.take(one, judging)
    if (parked !== undefined) rejected.push({ event: one.event, ...parked })
  }
  return { whole, rejected, open, rows: rowsOfWhole(whole) }
}

const rowsOfWhole = (whole: readonly HistoryFold[]) => rowsOf(whole.flatMap(({ record }) => record ?? []))

function movedOn(progress: RebuildProgress, whole: readonly HistoryFold[], events: number): RebuildProgress {
  const last = whole.at(-1)
  const after = last === undefined ? progress.after : { kind: last.kind, subject: last.subject }
  return { ...progress, after, subjects: progress.subjects + whole.length, events: progress.events + events }
}

async function write(means: FoldMeans, id: number, page: Written): Promise<boolean> {
  try {
    return await inTransaction(means.sql, (tx) => writeIn(tx, means, id, page, storeAtOnce))
  } catch (error) {
    if (refusedRow(error) === undefined) throw error
    return await inTransaction(means.sql, (tx) => writeIn(tx, means, id, page, storeOneByOne))
  }
}

type Store = (tx: Transaction, means: FoldMeans, page: Written) => Promise<unknown>

async function writeIn(tx: Transaction, means: FoldMeans, id: number, page: Written, store: Store): Promise<boolean> {
  // what a crash of the database takes back, the next start folds again
  await tx`set local synchronous_commit = off`
  const rebuild = await lockAsSeen(tx, id, page.before)
  if (rebuild === undefined) return false
  await store(tx, means, page)
  if (page.progress.folded) await beginAt(tx, means.partitions, page.progress.upTo)
  await saveRebuild(tx, { ...rebuild, progress: page.progress }, means.clock())
  return true
}

const storeAtOnce: Store = (tx, { judging, clock }, { rows, rejected }) =>
  Promise.all([upsertRecords(tx, rows, clock()), parkEvents(tx, parkedRowsOf(rejected, judging), clock())])

/** Where the database refuses a row: slower, and the event that it refuses is parked. */
const storeOneByOne: Store = async (tx, { judging, clock }, { whole, rejected, open, progress: { upTo } }) => {
  const ofOpen = rejected.filter(({ event }) => event.subject === open?.subject && event.kind === open?.kind)
  await parkEvents(tx, parkedRowsOf(ofOpen, judging), clock())
  const subjects = whole.map(({ kind, subject }) => ({ kind, subject, upTo }))
  await foldAnew(tx, subjects, judging, clock(), applyEventsOneByOneIfNeeded)
}

/** What is folded is taken in, in every partition. */
async function beginAt(tx: Transaction, partitions: readonly Partition[], index: number): Promise<void> {
  await tx`
    insert into positions (topic, partition, index)
    select topic, partition, ${index}::bigint
    from unnest(${partitions.map(({ topic }) => topic)}::text[], ${partitions.map(({ partition }) => partition)}::int[])
      as every (topic, partition)
    on conflict (topic, partition) do update set index = excluded.index`
}
