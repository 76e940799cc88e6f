import { type CodeContext, type CodeResult, codeError, codeWarning } from './code-check.ts'
import { divisionRevisions, divisionTable } from './division-table.ts'

/** One code of GB/T 2260, as the revisions that were looked at show it. Revisions are months, `YYYYMM`. */
export interface Division {
  readonly name: string
  readonly firstRevision: string
  readonly lastRevision: string
  /** the first revision without it; undefined while it is in force */
  readonly goneBy: string | undefined
  /** the standard dropped it, a later table still has it */
  readonly disputed: boolean
}

const divisions = readTable()

/**
 * Division 行政区划代码 of an address. A code that never existed is an error; one that was retired before the date is odd,
 * because registers keep addresses as they were written. Not for registrars, whose codes GB/T 2260 need not have.
 *
 * @param context without `date`, today is asked for
 * @see GB/T 2260-2007
 */
export function checkDivision(value: string, { date, today }: CodeContext): CodeResult {
  if (value.length !== 6) return codeError('length', 'A division code has 6 digits.', '行政区划代码应为 6 位数字。')
  if (!/^[0-9]{6}$/.test(value)) return codeError('format', 'A division code has digits only.', '行政区划代码只含数字。')
  const division = divisionOf(value)
  if (!division) {
    return codeError(
      'unknown',
      `No revision of GB/T 2260 since 2002 has the division ${value}: use the code of the district or county.`,
      `GB/T 2260 自 2002 年以来的各版均无行政区划代码 ${value}：请使用区县代码。`,
    )
  }
  if (retired(division, date ?? today)) {
    return codeWarning(
      'retired',
      `The division ${value} (${division.name}) was retired; ${month(division.lastRevision)} is the last revision of GB/T 2260 that has it.`,
      `行政区划代码 ${value}（${division.name}）已撤销；最后载有该代码的 GB/T 2260 版本为 ${month(division.lastRevision)}。`,
    )
  }
  if (!division.disputed) return undefined
  return codeWarning(
    'disputed',
    `Published tables differ on whether the division ${value} (${division.name}) is in force.`,
    `行政区划代码 ${value}（${division.name}）是否有效，各公开代码表不一致。`,
  )
}

export function divisionOf(code: string): Division | undefined {
  return divisions.get(code)
}

/** Nobody knows the day between two revisions, so the code counts until the end of the month of the first one without it. */
function retired(division: Division, date: string): boolean {
  if (division.goneBy === undefined) return false
  return date.slice(0, 4) + date.slice(5, 7) > division.goneBy
}

function month(revision: string): string {
  return `${revision.slice(0, 4)}-${revision.slice(4)}`
}

function readTable(): ReadonlyMap<string, Division> {
  const table = new Map<string, Division>()
  for (const row of divisionTable.trim().split('\n')) {
    const last = revisionIndex(row, 7)
    const disputed = row.charAt(8) === '?'
    table.set(row.slice(0, 6), {
      name: row.slice(disputed ? 9 : 8),
      firstRevision: divisionRevisions[revisionIndex(row, 6)] ?? '',
      lastRevision: divisionRevisions[last] ?? '',
      goneBy: divisionRevisions[last + 1],
      disputed,
    })
  }
  return table
}

function revisionIndex(row: string, at: number): number {
  return row.charCodeAt(at) - 'a'.charCodeAt(0)
}
