import type { OrderCode } from './problems.ts'

/** One layer of states: the kind's main one, or one for each sending bureau (`per: "sender"`). */
export interface Layer {
  readonly id: string
  /** the layer whose state is a record's `status`; exactly one of a kind */
  readonly main?: true
  readonly per?: 'sender'
  readonly states: readonly string[]
  /** states in which the thing is alive; what a guard means by "open" */
  readonly open: readonly string[]
}

/** Names of the guards that a table can't say; each is a function in guards.ts. */
export const guardNames = ['every-open-register-named', 'open-registers-cleared', 'simplified-cancellation-allowed'] as const
export type GuardName = (typeof guardNames)[number]

/** One condition of a step. They are asked in the order of the table; the first that fails refuses with its code. */
export type OrderRule =
  | { readonly rule: 'new' | 'known'; readonly code: OrderCode }
  /** the state of `layer` (of the sender's own part where it is per sender) is one of `in`; `none` is a state too */
  | { readonly rule: 'state'; readonly layer: string; readonly in: readonly string[]; readonly code: OrderCode }
  /** the field, where given, equals the state stored for the type's layer */
  | { readonly rule: 'previous'; readonly field: string; readonly code: OrderCode }
  /** one of the type's moves of its own layer fits the present state */
  | { readonly rule: 'move'; readonly code: OrderCode }
  | { readonly rule: 'guard'; readonly guard: GuardName; readonly layer: string; readonly code: OrderCode }

/** What a step does to states. The first move that fits a layer's part is taken. */
export interface Move {
  readonly layer: string
  /** which parts of a per-sender layer: the sender's (default), every open one, or those a field names */
  readonly of?: 'sender' | 'open' | { readonly named: string }
  readonly from: readonly string[]
  /** the state after it, or the field that says it, one of `in` */
  readonly to: string | { readonly field: string; readonly in: readonly string[] }
  /** `true` marks the part as cleared, `false` takes the mark away, absent leaves it */
  readonly cleared?: boolean
}

/** The legal order of one event type. */
export interface TypeOrder {
  /** the layer the event belongs to */
  readonly layer: string
  readonly rules: readonly OrderRule[]
  readonly moves: readonly Move[]
  /** field of `data` that must equal the state of `layer` after the step: 409 `state-differs` */
  readonly stateField?: string
}

/** What the order of a kind needs to know of it. */
export interface KindOrder {
  readonly layers: readonly Layer[]
  /** field of `data` that dates an event: a calendar date in China */
  readonly dateField: string
}

/** The state of one part of one layer. */
export interface PartState {
  readonly state: string
  /** effective date of the last accepted event that touched it */
  readonly date: string
  readonly cleared?: true
}

/**
 * All states of one subject: layer, then part. A layer that is not per sender has the one part `*`.
 * Stored as JSON beside the log and in every view.
 */
export interface SubjectState {
  readonly [layer: string]: { readonly [part: string]: PartState }
}

/** The state of a part that nothing has happened to yet. */
export const none = 'none'
/** The part of a layer that is not per sender. */
export const whole = '*'
