import type { RawSql } from '../database/connect.ts'
import { readInstant, utcText } from '../domain/instant.ts'
import { type ParkedCause, parkedCauses } from '../domain/record.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'

/**
 * Whose parked events a replay takes: subjects whose first parked event meets all of it. What waits behind that one is
 * replayed with it, since order is a subject's own.
 */
export interface ReplayFilter {
  readonly cause?: ParkedCause
  readonly type?: string
  readonly kind?: string
  readonly subjects?: readonly string[]
  /** parked at or after, RFC 3339 */
  readonly from?: string
  /** parked before, RFC 3339 */
  readonly to?: string
  readonly minIndex?: number
  readonly maxIndex?: number
}

const maxSubjects = 500
const maxText = 256

/**
 * Instants become texts in UTC: Postgres reads no zone beyond 15:59, and a filter that it can't read would hold up every replay of
 * its bureau.
 *
 * @throws {RefusedRequest} `invalid-request` with everything that is wrong in it
 */
export function readFilter(value: Json | undefined): ReplayFilter {
  if (value !== undefined && !isJsonObject(value)) throw invalid(['filter must be an object'])
  const given: JsonObject = value ?? {}
  const faults = Object.keys(given).flatMap((name) => (Object.hasOwn(checks, name) ? [] : [`filter.${name} is not known`]))
  for (const [name, check] of Object.entries(checks))
    if (given[name] !== undefined && !check.good(given[name])) faults.push(`filter.${name} must be ${check.wants}`)
  if (faults.length > 0) throw invalid(faults)
  const { cause, type, kind, subjects, from, to, minIndex, maxIndex } = given
  const known = parkedCauses.find((each) => each === cause)
  const [parkedFrom, parkedTo] = [instantOf(from), instantOf(to)]
  return {
    ...(known === undefined ? {} : { cause: known }),
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof kind === 'string' ? { kind } : {}),
    ...(Array.isArray(subjects) ? { subjects: subjects.filter((each) => typeof each === 'string') } : {}),
    ...(parkedFrom === undefined ? {} : { from: utcText(parkedFrom) }),
    ...(parkedTo === undefined ? {} : { to: utcText(parkedTo) }),
    ...(typeof minIndex === 'number' ? { minIndex } : {}),
    ...(typeof maxIndex === 'number' ? { maxIndex } : {}),
  }
}

interface Check {
  readonly wants: string
  good(value: Json): boolean
}

const text: Check = {
  wants: `a text of 1 to ${maxText} characters`,
  good: (value) => typeof value === 'string' && value !== '' && value.length <= maxText && !value.includes('\0'),
}
const instant: Check = {
  wants: 'an instant like 2026-11-24T21:00:00Z',
  good: (value) => instantOf(value) !== undefined,
}
const index: Check = { wants: 'an index of the log', good: (value) => Number.isSafeInteger(value) && Number(value) >= 0 }

const checks: Readonly<Record<keyof ReplayFilter, Check>> = {
  cause: {
    wants: `one of ${parkedCauses.filter((cause) => cause !== 'behind').join(', ')}`,
    good: (value) => value !== 'behind' && parkedCauses.some((cause) => cause === value),
  },
  type: text,
  kind: text,
  subjects: {
    wants: `a list of 1 to ${maxSubjects} subjects`,
    good: (value) =>
      Array.isArray(value) && value.length > 0 && value.length <= maxSubjects && value.every((each) => text.good(each)),
  },
  from: instant,
  to: instant,
  minIndex: index,
  maxIndex: index,
}

function instantOf(value: Json | undefined): Date | undefined {
  return typeof value === 'string' ? readInstant(value) : undefined
}

/** A condition on rows of `parked`: the first ones of the subjects that the filter takes. */
export function headsWanted(sql: RawSql, { cause, type, kind, subjects, from, to, minIndex, maxIndex }: ReplayFilter) {
  return sql`cause <> 'behind'
    ${cause === undefined ? sql`` : sql`and cause = ${cause}`}
    ${type === undefined ? sql`` : sql`and type = ${type}`}
    ${kind === undefined ? sql`` : sql`and kind = ${kind}`}
    ${subjects === undefined ? sql`` : sql`and subject = any(${[...subjects]}::text[])`}
    ${from === undefined ? sql`` : sql`and parked_at >= ${from}::timestamptz`}
    ${to === undefined ? sql`` : sql`and parked_at < ${to}::timestamptz`}
    ${minIndex === undefined ? sql`` : sql`and index >= ${minIndex}::bigint`}
    ${maxIndex === undefined ? sql`` : sql`and index <= ${maxIndex}::bigint`}`
}

const invalid = (faults: readonly string[]) =>
  new RefusedRequest('invalid-request', { en: faults.join('; '), zh: `筛选条件有误：${faults.join('；')}` })
