import type { RawSql } from '../database/connect.ts'
import { inTransaction, type Transaction } from '../database/transaction.ts'
import { nothingReceived, type ViewRecord } from '../domain/record.ts'
import { subjectKey } from '../view/apply-events.ts'
import { beforeAll, type SubjectKey } from '../view/histories.ts'
import { indexesByPlace, type Partition, placeText } from '../view/positions.ts'
import { maxExamples, type RebuildExample, type RebuildResult } from './rebuild.ts'
import type { Masking } from './record-difference.ts'
import { type ParkedOf, type SubjectDifference, subjectDifference } from './subject-difference.ts'

/** Subjects compared in one snapshot. */
const pageSubjects = 1_000
/** A page is compared again while events of its subjects are on their way to the live view. */
const mostTries = 4

export interface CompareMeans {
  /** schema of the live view */
  readonly live: string
  readonly partitionOf: (subject: SubjectKey) => Partition
  readonly maskOf: (kind: string) => Masking
  /** brings the rebuilt view up to the log's end, after a moment */
  readonly catchUp: () => Promise<void>
  readonly goesOn: () => boolean
  readonly onPage: (subjects: number) => Promise<void>
}

const nothingYet = {
  subjects: 0,
  different: 0,
  missing: 0,
  extra: 0,
  parked: 0,
  recordsTaken: 0,
  behind: 0,
  examples: [],
} satisfies RebuildResult

/**
 * Compares the live view with the rebuilt one, row by row, while events arrive. The database finds the subjects that differ; one
 * that the two have not taken in equally far yet is looked at again.
 *
 * @param sql its search_path is the rebuild's schema
 * @returns undefined when it must not go on
 */
export async function compareViews(sql: RawSql, means: CompareMeans): Promise<RebuildResult | undefined> {
  let result: Compared = nothingYet
  for (let after: SubjectKey | undefined = beforeAll; after !== undefined; ) {
    const page: Page = await settledPage(sql, means, after)
    if (!means.goesOn()) return undefined
    result = added(result, page)
    await means.onPage(result.subjects)
    after = page.last
  }
  return result
}

type Compared = Required<RebuildResult>

interface Page {
  readonly subjects: number
  readonly differences: readonly RebuildExample[]
  readonly behind: number
  /** undefined after the last */
  readonly last: SubjectKey | undefined
}

async function settledPage(sql: RawSql, means: CompareMeans, after: SubjectKey): Promise<Page> {
  for (let tries = 1; ; tries++) {
    const page = await inTransaction(sql, (tx) => comparePage(tx, means, after))
    if (page.behind === 0 || tries === mostTries || !means.goesOn()) return page
    await means.catchUp()
  }
}

function added(before: Compared, { subjects, differences, behind }: Page): Compared {
  const count = (what: SubjectDifference['what']) => differences.filter((one) => one.what === what).length
  const taken = differences.filter(({ takesRecord }) => takesRecord)
  return {
    subjects: before.subjects + subjects,
    different: before.different + count('different'),
    missing: before.missing + count('missing'),
    extra: before.extra + count('extra'),
    parked: before.parked + count('parked'),
    recordsTaken: before.recordsTaken + taken.length,
    behind: before.behind + behind,
    examples: takenFirst([...before.examples, ...differences]).slice(0, maxExamples),
  }
}

/** Whoever approves a swap has to see first what it takes away. */
function takenFirst(examples: readonly RebuildExample[]): readonly RebuildExample[] {
  return [...examples.filter(({ takesRecord }) => takesRecord), ...examples.filter(({ takesRecord }) => !takesRecord)]
}

async function comparePage(tx: Transaction, means: CompareMeans, after: SubjectKey): Promise<Page> {
  const { live, partitionOf, maskOf } = means
  await tx`set transaction isolation level repeatable read`
  const keys = await nextSubjects(tx, live, after)
  const to = keys.at(-1)
  if (to === undefined) return { subjects: 0, differences: [], behind: 0, last: undefined }
  const differing = await differingSubjects(tx, live, keys)
  const [left, right] = [await readSide(tx, live, differing), await readSide(tx, undefined, differing)]
  const logged = await lastLogged(tx, differing)
  const differences: RebuildExample[] = []
  let behind = 0
  for (const key of differing) {
    const [one, other] = [left.of(key), right.of(key)]
    const place = placeText(partitionOf(key))
    const both = Math.min(left.reached.get(place) ?? -1, right.reached.get(place) ?? -1)
    const difference = subjectDifference(key, one, other, maskOf(key.kind))
    if (difference === undefined) continue
    if ((logged.get(subjectKey(key)) ?? -1) > both) behind += 1
    else differences.push(isShown(one.record) && !isShown(other.record) ? { ...difference, takesRecord: true } : difference)
  }
  return { subjects: keys.length, differences, behind, last: keys.length < pageSubjects ? undefined : to }
}

/** Whether a bureau sees the record: one that is kept for its state alone it does not. */
function isShown(record: Pick<ViewRecord, 'firstIndex'> | undefined): boolean {
  return record !== undefined && record.firstIndex > nothingReceived
}

function nextSubjects(tx: Transaction, live: string, { kind, subject }: SubjectKey): Promise<SubjectKey[]> {
  const known = (table: ReturnType<Transaction>) => tx`
    (select distinct kind, subject from ${table} where (kind, subject) > (${kind}, ${subject}) order by 1, 2 limit ${pageSubjects})`
  return tx<SubjectKey[]>`
    select kind, subject from (${known(tx`records`)} union ${known(tx`parked`)}
      union ${known(tx`${tx(live)}.records`)} union ${known(tx`${tx(live)}.parked`)}) as known
    order by 1, 2 limit ${pageSubjects}`
}

/**
 * By everything but when it was written, and when, how often and by which replay a parked event was tried. What is the same text means
 * the same; what is another text may, where one of the views has older rows, and is read to tell.
 */
function differingSubjects(tx: Transaction, live: string, keys: readonly SubjectKey[]): Promise<SubjectKey[]> {
  const records = (table: ReturnType<Transaction>) => tx`
    (select kind, subject, row(status, layers::text, name, jurisdiction, office, data::text, provenance::text, state::text, first_index, last_index, events) as content
     from ${table} join wanted using (kind, subject))`
  const parked = (table: ReturnType<Transaction>) =>
    tx`(select kind, subject, index, cause from ${table} join wanted using (kind, subject))`
  // key by key: how few rows a range of them holds the planner can't tell, and it would read both views whole for each page
  return tx<SubjectKey[]>`
    with wanted as materialized (select kind, subject from ${unnested(tx, keys)})
    select kind, subject from ${records(tx`${tx(live)}.records`)} l full join ${records(tx`records`)} r using (kind, subject)
      where l.content is distinct from r.content
    union select kind, subject from ${parked(tx`${tx(live)}.parked`)} l full join ${parked(tx`parked`)} r using (kind, subject, index)
      where l.cause is distinct from r.cause
    order by 1, 2`
}

function unnested(tx: Transaction, keys: readonly SubjectKey[]) {
  const [kinds, subjects] = [keys.map(({ kind }) => kind), keys.map(({ subject }) => subject)]
  return tx`unnest(${kinds}::text[], ${subjects}::text[]) as wanted (kind, subject)`
}

/** The last event of each that the log has: one beyond a view's position is on its way there. */
async function lastLogged(tx: Transaction, keys: readonly SubjectKey[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx<(SubjectKey & { last: number })[]>`
    select wanted.kind, wanted.subject, max(e.index) as last
    from ${unnested(tx, keys)}
    join log.entries e on e.kind = 'event' and e.subject_kind = wanted.kind and e.subject = wanted.subject
    group by wanted.kind, wanted.subject`
  return new Map(rows.map((row) => [subjectKey(row), row.last]))
}

/** Some subjects as one of the two views has them. @param schema undefined: the rebuilt one */
async function readSide(tx: Transaction, schema: string | undefined, keys: readonly SubjectKey[]) {
  const table = (name: string) => (schema === undefined ? tx(name) : tx`${tx(schema)}.${tx(name)}`)
  const wanted = () => unnested(tx, keys)
  const records = await tx<ViewRecord[]>`
    select kind, subject, status, layers, name, jurisdiction, office, data, provenance, state,
      first_index as "firstIndex", last_index as "lastIndex", events from ${table('records')} join ${wanted()} using (kind, subject)`
  const parked = await tx<(SubjectKey & ParkedOf)[]>`
    select kind, subject, min(index) as index, (array_agg(cause order by index))[1] as cause, count(*)::int as events
    from ${table('parked')} join ${wanted()} using (kind, subject) group by kind, subject`
  const places = await tx<(Partition & { index: number })[]>`select topic, partition, index from ${table('positions')}`
  const recordOf = new Map(records.map((row) => [subjectKey(row), row]))
  const parkedOf = new Map(parked.map(({ kind, subject, ...row }) => [subjectKey({ kind, subject }), row]))
  return {
    reached: indexesByPlace(places),
    of(key: SubjectKey) {
      return { record: recordOf.get(subjectKey(key)), parked: parkedOf.get(subjectKey(key)) }
    },
  }
}
