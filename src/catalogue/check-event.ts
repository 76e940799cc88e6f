import type { CloudEvent, Finding } from '../domain/event.ts'
import { maxFindings, type Refusal } from '../domain/refusal.ts'
import { isJsonObject, type JsonObject, type Text } from '../domain/text.ts'
import type { Rules, TypeRules } from './rules.ts'

/** What checks 3, 5 and 6 make of a verified payload. Legal order and duplicates are decided by the append. */
export type CheckResult =
  | { readonly state: 'valid'; readonly event: CloudEvent; readonly type: TypeRules; readonly warnings: readonly Finding[] }
  /** `afterDuplicates`: a repeated event gets its first answer instead, since check 4 comes before 5 and 6 */
  | { readonly state: 'refused'; readonly refusal: Refusal; readonly afterDuplicates: boolean }

/**
 * Checks a payload whose signature was good against the rules in force.
 *
 * @param party whose key signed it
 * @see design.md section 3, checks 3, 5 and 6
 */
export function checkEvent(payload: JsonObject, party: string, rules: Rules, now: Date): CheckResult {
  const { id, source, type, subject } = payload
  if (typeof id !== 'string' || typeof source !== 'string' || typeof type !== 'string' || typeof subject !== 'string')
    return refused(withoutStrings(payload), false)
  if (rules.parties.get(party)?.role !== 'bureau') return refused({ code: 'sender-not-allowed', detail: noBureau(party) }, false)
  if (source !== `/bureaus/${party}`) return refused({ code: 'sender-not-allowed', detail: foreignSource(party) }, false)
  const known = rules.types.get(type)
  if (known === undefined) return refused({ code: 'unknown-type', detail: noType(rules) }, false)
  if (!known.senders.has(party)) return refused({ code: 'sender-not-allowed', detail: foreignType(party, known) }, false)
  const { errors, warnings } = known.check(payload, now)
  if (errors.length > 0) return refused({ code: 'invalid-event', detail: withErrors(errors.length), errors }, true)
  if (!isCloudEvent(payload)) throw new Error(`the envelope schema lets pass what is no CloudEvent: ${known.type.type}`)
  return { state: 'valid', event: payload, type: known, warnings }
}

const refused = (refusal: Refusal, afterDuplicates: boolean): CheckResult => ({ state: 'refused', refusal, afterDuplicates })

/** What the envelope schema has proved already; the compiler can't know. */
function isCloudEvent(payload: JsonObject): payload is JsonObject & CloudEvent {
  return (
    typeof payload.id === 'string' &&
    typeof payload.subject === 'string' &&
    typeof payload.time === 'string' &&
    isJsonObject(payload.data)
  )
}

function withoutStrings(payload: JsonObject): Refusal {
  const missing = ['id', 'source', 'type', 'subject'].filter((member) => typeof payload[member] !== 'string')
  return { code: 'invalid-event', detail: notStrings(missing), errors: missing.map(noString(payload)) }
}

const noString =
  (payload: JsonObject) =>
  (member: string): Finding =>
    member in payload
      ? { pointer: `/${member}`, code: 'type', message: { en: `${member} must be a string`, zh: `${member} 必须是字符串` } }
      : { pointer: '', code: 'required', message: { en: `${member} is missing`, zh: `缺少 ${member}` } }

const notStrings = (members: readonly string[]): Text => ({
  en: `${members.join(', ')} must be given as strings before anything else can be checked`,
  zh: `须先以字符串形式提供 ${members.join('、')}，方可继续检查`,
})

const noBureau = (party: string): Text => ({
  en: `${party} is no bureau of the catalogue; only bureaus send events`,
  zh: `${party} 不是目录中的部门；只有部门可以发送事件`,
})

const foreignSource = (party: string): Text => ({
  en: `the signer is ${party}, so source must be /bureaus/${party}`,
  zh: `签名方为 ${party}，source 必须为 /bureaus/${party}`,
})

const noType = (rules: Rules): Text => ({
  en: `the type is not in the catalogue; it has: ${[...rules.types.keys()].join(', ')}`,
  zh: `目录中没有该类型；现有：${[...rules.types.keys()].join('、')}`,
})

const foreignType = (party: string, { type, senders }: TypeRules): Text => ({
  en: `${type.type} is sent by ${[...senders].join(', ')}, not by ${party}`,
  zh: `${type.type} 由 ${[...senders].join('、')} 发送，${party} 无权发送`,
})

const withErrors = (count: number): Text =>
  count < maxFindings
    ? {
        en: `the event has ${count} error${count === 1 ? '' : 's'}, all listed under errors`,
        zh: `事件有 ${count} 处错误，已全部列于 errors`,
      }
    : {
        en: `the event has ${count} errors or more: the first ${count} are listed under errors, others may follow`,
        zh: `事件至少有 ${count} 处错误：errors 中列出前 ${count} 处，可能还有其他错误`,
      }
