import type { ParkedCause, ViewRecord } from '../domain/record.ts'
import type { SubjectKey } from '../view/histories.ts'
import { differencesOf, type FieldDifference, type Masking } from './record-difference.ts'

/** What of a subject is parked. */
export interface ParkedOf {
  /** of the first event that waits */
  readonly index: number
  readonly cause: ParkedCause
  readonly events: number
}

/** A subject as one of two views has it. */
export interface SubjectIn {
  readonly record: ViewRecord | undefined
  readonly parked: ParkedOf | undefined
}

/**
 * A subject of which a view, left, and the fold of the log or a rebuilt view, right, differ.
 *
 * - `different`: both have a record
 * - `missing`: only the right one has one; `extra`: only the left one has one
 * - `parked`: the left one holds back events that the right one does not, or others: a replay or a rebuild brings them
 */
export interface SubjectDifference extends SubjectKey {
  readonly what: 'different' | 'missing' | 'extra' | 'parked'
  readonly fields: readonly FieldDifference[]
  /** absent where nothing is parked in either */
  readonly parked?: { readonly left: ParkedOf | null; readonly right: ParkedOf | null }
}

/** @returns undefined when they agree */
export function subjectDifference(
  { kind, subject }: SubjectKey,
  left: SubjectIn,
  right: SubjectIn,
  mask: Masking,
): SubjectDifference | undefined {
  const parkedAlike =
    left.parked?.index === right.parked?.index &&
    left.parked?.cause === right.parked?.cause &&
    left.parked?.events === right.parked?.events
  const parked = left.parked || right.parked ? { parked: { left: left.parked ?? null, right: right.parked ?? null } } : {}
  const fields = left.record && right.record ? differencesOf(left.record, right.record, mask) : []
  if (!parkedAlike) return { kind, subject, what: 'parked', fields, ...parked }
  if (fields.length > 0) return { kind, subject, what: 'different', fields, ...parked }
  if ((left.record === undefined) === (right.record === undefined)) return undefined
  return { kind, subject, what: left.record === undefined ? 'missing' : 'extra', fields, ...parked }
}
