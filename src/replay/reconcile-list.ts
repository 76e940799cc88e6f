import { isDeepStrictEqual } from 'node:util'
import { jsonArray, textArray } from '../database/array-literal.ts'
import type { RawSql } from '../database/connect.ts'
import { own } from '../domain/pointer.ts'
import { type Origin, originsOf } from '../domain/provenance.ts'
import { nothingReceived, type ViewRecord } from '../domain/record.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { beforeAll, type SubjectKey } from '../view/histories.ts'
import { type FieldDifference, type Masking, sourced, valueAt } from './record-difference.ts'

/** Rows of the list that are stored, and subjects that are compared, at once. */
const pageRows = 1_000
/** Different columns in a list; more are no list of registrations. */
const maxColumns = 1_000

/** The list has more different columns than can be compared. */
export class ListTooWide extends Error {
  override readonly name = 'ListTooWide'

  constructor() {
    super(`the list has more than ${maxColumns} different columns: leave out what is not to be compared`)
  }
}

/** One subject as a bureau's own list has it. */
export interface ListedSubject extends SubjectKey {
  /** in its file, from 1 */
  readonly line: number
  /** by the name of a column (`status`, `name`, `jurisdiction`, `office`) or of a field of the data, dotted */
  readonly fields: JsonObject
}

/** A subject of which view (left) and list (right) differ. `missing`: the view lacks it; `twice`: it stands twice in the list. */
export interface ListDifference extends SubjectKey {
  readonly what: 'different' | 'missing' | 'extra' | 'twice'
  readonly fields: readonly FieldDifference[]
  /** in the list */
  readonly line?: number
  /** the last event that the view's record holds */
  readonly lastIndex?: number
  /** events of the subject that wait: what the view says is old */
  readonly parked?: number
}

export interface ListPage {
  /** compared: in the view, in the list, or in both */
  readonly subjects: number
  readonly differences: readonly ListDifference[]
  /** columns of the list of which no record of the view has a value; the last page says it */
  readonly unknownColumns?: readonly string[]
}

export interface ListMeans {
  /** the list's values are text as it stood in the file, where an empty one is none */
  readonly asText: boolean
  readonly maskOf: (kind: string) => Masking
  /** the field of the data that `name` and `jurisdiction` are */
  readonly fieldOf: (kind: string, column: string) => string | undefined
}

/**
 * Stores a list in a table of the session, so that memory holds but one page of it.
 *
 * @param sql one connection, and the same for {@link reconcileWithList}
 * @yields what stands twice in it
 */
export async function* storeList(
  sql: RawSql,
  list: AsyncIterable<ListedSubject>,
): AsyncGenerator<{ readonly rows: number; readonly twice: readonly ListDifference[] }> {
  await sql`
    create temporary table own_list (kind text, subject text, line bigint, fields jsonb, primary key (kind, subject))`
  let page: ListedSubject[] = []
  for await (const one of list) {
    page.push(one)
    if (page.length < pageRows) continue
    yield await storePage(sql, page)
    page = []
  }
  if (page.length > 0) yield await storePage(sql, page)
  await sql`analyze own_list`
}

async function storePage(sql: RawSql, page: readonly ListedSubject[]) {
  const stored = await sql<{ line: number }[]>`
    insert into own_list (kind, subject, line, fields)
    select kind, subject, line, fields::jsonb from unnest(
      ${textArray(page.map(({ kind }) => kind))}::text::text[], ${textArray(page.map(({ subject }) => subject))}::text::text[],
      ${page.map(({ line }) => line)}::bigint[], ${jsonArray(page.map(({ fields }) => fields))}::text::text[]
    ) as listed (kind, subject, line, fields)
    on conflict do nothing returning line`
  const kept = new Set(stored.map(({ line }) => line))
  const twice = page.filter(({ line }) => !kept.has(line))
  return {
    rows: page.length,
    twice: twice.map(({ kind, subject, line }): ListDifference => ({ kind, subject, line, what: 'twice', fields: [] })),
  }
}

interface Pair extends SubjectKey {
  readonly line: number | null
  readonly fields: JsonObject | null
  readonly record: Pick<ViewRecord, 'status' | 'name' | 'jurisdiction' | 'office' | 'data' | 'provenance'> | null
  readonly lastIndex: number | null
  readonly parked: number
}

/**
 * Compares what a view shows with the list stored before, in order of subject: of each, the columns that the list has.
 *
 * @throws {ListTooWide}
 */
export async function* reconcileWithList(sql: RawSql, means: ListMeans): AsyncGenerator<ListPage> {
  const columns = await sql<{ name: string }[]>`
    select distinct jsonb_object_keys(fields) as name from own_list order by 1 limit ${maxColumns + 1}`
  // a column left out would be taken for one that agrees
  if (columns.length > maxColumns) throw new ListTooWide()
  const names = columns.map(({ name }) => name)
  let unknown: readonly string[] = names
  let anyRecord = false
  for (let after: SubjectKey | undefined = beforeAll; after !== undefined; ) {
    const pairs: readonly Pair[] = await readPairs(sql, after)
    anyRecord ||= pairs.some(({ record }) => record !== null)
    unknown = unknown.filter((name) => !pairs.some(({ record }) => record !== null && textOf(shownValue(record, name)) !== ''))
    after = pairs.length < pageRows ? undefined : pairs.at(-1)
    const differences = pairs.flatMap((pair) => compare(pair, names, means))
    yield { subjects: pairs.length, differences, ...(after === undefined ? { unknownColumns: anyRecord ? unknown : [] } : {}) }
  }
}

function compare(pair: Pair, names: readonly string[], means: ListMeans): ListDifference[] {
  const { kind, subject, line, fields, record, lastIndex, parked } = pair
  const found = names.flatMap((name) => compareField(name, pair, means))
  const what = record === null ? 'missing' : fields === null ? 'extra' : 'different'
  if (what === 'different' && found.length === 0) return []
  const difference = { kind, subject, what, fields: found } as const
  const seen = { ...(line === null ? {} : { line }), ...(lastIndex === null ? {} : { lastIndex }) }
  return [{ ...difference, ...seen, ...(parked > 0 ? { parked } : {}) }]
}

function compareField(name: string, { kind, fields, record, lastIndex }: Pair, means: ListMeans): FieldDifference[] {
  const listed = fields === null ? undefined : own<Json>(fields, name)
  // a row that does not have the column says nothing of it
  if (fields !== null && listed === undefined) return []
  const shown = record === null ? undefined : shownValue(record, name)
  const equal = means.asText ? saysTheSame(shown, listed) : isDeepStrictEqual(shown ?? null, listed ?? null)
  if (equal) return []
  const from = record === null ? undefined : originOf(record, means.fieldOf(kind, name) ?? name)
  const index = from ?? (lastIndex === null ? undefined : { index: lastIndex })
  const mask = means.maskOf(kind)
  if (isPersonal(name, shown, mask) || isPersonal(name, listed, mask))
    return [{ field: name, left: sourced(undefined, index), right: {}, personal: true }]
  return [{ field: name, left: sourced(shown ?? undefined, index), right: sourced(listed, undefined) }]
}

const columnNames = ['status', 'name', 'jurisdiction', 'office'] as const

function shownValue(record: NonNullable<Pair['record']>, name: string): Json | undefined {
  const column = columnNames.find((each) => each === name)
  return column === undefined ? valueAt(record.data, name) : record[column]
}

/** The event that brought a field, or the whole that it is a part of. */
function originOf({ provenance }: NonNullable<Pair['record']>, name: string): Origin | undefined {
  const steps = name.split('.')
  const origins = originsOf(provenance)
  for (let length = steps.length; length > 0; length--) {
    const origin = own<Origin>(origins, steps.slice(0, length).join('.'))
    if (origin !== undefined) return origin
  }
  return undefined
}

/** Would a mask change the value where it stands? */
function isPersonal(name: string, value: Json | undefined, mask: Masking): boolean {
  if (value === undefined || value === null) return false
  const nested = name.split('.').reduceRight<Json>((inner, step) => ({ [step]: inner }), value)
  return isJsonObject(nested) && !isDeepStrictEqual(mask(nested), nested)
}

/** Whether a cell of a list of texts is a value; of an object or a list it may have the members in any order. */
function saysTheSame(shown: Json | undefined, listed: Json | undefined): boolean {
  if (textOf(shown) === textOf(listed)) return true
  if (typeof shown !== 'object' || shown === null || typeof listed !== 'string') return false
  try {
    return isDeepStrictEqual(JSON.parse(listed), shown)
  } catch {
    // what is no JSON is another value
    return false
  }
}

function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function readPairs(sql: RawSql, { kind, subject }: SubjectKey): Promise<Pair[]> {
  return sql<Pair[]>`
    with page as (
      select kind, subject from (
        (select kind, subject from own_list where (kind, subject) > (${kind}, ${subject}) order by 1, 2 limit ${pageRows})
        union
        (select kind, subject from records where (kind, subject) > (${kind}, ${subject}) and first_index > ${nothingReceived}
          order by 1, 2 limit ${pageRows})
      ) as known order by 1, 2 limit ${pageRows})
    select page.kind, page.subject, own_list.line, own_list.fields, r.last_index as "lastIndex",
      case when r.subject is null then null else json_build_object('status', r.status, 'name', r.name,
        'jurisdiction', r.jurisdiction, 'office', r.office, 'data', r.data, 'provenance', r.provenance) end as record,
      (select count(*)::int from parked p where p.kind = page.kind and p.subject = page.subject) as parked
    from page left join own_list using (kind, subject)
      left join records r on r.kind = page.kind and r.subject = page.subject and r.first_index > ${nothingReceived}
    order by page.kind, page.subject`
}
