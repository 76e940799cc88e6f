import type { CheckResult } from '../catalogue/check-event.ts'
import type { Finding } from '../domain/event.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { VerifiedEvent } from '../identity/jws.ts'
import type { RulesInForce } from './rules-in-force.ts'

/** What a stage hands to the log. The append decides, under the head's lock, what becomes of it. */
export type Appendable = EventToAppend | RulesToAppend | OperationToAppend

export interface EventToAppend {
  readonly kind: 'event'
  readonly verified: VerifiedEvent
  /** `rejected`: its key was revoked meanwhile; nobody's any more, so it is not logged */
  readonly check: CheckResult | { readonly state: 'rejected'; readonly refusal: Refusal }
  /** {@link RulesInForce.index} the check was made under; if another holds at the append, it is made again */
  readonly rulesIndex: number
}

/** A change of the rules themselves. It is committed alone, so that what follows is judged by it. */
export interface RulesToAppend {
  readonly kind: 'key' | 'catalogue'
  readonly party: string
  /** the entry's text, once its `received` is known */
  text(received: string): string
  /** decided again under the lock: what an authority allowed may have changed meanwhile */
  refuse(rules: RulesInForce): Promise<Refusal | undefined>
  /** catalogue files by digest, stored with the entry */
  readonly blobs?: ReadonlyMap<string, string>
}

/** Has the item to be committed alone, so that what comes after it is judged by it? */
export function changesRules(item: Appendable): item is RulesToAppend {
  return item.kind === 'key' || item.kind === 'catalogue'
}

export interface OperationToAppend {
  readonly kind: 'operation'
  readonly party: string
  text(received: string): string
  /** the same digest is recorded once */
  readonly digest: Buffer
}

/** What became of it. All of it is durable when the caller hears of it. */
export type Appended =
  | {
      readonly outcome: 'appended'
      readonly index: number
      readonly received: string
      readonly leafHash: Buffer
      readonly receipt: string
      readonly warnings: readonly Finding[]
    }
  /** it is in the log already */
  | { readonly outcome: 'repeated'; readonly index: number; readonly received: string; readonly warnings: readonly Finding[] }
  /** `index` of the refusal's own entry; undefined where the refusal is not logged */
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly index: number | undefined }
