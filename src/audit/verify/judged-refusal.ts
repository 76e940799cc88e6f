import type { Rules, TypeRules } from '../../catalogue/rules.ts'
import { type OrderCode, orderCodes, type ProblemCode, problemOf } from '../../domain/problems.ts'
import type { FormedRefusal } from './entry-form.ts'
import type { InForce } from './judged-event.ts'

/** What a gateway logs a refusal for; everything else is answered without a trace in the log. */
const logged: readonly ProblemCode[] = [
  'invalid-event',
  'sender-not-allowed',
  'unknown-type',
  'duplicate-id',
  ...(orderCodes satisfies readonly OrderCode[]),
]

/** @returns what can't be about it, in a sentence */
export function refusalFault(refusal: FormedRefusal, { keys, rules }: InForce): string | undefined {
  const { problem, status, party, kid } = refusal
  if (!logged.includes(problem)) return `no request is refused on record for ${problem}`
  const expected = problemOf(problem).status
  if (status !== expected) return `it says status ${status}, but ${problem} is ${expected}`
  const key = keys.find(kid)
  if (key === undefined) return `the key ${kid} was not in force, so it is not known whose request was refused`
  return key.party === party ? reasonFault(refusal, rules) : `the key ${kid} was a key of ${key.party}, not of ${party}`
}

/** Nobody has signed a refusal: what a gateway looks at before it comes to a reason must fit, as far as the entry tells. */
function reasonFault({ problem, party, id, type }: FormedRefusal, rules: Rules): string | undefined {
  // its source or subject may have been no string
  if (problem === 'invalid-event') return undefined
  if (id === null || type === null) return `${problem} is found of events whose id and type are strings, and this one's were not`
  // its source may have been another's
  if (problem === 'sender-not-allowed') return undefined
  if (rules.parties.get(party)?.role !== 'bureau') return `${problem} is found of a bureau's events, and ${party} was no bureau`
  const known = rules.types.get(type)
  if (problem === 'unknown-type') return known && `it says that ${type} was unknown, but the catalogue in force had it`
  if (known === undefined) return `${problem} is found of types that the catalogue in force has, and it had no ${type}`
  if (!known.senders.has(party))
    return `${problem} is found of events that their sender may send, and ${party} may send no ${type}`
  return problem === 'duplicate-id' || orderCodesOf(known).includes(problem) ? undefined : `no ${type} is ever ${problem}`
}

/** What the legal order of a type refuses for. */
function orderCodesOf({ type: { order } }: TypeRules): readonly ProblemCode[] {
  const ofState: readonly OrderCode[] = order.stateField === undefined ? [] : ['state-differs']
  return [...order.rules.map(({ code }) => code), ...ofState, 'effective-date-order']
}
