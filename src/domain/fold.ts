import { guards, openParts } from './guards.ts'
import {
  type KindOrder,
  type Layer,
  type Move,
  none,
  type OrderRule,
  type PartState,
  type SubjectState,
  type TypeOrder,
  whole,
} from './order.ts'
import * as say from './order-text.ts'
import { own, valuesAt } from './pointer.ts'
import type { OrderCode } from './problems.ts'
import type { JsonObject, Text } from './text.ts'

/** What the fold needs of an event. */
export interface Step {
  /** the sending party */
  readonly sender: string
  readonly data: JsonObject
}

export type FoldResult =
  | { readonly state: SubjectState }
  | { readonly refused: { readonly code: OrderCode; readonly detail: Text } }

/**
 * The one fold of states: the log judges legal order with it, every view follows with it.
 *
 * The type's rules are asked in the order of its table; then the state field; then the dates. A step dates its own part,
 * also where the state stays, and every other part that it moves.
 *
 * @param state undefined for a subject that is not known yet
 * @param today the calendar date in China, `YYYY-MM-DD`: of now for the log, of the entry's `received` for a view, so that a
 *   view built again next year comes out the same
 */
export function foldState(
  state: SubjectState | undefined,
  event: Step,
  kind: KindOrder,
  order: TypeOrder,
  today: string,
): FoldResult {
  const judged: Judged = { state: state ?? {}, known: state !== undefined, event, kind, order, moved: [] }
  const step: Judged = { ...judged, moved: movesOf(judged) }
  for (const rule of order.rules) {
    const detail = objection(rule, step)
    if (detail) return { refused: { code: rule.code, detail } }
  }
  const date = event.data[kind.dateField]
  const after = typeof date === 'string' ? afterStep(step, date) : step.state
  const differs = stateFieldDiffers(step, after)
  if (differs) return { refused: { code: 'state-differs', detail: differs } }
  if (typeof date !== 'string') return { refused: { code: 'effective-date-order', detail: say.noDate(kind.dateField) } }
  const misdated = dateObjection(step, date, today)
  if (misdated) return { refused: { code: 'effective-date-order', detail: misdated } }
  return { state: after }
}

/** The calendar date in China, which has had one time zone without summer time since 1991. */
export function chinaDate(at: Date): string {
  return dateOfDay(Math.floor((at.getTime() + 8 * 3_600_000) / 86_400_000))
}

/** Days follow one another slowly, and writing one as a date is slow: the last one is kept. */
let lastDay = { day: 0, date: '1970-01-01' }

/** @param day since 1970-01-01 */
function dateOfDay(day: number): string {
  if (lastDay.day !== day) lastDay = { day, date: new Date(day * 86_400_000).toISOString().slice(0, 10) }
  return lastDay.date
}

interface Judged {
  readonly state: SubjectState
  readonly known: boolean
  readonly event: Step
  readonly kind: KindOrder
  readonly order: TypeOrder
  readonly moved: readonly Moved[]
}

/** One part that the step moves. */
interface Moved {
  readonly layer: string
  readonly part: string
  readonly to: string
  readonly cleared: boolean | undefined
}

function objection(rule: OrderRule, step: Judged): Text | undefined {
  switch (rule.rule) {
    case 'new':
      return step.known ? say.alreadyKnown : undefined
    case 'known':
      return step.known ? undefined : say.notKnown
    case 'state': {
      const present = stateOf(step, rule.layer)
      return rule.in.includes(present) ? undefined : say.wrongState(placeOf(step, rule.layer), present, rule.in)
    }
    case 'previous': {
      const given = step.event.data[rule.field]
      const present = stateOf(step, step.order.layer)
      if (given === undefined || given === present) return undefined
      return say.otherPrevious(rule.field, String(given), placeOf(step, step.order.layer), present)
    }
    case 'move': {
      if (step.moved.some(({ layer }) => layer === step.order.layer)) return undefined
      return say.noSuchStep(placeOf(step, step.order.layer), stateOf(step, step.order.layer), legalNow(step))
    }
    case 'guard':
      return guards[rule.guard]({
        state: step.state,
        data: step.event.data,
        kind: step.kind,
        layer: layerOf(step.kind, rule.layer),
      })
  }
}

/** All moves are decided against the state before the step, so that their order matters only within one part. */
function movesOf(step: Judged): readonly Moved[] {
  const taken = new Map<string, Moved>()
  for (const move of step.order.moves) {
    const to = targetOf(move, step.event.data)
    if (to === undefined) continue
    for (const part of partsOf(move, step)) {
      // the length in front keeps two names from being taken for two others
      const key = `${move.layer.length} ${move.layer}${part}`
      if (taken.has(key) || !move.from.includes(partState(step.state, move.layer, part)?.state ?? none)) continue
      taken.set(key, { layer: move.layer, part, to, cleared: move.cleared })
    }
  }
  return [...taken.values()]
}

function partsOf(move: Move, step: Judged): readonly string[] {
  if (move.of === 'open') return openParts(step.state, layerOf(step.kind, move.layer))
  if (move.of === undefined || move.of === 'sender') return [ownPart(step, move.layer)]
  const named = valuesAt(step.event.data, move.of.named)
  return [...new Set(named.filter((each) => typeof each === 'string'))]
}

function targetOf(move: Move, data: JsonObject): string | undefined {
  if (typeof move.to === 'string') return move.to
  const target = data[move.to.field]
  return typeof target === 'string' && move.to.in.includes(target) ? target : undefined
}

/** States that the sender's part can be brought to by this type now. */
function legalNow(step: Judged): readonly string[] {
  const present = stateOf(step, step.order.layer)
  const open = step.order.moves.filter(({ layer, from }) => layer === step.order.layer && from.includes(present))
  return [...new Set(open.flatMap(({ to }) => (typeof to === 'string' ? [to] : to.in)))]
}

function afterStep(step: Judged, date: string): SubjectState {
  const ownLayer = step.order.layer
  const part = ownPart(step, ownLayer)
  let state = step.state
  const [first] = step.moved
  if (first?.layer !== ownLayer || first.part !== part) state = afterMove(step, state, unmoved(step, part), date)
  for (const move of step.moved) state = afterMove(step, state, move, date)
  return state
}

const unmoved = (step: Judged, part: string): Moved => ({
  layer: step.order.layer,
  part,
  to: stateOf(step, step.order.layer),
  cleared: undefined,
})

/** @param state what the moves before have made of the step's own */
function afterMove(step: Judged, state: SubjectState, { layer, part, to, cleared }: Moved, date: string): SubjectState {
  const isCleared = cleared ?? partState(step.state, layer, part)?.cleared ?? false
  const next: PartState = isCleared ? { state: to, date, cleared: isCleared } : { state: to, date }
  return { ...state, [layer]: { ...own(state, layer), [part]: next } }
}

function stateFieldDiffers(step: Judged, after: SubjectState): Text | undefined {
  if (step.order.stateField === undefined) return undefined
  const given = step.event.data[step.order.stateField]
  const state = partState(after, step.order.layer, ownPart(step, step.order.layer))?.state ?? none
  return given === undefined || given === state ? undefined : say.otherState(step.order.stateField, String(given), state)
}

function dateObjection(step: Judged, date: string, today: string): Text | undefined {
  let latest = touched(step, step.order.layer, ownPart(step, step.order.layer))
  for (const { layer, part } of step.moved) {
    const other = touched(step, layer, part)
    if (latest === undefined || (other !== undefined && other.last > latest.last)) latest = other
  }
  if (latest !== undefined && date < latest.last)
    return say.tooEarly(step.kind.dateField, date, latest.last, place(step.kind, latest.layer, latest.part))
  if (date <= today) return undefined
  const tomorrow = new Date(Date.parse(today) + 86_400_000).toISOString().slice(0, 10)
  return date > tomorrow ? say.tooLate(step.kind.dateField, date, tomorrow) : undefined
}

/** A part that the step dates, where it has a date. */
function touched(step: Judged, layer: string, part: string) {
  const last = partState(step.state, layer, part)?.date
  return last === undefined ? undefined : { last, layer, part }
}

function layerOf(kind: KindOrder, id: string): Layer {
  const layer = kind.layers.find((each) => each.id === id)
  if (!layer) throw new Error(`the order names the layer ${id}, which the kind does not have`)
  return layer
}

/** The part of a layer that an event of this sender belongs to. */
function ownPart(step: Judged, layer: string): string {
  return layerOf(step.kind, layer).per === 'sender' ? step.event.sender : whole
}

function stateOf(step: Judged, layer: string): string {
  return partState(step.state, layer, ownPart(step, layer))?.state ?? none
}

function partState(state: SubjectState, layer: string, part: string): PartState | undefined {
  return own(own(state, layer), part)
}

function placeOf(step: Judged, layer: string): say.Place {
  return place(step.kind, layer, ownPart(step, layer))
}

function place(kind: KindOrder, layer: string, part: string): say.Place {
  return say.placeOf(layer, layerOf(kind, layer).per === 'sender' ? part : undefined)
}
