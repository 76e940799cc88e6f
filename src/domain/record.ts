import type { Finding } from './event.ts'
import { chinaDate, foldState } from './fold.ts'
import { type KindOrder, none, type SubjectState, type TypeOrder, whole } from './order.ts'
import { own } from './pointer.ts'
import { type Dismissal, type Origin, type Provenance, provenanceWithout } from './provenance.ts'
import { changesOf, mergeAt, namedUnder, originsAfter } from './record-data.ts'
import type { Json, JsonObject } from './text.ts'
import { type Concealed, visibleData } from './visible.ts'

/** An event of the log, as a view takes it in. */
export interface AcceptedEvent {
  readonly index: number
  /** the sending party */
  readonly sender: string
  readonly type: string
  readonly kind: string
  readonly subject: string
  /** the event's own, RFC 3339 */
  readonly time: string
  /** when the log took it, RFC 3339 UTC */
  readonly received: string
  readonly data: JsonObject
}

/** What one bureau knows of one subject, as its view stores it. */
export interface ViewRecord {
  readonly kind: string
  readonly subject: string
  readonly status: string
  readonly layers: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly name: string | null
  readonly jurisdiction: string | null
  readonly office: string | null
  readonly data: JsonObject
  readonly provenance: Provenance
  /** of every layer, shown or not: the input of the next fold */
  readonly state: SubjectState
  /** the first event that the bureau received or sent; {@link nothingReceived} before that, when the record is not shown */
  readonly firstIndex: number
  readonly lastIndex: number
  /** applied so far, dismissed ones left out: with what is parked and dismissed, all that the log has of the subject */
  readonly events: number
}

/** `firstIndex` of a record that is kept for its state alone: the bureau has received nothing of the subject yet. */
export const nothingReceived = -1

/** Why an event could not be applied to a view. `behind`: an earlier event of its subject is parked. */
export const parkedCauses = ['unknown-type', 'state-conflict', 'no-office', 'record-schema', 'constraint', 'behind'] as const
export type ParkedCause = (typeof parkedCauses)[number]

export interface Parked {
  readonly cause: ParkedCause
  /** for people; no personal data */
  readonly detail: string
}

/** The rules of one bureau's view of one kind. */
export interface RecordRules {
  readonly bureau: string
  readonly kind: KindOrder & { readonly nameField?: string; readonly jurisdictionField?: string }
  readonly types: ReadonlyMap<string, TypeSeen>
  /** layers beside the main one of which the bureau receives or sends a type */
  readonly layers: ReadonlySet<string>
  /** what it may not see of others' events */
  readonly concealed: readonly Concealed[]
  readonly assignment: { readonly field: string; readonly offices: ReadonlyMap<string, string> } | undefined
  checkRecord(data: JsonObject, today: string): readonly Finding[]
}

/** One event type, as one bureau sees it. */
export interface TypeSeen {
  readonly order: TypeOrder
  /** `""` the top of the record's data, `tax.{sender}` under that path */
  readonly data: string
  readonly receives: boolean
  /** the top-level fields it receives; undefined: all */
  readonly fields: ReadonlySet<string> | undefined
}

/** The legal order that an event was judged by when it was appended. */
export interface Law {
  readonly kind: KindOrder
  readonly order: TypeOrder
}

/**
 * Folds one event into a bureau's record.
 *
 * States follow every event; data only those that the bureau receives or sent itself. A top-level field is replaced whole,
 * `null` takes it out.
 *
 * @param before undefined when the view has no record of the subject
 * @param law the order in force at the event's index, where that is not today's: what was legal then stays so
 * @returns the record after it, or why it must be parked, when `before` still holds
 */
export function foldRecord(
  before: ViewRecord | undefined,
  event: AcceptedEvent,
  rules: RecordRules,
  law?: Law,
): { readonly record: ViewRecord } | { readonly parked: Parked } {
  const type = rules.types.get(event.type)
  if (!type) return { parked: { cause: 'unknown-type', detail: `the rules of this consumer have no type ${event.type}` } }
  const today = chinaDate(new Date(event.received))
  const folded = foldState(before?.state, event, law?.kind ?? rules.kind, law?.order ?? type.order, today)
  if ('refused' in folded) {
    const { code, detail } = folded.refused
    return { parked: { cause: 'state-conflict', detail: `${code}: ${detail.en}` } }
  }
  const started = before ?? emptyRecord(event)
  const applied = { lastIndex: event.index, events: started.events + 1 }
  const states = { state: folded.state, ...shownStates(folded.state, rules), ...applied }
  const taken = takenOf(event, rules)
  if (!taken) return { record: { ...started, ...states } }

  const { place, seen } = taken
  const changes = changesOf(seen)
  const data = mergeAt(started.data, place, changes)
  const findings = rules.checkRecord(data, today)
  if (findings.length > 0)
    return {
      parked: {
        cause: 'record-schema',
        detail: findings
          .slice(0, maxNamed)
          .map(({ pointer, code }) => `${pointer} ${code}`)
          .join('; '),
      },
    }
  const assigned = assign(data, rules)
  if ('parked' in assigned) return assigned
  return {
    record: {
      ...started,
      ...states,
      name: textOf(data, rules.kind.nameField),
      jurisdiction: textOf(data, rules.kind.jurisdictionField),
      office: assigned.office,
      data,
      provenance: originsAfter(started.provenance, place, changes, originIn(event)),
      firstIndex: started.firstIndex === nothingReceived ? event.index : started.firstIndex,
    },
  }
}

/**
 * Folds an event that an operator dismissed from this view: its data change nothing, and the provenance of each field that they
 * would have changed says so. States follow it, since the log took it, and what comes after was judged upon it.
 *
 * @returns the record after it; `before` itself when even the states can't follow
 */
export function foldDismissed(
  before: ViewRecord | undefined,
  event: AcceptedEvent,
  rules: RecordRules,
  dismissal: Dismissal,
  law?: Law,
): ViewRecord | undefined {
  const type = rules.types.get(event.type)
  if (!type) return before
  const today = chinaDate(new Date(event.received))
  const folded = foldState(before?.state, event, law?.kind ?? rules.kind, law?.order ?? type.order, today)
  if ('refused' in folded) return before
  const started = before ?? emptyRecord(event)
  const states = { state: folded.state, ...shownStates(folded.state, rules), lastIndex: event.index }
  const taken = takenOf(event, rules)
  if (!taken) return { ...started, ...states }
  const fields = Object.keys(taken.seen).map(namedUnder(taken.place))
  return { ...started, ...states, provenance: provenanceWithout(started.provenance, fields, originIn(event), dismissal) }
}

/** What a bureau takes of an event's data, and where in its record's data they go; undefined when it takes none. */
export function takenOf(
  event: AcceptedEvent,
  rules: RecordRules,
): { readonly place: readonly string[]; readonly seen: JsonObject } | undefined {
  const type = rules.types.get(event.type)
  const mine = event.sender === rules.bureau
  if (!type || (!mine && !type.receives)) return undefined
  const seen = mine ? event.data : visibleData(event.data, type.fields, rules.concealed)
  return { place: type.data === '' ? [] : type.data.replace('{sender}', event.sender).split('.'), seen }
}

/** What an event itself calls its subject, as far as the bureau sees it. */
export function nameIn(event: AcceptedEvent, rules: RecordRules): string | null {
  const taken = takenOf(event, rules)
  return taken === undefined || taken.place.length > 0 ? null : textOf(taken.seen, rules.kind.nameField)
}

/** A parked event's detail names this many findings; the first ones are enough to see what is wrong. */
const maxNamed = 20

function emptyRecord({ kind, subject, index }: AcceptedEvent): ViewRecord {
  return {
    kind,
    subject,
    status: none,
    layers: {},
    name: null,
    jurisdiction: null,
    office: null,
    data: {},
    provenance: [],
    state: {},
    firstIndex: nothingReceived,
    lastIndex: index,
    events: 0,
  }
}

function shownStates(state: SubjectState, rules: RecordRules): Pick<ViewRecord, 'status' | 'layers'> {
  const main = rules.kind.layers.find((layer) => layer.main)
  const status = own(own(state, main?.id ?? ''), whole)?.state ?? none
  const shown = Object.entries(state).filter(([layer]) => layer !== main?.id && rules.layers.has(layer))
  const layers = shown.map(([layer, parts]) => [
    layer,
    Object.fromEntries(Object.entries(parts).map(([part, at]) => [part, at.state])),
  ])
  return { status, layers: Object.fromEntries(layers) }
}

const originIn = ({ index, sender, time }: AcceptedEvent): Origin => ({ index, source: sender, time })

/** A record without the field is nobody's yet; one whose value the table lacks can't be given to anybody. */
function assign(data: JsonObject, rules: RecordRules): { readonly office: string | null } | { readonly parked: Parked } {
  if (!rules.assignment) return { office: null }
  const { field, offices } = rules.assignment
  const value = own<Json>(data, field)
  if (value === undefined) return { office: null }
  const office = typeof value === 'string' ? offices.get(value) : undefined
  if (office !== undefined) return { office }
  return {
    parked: { cause: 'no-office', detail: `the assignment table has no office for the value of ${field}${divisionText(value)}` },
  }
}

/** A division's code is nobody's secret; anything longer might be something else. */
function divisionText(value: Json): string {
  return typeof value === 'string' && /^[0-9]{2,9}$/.test(value) ? `, ${value}` : ''
}

function textOf(data: JsonObject, field: string | undefined): string | null {
  const value = field === undefined ? undefined : own<Json>(data, field)
  return typeof value === 'string' ? value : null
}
