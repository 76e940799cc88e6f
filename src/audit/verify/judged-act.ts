import { RefusedRequest } from '../../domain/refusal.ts'
import type { JsonObject } from '../../domain/text.ts'
import { digestOfSigned, openOperation } from '../../identity/operation-request.ts'
import type { InForce } from './judged-event.ts'
import { momentsOf } from './moment.ts'

/** Members of an `operation` entry that carries an operator's signed request, in order. */
export const actMembers = ['kind', 'received', 'action', 'party', 'kid', 'digest', 'request']

/**
 * An act of an operator: the request must be signed by a key in force of the party that the entry names, for this log and
 * action, with a reason, and of that time.
 *
 * @returns what can't be about it, in a sentence
 */
export async function actFault(
  { action, party, kid, digest, request }: JsonObject,
  received: Date,
  inForce: InForce,
): Promise<string | undefined> {
  if (typeof request !== 'string' || typeof action !== 'string') return 'it holds no request'
  if (digest !== digestOfSigned(request).toString('hex')) return 'its digest is not that of what was signed'
  const roleOf = (id: string) => inForce.rules.parties.get(id)?.role
  let cause = ''
  for (const now of momentsOf(received)) {
    try {
      const operation = await openOperation(request, action, inForce.keys, { log: inForce.origin, roleOf, now })
      if (operation.party !== party || operation.kid !== kid) return 'its request was signed by another party or key'
      return undefined
    } catch (error) {
      if (!(error instanceof RefusedRequest)) throw error
      cause ||= error.refusal.detail.en
    }
  }
  return `its request: ${cause}`
}
