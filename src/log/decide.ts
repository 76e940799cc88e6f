import { type CheckResult, checkEvent } from '../catalogue/check-event.ts'
import { chinaDate, foldState } from '../domain/fold.ts'
import type { SubjectState } from '../domain/order.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { Text } from '../domain/text.ts'
import type { VerifiedEvent } from '../identity/jws.ts'
import type { Appendable, EventToAppend, OperationToAppend } from './appendable.ts'
import type { RulesInForce } from './rules-in-force.ts'

/** An event of the log with the sender and id of one that is being appended. */
export interface Predecessor {
  readonly index: number
  readonly received: Date
  readonly digest: Buffer
}

/** What the database knew, under the head's lock, of the things a batch speaks of. */
export interface Known {
  /** by {@link senderAndId} */
  readonly events: ReadonlyMap<string, Predecessor>
  /** by {@link kindAndSubject} */
  readonly states: ReadonlyMap<string, SubjectState>
  /** operations by digest, hex */
  readonly operations: ReadonlyMap<string, Predecessor>
}

/** The fate of one item of a batch, before indexes are given. */
export type Decision =
  | {
      readonly do: 'accept'
      readonly item: EventToAppend
      readonly check: CheckResult & { state: 'valid' }
      readonly state: SubjectState
    }
  | { readonly do: 'record'; readonly item: OperationToAppend }
  | { readonly do: 'refuse'; readonly verified: VerifiedEvent; readonly refusal: Refusal }
  /** refused, and nobody's: not logged */
  | { readonly do: 'reject'; readonly refusal: Refusal }
  | { readonly do: 'repeat'; readonly of: Predecessor | Decision; readonly check: CheckResult | undefined }

export const senderAndId = (party: string, id: string): string => `${party}\n${id}`
export const kindAndSubject = (kind: string, subject: string): string => `${kind}\n${subject}`

/**
 * An event as it stands under the rules that hold at the append: its key may have been revoked and the catalogue changed
 * since it was checked.
 */
export function checkedUnder(rules: RulesInForce, item: Appendable, now: Date): Appendable {
  if (item.kind !== 'event' || item.rulesIndex === rules.index) return item
  return { ...item, check: checkedAgain(rules, item.verified, now), rulesIndex: rules.index }
}

function checkedAgain({ keys, rules }: RulesInForce, verified: VerifiedEvent, now: Date): EventToAppend['check'] {
  if (keys.find(verified.kid)?.party !== verified.party) return rejected(revokedMeanwhile(verified.kid))
  // a named audience was compared with this very log when the signature was
  if (rules.catalogue.audience === 'required' && verified.header.aud === undefined) return rejected(noAudience)
  return checkEvent(verified.payload, verified.party, rules, now)
}

const rejected = (detail: Text): EventToAppend['check'] => ({
  state: 'rejected',
  refusal: { code: 'signature-invalid', detail },
})

/**
 * Decides a batch in the order in which it will stand in the log: each event is judged against the state its
 * predecessors leave behind, also those of the same batch.
 *
 * @param received of the commit: dates are judged by its calendar date in China
 */
export function decide(batch: readonly Appendable[], known: Known, received: Date): Decision[] {
  const accepted = new Map<string, { decision: Decision; digest: Buffer }>()
  const recorded = new Map<string, Decision>()
  const states = new Map(known.states)
  const today = chinaDate(received)
  return batch.map((item) => {
    if (item.kind === 'event') return decideEvent(item)
    if (item.kind === 'operation') return decideOperation(item)
    throw new Error('a change of the rules is committed alone')
  })

  function decideOperation(item: OperationToAppend): Decision {
    const digest = item.digest.toString('hex')
    const before = known.operations.get(digest) ?? recorded.get(digest)
    if (before !== undefined) return { do: 'repeat', of: before, check: undefined }
    const decision: Decision = { do: 'record', item }
    recorded.set(digest, decision)
    return decision
  }

  function decideEvent(item: EventToAppend): Decision {
    const { verified, check } = item
    if (check.state === 'rejected') return { do: 'reject', refusal: check.refusal }
    if (check.state === 'refused' && !check.afterDuplicates) return { do: 'refuse', verified, refusal: check.refusal }
    const key = senderAndId(verified.party, String(verified.payload.id))
    const here = accepted.get(key)
    const before = known.events.get(key) ?? here?.decision
    if (before !== undefined) {
      const digest = known.events.get(key)?.digest ?? here?.digest
      if (digest?.equals(verified.payloadDigest)) return { do: 'repeat', of: before, check }
      return { do: 'refuse', verified, refusal: { code: 'duplicate-id', detail: takenId(known.events.get(key)?.index) } }
    }
    if (check.state === 'refused') return { do: 'refuse', verified, refusal: check.refusal }
    const { event, type } = check
    const subject = kindAndSubject(type.kind.id, event.subject)
    const folded = foldState(states.get(subject), { sender: verified.party, data: event.data }, type.kind, type.type.order, today)
    if ('refused' in folded) return { do: 'refuse', verified, refusal: folded.refused }
    states.set(subject, folded.state)
    const decision: Decision = { do: 'accept', item, check, state: folded.state }
    accepted.set(key, { decision, digest: verified.payloadDigest })
    return decision
  }
}

const revokedMeanwhile = (kid: string): Text => ({
  en: `key ${kid} was revoked while this event was being checked; sign with a key in force`,
  zh: `密钥 ${kid} 在检查期间已被吊销；请使用有效密钥签名`,
})

const noAudience: Text = {
  en: 'since a moment ago the catalogue demands aud in the protected header; sign the event again with the origin of this log as its aud',
  zh: '目录刚刚开始要求受保护头包含 aud；请以本日志的 origin 作为 aud 重新签名',
}

const takenId = (index: number | undefined): Text => ({
  en: `this id belongs to ${index === undefined ? 'an event accepted just now' : `the event at index ${index}`} with other content; give the new event a new id`,
  zh: `该 id 已属于${index === undefined ? '刚刚接受的' : `索引 ${index} 的`}另一内容的事件；请为新事件另取 id`,
})
