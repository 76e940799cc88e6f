import { own } from './pointer.ts'
import { type AcceptedEvent, foldRecord, type Law, type RecordRules, takenOf, type ViewRecord } from './record.ts'
import { isJsonObject, type Json, type JsonObject } from './text.ts'

/** One field of a record as an event found it and as it leaves it; null where there is none. */
export interface Change {
  /** as in the record's provenance: `legalRepresentative`, `tax.state-tax.taxNumber` */
  readonly field: string
  readonly before: Json
  readonly after: Json
}

/**
 * The record after an event as it would be if nothing but the event itself mattered: neither offices nor the bureau's own schema,
 * and where the order in force does not allow the step, not that either. It shows what a parked event is about to change.
 *
 * @returns `before` itself where the rules say nothing of the event
 */
export function foldUnchecked(
  before: ViewRecord | undefined,
  event: AcceptedEvent,
  rules: RecordRules,
  law?: Law,
): ViewRecord | undefined {
  const unchecked: RecordRules = { ...rules, assignment: undefined, checkRecord: () => [] }
  const folded = foldRecord(before, event, unchecked, law)
  if ('record' in folded) return folded.record
  const order = law?.order ?? rules.types.get(event.type)?.order
  if (order === undefined) return before
  const free: Law = { kind: law?.kind ?? rules.kind, order: { layer: order.layer, moves: order.moves, rules: [] } }
  const again = foldRecord(before, event, unchecked, free)
  return 'record' in again ? again.record : before
}

/**
 * The fields of a record's data that an event changed, in the order in which it names them.
 *
 * @param shown what a reader may see of a record's data: fields are compared as they are and given as shown
 */
export function dataChanges(
  before: ViewRecord | undefined,
  after: ViewRecord | undefined,
  event: AcceptedEvent,
  rules: RecordRules,
  shown: (data: JsonObject) => JsonObject,
): readonly Change[] {
  const taken = takenOf(event, rules)
  if (taken === undefined || after === undefined) return []
  const { place } = taken
  const [was, is] = [before?.data ?? {}, after.data]
  const changed = Object.keys(taken.seen).filter((field) => !isSame(valueAt(was, place, field), valueAt(is, place, field)))
  if (changed.length === 0) return []
  const [shownBefore, shownAfter] = [shown(was), shown(is)]
  return changed.map((field) => ({
    field: [...place, field].join('.'),
    before: valueAt(shownBefore, place, field),
    after: valueAt(shownAfter, place, field),
  }))
}

/** The shown states that an event changed: `status`, and parts of other layers such as `tax.state-tax`. */
export function stateChanges(before: ViewRecord | undefined, after: ViewRecord | undefined): readonly Change[] {
  const [was, is] = [statesOf(before), statesOf(after)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .map((field) => ({ field, before: was.get(field) ?? null, after: is.get(field) ?? null }))
    .filter((change) => change.before !== change.after)
}

function statesOf(record: ViewRecord | undefined): ReadonlyMap<string, string> {
  if (record === undefined) return new Map()
  const parts = Object.entries(record.layers).flatMap(([layer, states]) =>
    Object.entries(states).map(([part, state]) => [`${layer}.${part}`, state] as const),
  )
  return new Map([['status', record.status], ...parts])
}

function valueAt(data: JsonObject, place: readonly string[], field: string): Json {
  const holder = place.reduce<Json>((at, step) => (isJsonObject(at) ? (own<Json>(at, step) ?? null) : null), data)
  return isJsonObject(holder) ? (own<Json>(holder, field) ?? null) : null
}

/** Values of one event and of another, each as its sender wrote it: a change of the order of members is one. */
function isSame(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
