import { type Refusal, RefusedRequest } from '../domain/refusal.ts'
import type { KeyEntry } from '../identity/key-entry.ts'
import { requestMaxAgeSeconds, verifyKeyEntry } from '../identity/key-proof.ts'
import type { RulesToAppend } from './appendable.ts'
import { keyEntryText } from './entry.ts'
import type { RulesInForce } from './rules-in-force.ts'

/** A registration or revocation on its way into the log; verified under the lock, against the keys that then hold. */
export function keyToAppend(entry: KeyEntry, origin: string, now: () => Date): RulesToAppend {
  return {
    kind: 'key',
    party: entry.party,
    text: (received) => keyEntryText(received, entry),
    refuse: (inForce) => refusalOf(entry, inForce, origin, now()),
  }
}

async function refusalOf(
  entry: KeyEntry,
  { keys, rules }: RulesInForce,
  origin: string,
  now: Date,
): Promise<Refusal | undefined> {
  const roleOf = (party: string) => rules.parties.get(party)?.role
  try {
    await verifyKeyEntry(entry, keys, { log: origin, roleOf, now, maxAgeSeconds: requestMaxAgeSeconds })
    return undefined
  } catch (error) {
    if (error instanceof RefusedRequest) return error.refusal
    throw error
  }
}
