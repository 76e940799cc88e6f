import type { Rules } from '../../catalogue/rules.ts'
import type { JsonObject } from '../../domain/text.ts'
import type { RegisteredKey, Revocation } from '../../identity/keys-in-force.ts'

/** One event of a subject, judged by the keys and rules that were in force at its index. */
export interface ToldEvent {
  readonly index: number
  readonly received: string
  readonly payload: JsonObject
  readonly party: string
  readonly key: RegisteredKey
  /** index of the entry that registered the key */
  readonly keyIndex: number
  readonly rules: Rules
}

/** A key, whether it was in force at the end or not. */
export interface ToldKey {
  /** of the entry that registered it */
  readonly index: number
  readonly key: RegisteredKey
  readonly revoked: Revocation | undefined
  readonly pem: string
}

/** Rules that came into force, and who asked for them. */
export interface ToldRules {
  readonly index: number
  readonly received: string
  readonly version: string
  /** undefined for the first ones, which nobody could ask for yet */
  readonly asked: { readonly reason: string; readonly key: RegisteredKey; readonly keyIndex: number } | undefined
}

/** What the entries of evidence say, and what is wrong with them. */
export interface History {
  readonly origin: string
  /** thumbprint of the key at index 1, on whose word all others stand */
  readonly operator: string | undefined
  readonly events: readonly ToldEvent[]
  readonly keys: readonly ToldKey[]
  readonly rules: readonly ToldRules[]
  /** in sentences; none when every event was signed, allowed, valid and in order */
  readonly faults: readonly string[]
}
