import { isJsonObject, type Json, type JsonObject } from '../../domain/text.ts'
import { maxTokenLifetimeSeconds } from '../../identity/access-token.ts'
import { applyCatalogue } from '../../log/catalogue-append.ts'
import { actFault, actMembers } from './judged-act.ts'
import type { InForce } from './judged-event.ts'
import { maxQueueSeconds, maxSkewSeconds } from './moment.ts'

/** Who may do what is on record as an operation. */
const actions: Readonly<Record<string, { readonly by: 'auditor' | 'operator'; readonly members: readonly string[] }>> = {
  'read-entries': { by: 'auditor', members: ['kind', 'received', 'action', 'party', 'kid', 'claims', 'digest'] },
}

interface Operation {
  readonly action: string
  readonly party: string
  readonly members: JsonObject
}

/** @returns what can't be about it, in a sentence */
export async function operationFault(operation: Operation, received: Date, inForce: InForce): Promise<string | undefined> {
  const { action, members } = operation
  if (action === applyCatalogue) return 'a change of the catalogue is an entry of its own, and no operation'
  if (Object.keys(members).join() === actMembers.join()) return actFault(members, received, inForce)
  return readingFault(operation, received, inForce)
}

function readingFault({ action, party, members }: Operation, received: Date, inForce: InForce): string | undefined {
  const known = Object.hasOwn(actions, action) ? actions[action] : undefined
  if (known === undefined) return `there is no operation ${action}, as far as this version of lianban knows`
  if (Object.keys(members).join() !== known.members.join()) return `${action} has the members ${known.members.join(', ')}`
  if (inForce.rules.parties.get(party)?.role !== known.by) return `${action} is for an ${known.by}, which ${party} was not`
  const { kid, claims, digest } = members
  if (typeof kid !== 'string' || inForce.keys.find(kid)?.party !== party) return `its kid is no key of ${party} in force`
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest)) return 'its digest is no SHA-256 in hex'
  if (holdsToken(members)) return 'it holds a token, which nobody may keep'
  return isJsonObject(claims) ? claimsFault(claims, received, inForce.origin) : 'it has no claims of a token'
}

function claimsFault({ aud, iat, exp }: JsonObject, received: Date, origin: string): string | undefined {
  const audiences: readonly Json[] = Array.isArray(aud) ? aud : [aud ?? null]
  if (audiences.length !== 1 || audiences[0] !== origin) return 'its token was not for this log'
  if (typeof iat !== 'number' || typeof exp !== 'number' || exp <= iat || exp - iat > maxTokenLifetimeSeconds)
    return 'its token had no lifetime that is allowed'
  const seconds = received.getTime() / 1000
  if (seconds < iat - 2 * maxSkewSeconds || seconds > exp + maxQueueSeconds) return 'its token was not good at that time'
  return undefined
}

/** A compact JWS anywhere in it. */
function holdsToken(value: Json): boolean {
  if (typeof value === 'string') return /eyJ[\w-]*\.[\w-]+\.[\w-]*/.test(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some((each: Json) => holdsToken(each))
}
