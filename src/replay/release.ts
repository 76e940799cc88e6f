import { type Transaction, tryPart } from '../database/transaction.ts'
import { type Judging, refusedRow } from '../view/apply-events.ts'
import { tryRecords } from '../view/trial-records.ts'
import { rowsOf, upsertRecords } from '../view/upsert-records.ts'
import { type Failed, type Folding, foldWaiting, type Subject } from './fold-waiting.ts'

/** What became of one subject's waiting events. */
export interface Released extends Subject {
  readonly applied: number
  /** what stays parked begins here; undefined when nothing does */
  readonly failed: Failed | undefined
}

export interface Releasing {
  readonly judging: Judging
  readonly now: Date
  /** the replay that asks, undefined for a dismissal */
  readonly replay: number | undefined
}

/**
 * What {@link releaseSubjects} would come to, without a lock and without touching the view: records are stored in a temporary
 * table, so that the database has its say on them.
 *
 * @param tx its search_path is the view's schema
 */
export async function tryOutSubjects(
  tx: Transaction,
  subjects: readonly Subject[],
  judging: Judging,
  now: Date,
): Promise<readonly Released[]> {
  const folded = await foldWaiting(tx, subjects, judging)
  const recordsOf = (some: readonly Folding[]) => some.flatMap(({ record }) => record ?? [])
  if ((await tryRecords(tx, recordsOf(folded), now)) === undefined) return folded.map(releasedOf)
  const released: Released[] = []
  for (const one of folded) {
    const refused = await tryRecords(tx, recordsOf([one]), now)
    released.push(
      refused === undefined ? releasedOf(one) : { ...releasedOf(one), applied: 0, failed: failedAtDatabase(one, refused) },
    )
  }
  return released
}

/**
 * Tries what is parked of some subjects again, each from its first parked event on, in order, until one fails. That one stays
 * parked with its new cause and one more try, and the later ones behind it.
 *
 * The caller holds the position rows of the subjects' partitions.
 *
 * @param tx its search_path is the view's schema
 * @param subjects each once
 * @param mostEvents of each subject at most so many are tried
 * @throws {Error} a PostgresError of class 22, 23 or 54 when the database refuses a row; the transaction is lost then
 */
export async function releaseSubjects(
  tx: Transaction,
  subjects: readonly Subject[],
  releasing: Releasing,
  mostEvents?: number,
): Promise<readonly Released[]> {
  const all = await foldWaiting(tx, subjects, releasing.judging, mostEvents)
  await writeReleased(tx, all, releasing)
  return all.map(releasedOf)
}

function releasedOf({ kind, subject, applied, failed }: Folding): Released {
  return { kind, subject, applied: applied.length, failed }
}

function failedAtDatabase({ applied, failed }: Folding, detail: string): Failed {
  const [first = failed] = applied
  return { index: first?.index ?? -1, type: first?.type ?? '', cause: 'constraint', detail }
}

/**
 * The same, but an event whose row the database refuses fails alone: subject by subject, and where one fails event by event.
 * Slower by a savepoint for each, so it is the second try.
 */
export async function releaseOneByOne(
  tx: Transaction,
  subjects: readonly Subject[],
  releasing: Releasing,
): Promise<readonly Released[]> {
  const released: Released[] = []
  for (const subject of subjects) {
    const whole = await attempt(tx, subject, releasing)
    released.push(typeof whole === 'string' ? await stepByStep(tx, subject, releasing) : whole)
  }
  return released
}

async function stepByStep(tx: Transaction, subject: Subject, releasing: Releasing): Promise<Released> {
  let applied = 0
  while (true) {
    const step = await attempt(tx, subject, releasing, 1)
    if (typeof step === 'string') return { ...subject, applied, failed: await failAtTheDatabase(tx, subject, step, releasing) }
    applied += step.applied
    if (step.failed !== undefined || step.applied === 0) return { ...step, applied }
  }
}

/** @returns what the database says when it refuses a row */
async function attempt(tx: Transaction, subject: Subject, releasing: Releasing, mostEvents?: number): Promise<Released | string> {
  const released: Released[] = []
  const refused = await tryPart(
    tx,
    async () => {
      released.push(...(await releaseSubjects(tx, [subject], releasing, mostEvents)))
    },
    (error) => refusedRow(error) !== undefined,
  )
  const [only] = released
  return refused || only === undefined ? (refusedRow(refused?.error) ?? 'the database refuses the record') : only
}

async function failAtTheDatabase(
  tx: Transaction,
  { kind, subject }: Subject,
  detail: string,
  { replay }: Releasing,
): Promise<Failed | undefined> {
  const [failed] = await tx<Failed[]>`
    update parked set cause = 'constraint', detail = ${detail}, tries = tries + 1, replay = ${replay ?? null}
    where index = (select min(index) from parked where kind = ${kind} and subject = ${subject})
    returning index, type, cause, detail`
  return failed
}

async function writeReleased(tx: Transaction, all: readonly Folding[], { now, replay }: Releasing): Promise<void> {
  const changed = all.flatMap(({ changed, record }) => (changed && record !== undefined ? [record] : []))
  const applied = all.flatMap((one) => one.applied.map(({ index }) => index))
  const failed = all.flatMap(({ failed }) => (failed === undefined ? [] : [failed]))
  await upsertRecords(tx, rowsOf(changed), now)
  if (applied.length > 0) await tx`delete from parked where index = any(${applied}::bigint[])`
  if (failed.length === 0) return
  await tx`
    with failed as (
      select * from unnest(
        ${failed.map(({ index }) => index)}::bigint[], ${failed.map(({ cause }) => cause)}::text[],
        ${failed.map(({ detail }) => detail)}::text[]) as failed (index, cause, detail)),
    heads as (
      update parked set cause = failed.cause, detail = failed.detail, tries = tries + 1, replay = ${replay ?? null}
      from failed where parked.index = failed.index returning parked.index, parked.kind, parked.subject)
    update parked set detail = 'waits for the event at index ' || heads.index
    from heads where parked.kind = heads.kind and parked.subject = heads.subject and parked.index > heads.index
      and parked.detail <> 'waits for the event at index ' || heads.index`
}
