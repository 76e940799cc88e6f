import type { TypeRules } from '../../catalogue/rules.ts'
import { stepsOf } from '../../domain/pointer.ts'
import type { JsonObject } from '../../domain/text.ts'

// What one entry leaves behind for the checks that need the whole log: a line in the one partition where everything meets
// that has to be compared with it. Lines are JSON arrays, by their first element in the order of the log.

/** Two of them with one sender and id are a duplicate. `key`: index of the entry that registered the signing key. */
export type EventTrace = readonly [index: number, receivedMs: number, key: number, party: string, id: string]
/** What stands where an event has its key. */
export const refusalMark = -1
export const operationMark = -2
export const takenIdMark = -3
/** A refusal for an id that its sender had used: an event with both must stand before it. */
export type TakenIdTrace = readonly [index: number, receivedMs: number, mark: typeof takenIdMark, party: string, id: string]
/** The same digest and problem (or action) again is a repetition, for refusals within 24 hours. */
export type DigestTrace = readonly [
  index: number,
  receivedMs: number,
  mark: typeof refusalMark | typeof operationMark,
  digest: string,
  what: string,
]

/** One step of a subject. `catalogue`: which one was in force, counted from 0. */
export type StepTrace = readonly [
  index: number,
  catalogue: number,
  type: string,
  subject: string,
  sender: string,
  today: string,
  data: JsonObject,
]

/**
 * The members of an event's data that the fold of its type looks at: those that its table names. A guard is code and may
 * look anywhere, so a type with guards keeps them all.
 */
export function foldedData(data: JsonObject, { type, kind }: TypeRules): JsonObject {
  const { order } = type
  if (order.rules.some(({ rule }) => rule === 'guard')) return data
  const kept: Record<string, JsonObject[string]> = {}
  for (const name of foldedMembers(order, kind.dateField)) {
    const value = data[name]
    if (value !== undefined && Object.hasOwn(data, name)) kept[name] = value
  }
  return kept
}

const members = new WeakMap<TypeRules['type']['order'], readonly string[]>()

function foldedMembers(order: TypeRules['type']['order'], dateField: string): readonly string[] {
  const before = members.get(order)
  if (before !== undefined) return before
  const names = [
    dateField,
    ...(order.stateField === undefined ? [] : [order.stateField]),
    ...order.rules.flatMap((rule) => (rule.rule === 'previous' ? [rule.field] : [])),
    ...order.moves.flatMap(({ to }) => (typeof to === 'string' ? [] : [to.field])),
    ...order.moves.flatMap(({ of }) => (typeof of === 'object' ? stepsOf(of.named).slice(0, 1) : [])),
  ]
  const found = [...new Set(names)]
  members.set(order, found)
  return found
}

/**
 * Lines by the partition that they go to, the steps' partitions after the others. One block of bytes, since it crosses threads: so it
 * is handed over without a copy, and hundreds of short texts are not.
 */
export interface SortedTraces {
  readonly places: readonly number[]
  /** `places[i]` gets the bytes from `ends[i - 1]` to `ends[i]` */
  readonly ends: readonly number[]
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** @param texts whole lines by place */
export function sortedTraces(texts: ReadonlyMap<number, string>): SortedTraces {
  const parts = [...texts.values()].map((text) => Buffer.from(text))
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  const ends = parts.map((part) => {
    bytes.set(part, end)
    end += part.length
    return end
  })
  return { places: [...texts.keys()], ends, bytes }
}

/** Partitions of each family that traces are spread over. */
export interface Spread {
  readonly partitions: number
  /** unknown to whoever made the log, so that nobody can make all of it meet in one partition */
  readonly seed: number
}

/** FNV-1a, seeded. */
export function partitionOf(text: string, { partitions, seed }: Spread): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return ((hash ^ (hash >>> 15)) >>> 0) % partitions
}
