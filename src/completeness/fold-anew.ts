import type { Transaction } from '../database/transaction.ts'
import type { Dismissal } from '../domain/provenance.ts'
import type { AcceptedEvent } from '../domain/record.ts'
import { applyEvents, applyEventsOneByOneIfNeeded, type Judging, refusedRow } from '../view/apply-events.ts'
import { eventOfEntry } from '../view/entry-event.ts'
import type { Expected } from './holes.ts'

/** Events read and folded at once: about 4 MB of entries. */
const pageEvents = 2_000

/** How rows are written: at once, or where the database refuses one, alone. */
export type Applying = typeof applyEvents

/**
 * Lets some subjects' records and parked events come again from the log, as if nothing had been there. What an operator
 * dismissed stays dismissed.
 *
 * The caller holds the position rows of the subjects' partitions.
 *
 * @param tx its search_path is the view's schema
 * @param subjects each once
 * @throws {Error} a PostgresError of class 22, 23 or 54 when the database refuses a row; the transaction is lost then, and
 *   {@link applyEventsOneByOneIfNeeded} is for the second try
 */
export async function foldAnew(
  tx: Transaction,
  subjects: readonly Expected[],
  judging: Judging,
  now: Date,
  apply: Applying = applyEvents,
): Promise<void> {
  const wanted = () => tx`unnest(
    ${subjects.map(({ kind }) => kind)}::text[], ${subjects.map(({ subject }) => subject)}::text[],
    ${subjects.map(({ upTo }) => upTo)}::bigint[]) as wanted (kind, subject, up_to)`
  await tx`delete from records r using ${wanted()} where r.kind = wanted.kind and r.subject = wanted.subject`
  await tx`delete from parked p using ${wanted()} where p.kind = wanted.kind and p.subject = wanted.subject`
  for (let after = -1, more = true; more; ) {
    const page = await tx<Row[]>`
      select e.index, e.subject_kind as kind, e.entry, d.operation, d.reason
      from ${wanted()} join log.entries e on e.subject_kind = wanted.kind and e.subject = wanted.subject
      left join dismissed d on d.index = e.index
      where e.kind = 'event' and e.index > ${after}::bigint and e.index <= wanted.up_to
      order by e.index limit ${pageEvents}`
    const dismissals = new Map<number, Dismissal>()
    for (const { index, operation, reason } of page)
      if (operation !== null) dismissals.set(index, { index, operation, reason: reason ?? '' })
    const dismissalOf = ({ index }: AcceptedEvent) => dismissals.get(index)
    const events = page.map(({ index, kind, entry }) => eventOfEntry(entry, index, kind))
    await apply(tx, events, { ...judging, dismissalOf }, now)
    after = page.at(-1)?.index ?? after
    more = page.length === pageEvents
  }
}

/**
 * Tries what folds events, and where the database refuses a row, tries it again event by event.
 *
 * @param attempt begins a transaction of its own each time
 */
export async function orOneByOne<T>(attempt: (apply: Applying) => Promise<T>): Promise<T> {
  try {
    return await attempt(applyEvents)
  } catch (error) {
    if (refusedRow(error) === undefined) throw error
    return await attempt(applyEventsOneByOneIfNeeded)
  }
}

interface Row {
  readonly index: number
  readonly kind: string
  readonly entry: string
  /** of a dismissed event */
  readonly operation: number | null
  readonly reason: string | null
}
