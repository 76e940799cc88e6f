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
export function refusalFault({ problem, status, party, kid }: FormedRefusal, { keys }: InForce): string | undefined {
  if (!logged.includes(problem)) return `no request is refused on record for ${problem}`
  const expected = problemOf(problem).status
  if (status !== expected) return `it says status ${status}, but ${problem} is ${expected}`
  const key = keys.find(kid)
  if (key === undefined) return `the key ${kid} was not in force, so it is not known whose request was refused`
  return key.party === party ? undefined : `the key ${kid} was a key of ${key.party}, not of ${party}`
}
