import { own } from './pointer.ts'
import { type Origin, type Provenance, provenanceAfter } from './provenance.ts'
import { isJsonObject, type Json, type JsonObject } from './text.ts'

/** What an event does to the fields of a record's data. */
export interface Changes {
  readonly set: JsonObject
  readonly removed: ReadonlySet<string>
}

/** `null` takes a field out. */
export function changesOf(fields: JsonObject): Changes {
  // most events remove nothing: not copying their fields is a tenth of a fold
  if (!Object.values(fields).includes(null)) return { set: fields, removed: noFields }
  const removed = new Set(Object.keys(fields).filter((field) => fields[field] === null))
  return { set: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)), removed }
}

const noFields: ReadonlySet<string> = new Set()

/** Puts fields at a place of a record's data: each is replaced whole. */
export function mergeAt(data: JsonObject, place: readonly string[], changes: Changes): JsonObject {
  const [step, ...rest] = place
  if (step === undefined) return { ...withoutFields(data, changes.removed), ...changes.set }
  const inner = own<Json>(data, step)
  return { ...data, [step]: mergeAt(isJsonObject(inner) ? inner : {}, rest, changes) }
}

function withoutFields(data: JsonObject, removed: ReadonlySet<string>): JsonObject {
  if (removed.size === 0) return data
  return Object.fromEntries(Object.entries(data).filter(([field]) => !removed.has(field)))
}

/** Where the fields that were put at a place, or taken out there, have come from since. */
export function originsAfter(
  before: Provenance,
  place: readonly string[],
  { set, removed }: Changes,
  origin: Origin,
): Provenance {
  const named = namedUnder(place)
  return provenanceAfter(before, Object.keys(set).map(named), [...removed].map(named), origin)
}

/** @returns names of fields as provenance says them */
export function namedUnder(place: readonly string[]): (field: string) => string {
  if (place.length === 0) return (field) => field
  const prefix = `${place.join('.')}.`
  return (field) => prefix + field
}
