import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { maxLagCounted } from '../view/lag.ts'
import { tableText } from './table.ts'

/** What a comparison came to. */
export interface DifferencesFound {
  readonly bureau: string
  /** a file, or `log` */
  readonly against: string
  readonly subjects: number
  /** events of the log that the view has not taken in yet; counted up to {@link maxLagCounted} */
  readonly behind: number
  readonly parkedAlike?: number
  /** of the list: no record of the view has a value there */
  readonly unknownColumns?: readonly string[]
  /** how many of each */
  readonly kinds: Readonly<Record<string, number>>
  readonly differ: number
  /** the first ones */
  readonly differences: readonly JsonObject[]
  /** what the two that were compared are called in them */
  readonly sides: readonly [string, string]
  /** where all of them are written */
  readonly out: string | undefined
}

/** Differences as an operator reads them. */
export function differencesText(found: DifferencesFound): string {
  const { bureau, against, subjects, behind, parkedAlike = 0, kinds, differ, differences, sides, out } = found
  const other = against === 'log' ? 'the fold of the log' : against
  const alike = parkedAlike > 0 ? `; ${parkedAlike} have parked events, in the fold too` : ''
  const lag = `${unknownText(found.unknownColumns)}${behindText(bureau, behind)}`
  if (differ === 0) return `all agree: ${subjects} subjects in the view of ${bureau} and in ${other}${alike}\n${lag}`
  const counts = Object.entries(kinds).flatMap(([what, count]) => (count > 0 ? [[what, String(count), meaning[what] ?? '']] : []))
  const rows = differences.flatMap((one) => differenceRows(one, sides))
  const head = ['SUBJECT', 'WHAT', 'FIELD', ...sides.flatMap((side) => [side.toUpperCase(), 'FROM'])]
  const more = differ - differences.length
  const rest = more > 0 ? `and ${more} more${out === undefined ? '; --out FILE writes them all' : ` in ${out}`}\n` : ''
  // a row that stands twice is no subject more
  const twice = kinds.twice ?? 0
  const doubled = twice > 0 ? `; ${twice} ${twice === 1 ? 'row of the list stands' : 'rows of the list stand'} there twice` : ''
  const summary = `${differ - twice} of ${subjects} subjects differ between the view of ${bureau} and ${other}${alike}${doubled}\n`
  return `${summary}${tableText(counts)}${rows.length === 0 ? '' : `\n${tableText([head, ...rows])}`}${rest}${lag}`
}

/** A misspelt column makes every subject differ. */
function unknownText(columns: readonly string[] = []): string {
  if (columns.length === 0) return ''
  const shown = columns.slice(0, maxColumnsShown).map((name) => JSON.stringify(name))
  const more = columns.length > shown.length ? ` and ${columns.length - shown.length} more` : ''
  return `no record of the view has a value of ${shown.join(', ')}${more}: is that how the column is spelt?\n`
}

const maxColumnsShown = 20

/** What is on its way is no difference, but whoever reads must know that it was not compared. */
function behindText(bureau: string, behind: number): string {
  if (behind === 0) return ''
  const least = behind >= maxLagCounted ? 'at least ' : ''
  return `the view of ${bureau} is behind the log by ${least}${behind} events, which were not compared\n`
}

const meaning: Readonly<Record<string, string>> = {
  different: 'in both, with other values or from other events',
  missing: 'not in the view',
  extra: 'only in the view',
  parked: 'the view holds back events that the fold does not: replay them',
  twice: 'twice in the list: its later row was left out',
}

/** The rows of one difference: a field each. */
export function differenceRows(difference: JsonObject, sides: readonly [string, string]): string[][] {
  const { subject, what, fields, parked } = difference
  const lead = [String(subject), String(what)]
  const listed: readonly Json[] = Array.isArray(fields) ? fields : []
  const rows = listed
    .filter(isJsonObject)
    .map((field) => [...lead, String(field.field), ...sides.flatMap((side) => sideText(field, side))])
  if (what === 'parked' && isJsonObject(parked))
    rows.push([...lead, 'parked', ...sides.flatMap((side) => parkedText(parked[side]))])
  return rows.length === 0 ? [[...lead, '', '', '', '', '']] : rows
}

function sideText(field: JsonObject, side: string): [string, string] {
  const { value, index } = objectOf(field[side])
  const text = field.personal === true ? '(personal)' : value === undefined ? '-' : JSON.stringify(value)
  return [text.length > maxShown ? `${text.slice(0, maxShown)}…` : text, index === undefined ? '-' : String(index)]
}

function parkedText(parked: Json | undefined): [string, string] {
  if (!isJsonObject(parked)) return ['-', '-']
  return [`${String(parked.events)} events, ${String(parked.cause)}`, String(parked.index)]
}

/** Characters of a value in the table; --out and --json have it whole. */
const maxShown = 60

const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {})
