import { type CheckResult, checkEvent } from '../../catalogue/check-event.ts'
import type { Rules } from '../../catalogue/rules.ts'
import { RefusedRequest } from '../../domain/refusal.ts'
import type { JsonObject } from '../../domain/text.ts'
import { splitCompact } from '../../identity/compact.ts'
import { readSignedEvent, type UnverifiedEvent, type VerifiedEvent } from '../../identity/jws.ts'
import type { KeysInForce } from '../../identity/keys-in-force.ts'
import { parseStrictJson } from '../../identity/strict-json.ts'
import type { FindingCode } from './finding.ts'
import { momentsOf } from './moment.ts'

export interface InForce {
  readonly origin: string
  readonly keys: KeysInForce
  readonly rules: Rules
}

export interface JudgedEvent {
  readonly verified: VerifiedEvent
  readonly check: CheckResult & { readonly state: 'valid' }
}

/** Why an event may not stand where it stands. */
export interface Objection {
  readonly code: FindingCode
  readonly cause: string
}

/** Checks 1, 2, 3, 5 and 6 of an event as the gateway makes them, by the keys and rules in force at its index. */
export function judgeEvent(jws: string, received: Date, inForce: InForce): JudgedEvent | Objection {
  return readEvent(jws, received, inForce)()
}

/**
 * Everything of {@link judgeEvent} but the signature, which the returned function verifies: nothing is known of an event until it is
 * called, and what it says first is what the gateway would have said first. A signature reads more than the processor's first
 * cache holds, so that many of them at a stretch, and the rest of many events before, take less than one event after another.
 */
export function readEvent(jws: string, received: Date, { origin, keys, rules }: InForce): () => JudgedEvent | Objection {
  const event = attempt(jws, keys, () => readSignedEvent(jws, keys, { origin, aud: rules.catalogue.audience }))
  if ('code' in event) return () => event
  const check = checkInTime(event, received, rules)
  return () => {
    const verified = attempt(jws, keys, () => event.verify())
    if ('code' in verified) return verified
    return check.state === 'valid' ? { verified, check } : objectionOf(check)
  }
}

function attempt<T>(jws: string, keys: KeysInForce, look: () => T): T | Objection {
  try {
    return look()
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    const cause = error.refusal.detail.en
    return error.refusal.code === 'signature-invalid' ? unsigned(jws, keys, cause) : { code: 'jws', cause }
  }
}

/** Which of the reasons why a signature is not valid it is. */
function unsigned(jws: string, keys: KeysInForce, cause: string): Objection {
  const kid = kidOf(jws)
  const known = kid === undefined ? undefined : keys.known(kid)
  if (kid === undefined || known === undefined) return { code: 'key-unknown', cause: `${cause} (${kid ?? 'no kid'})` }
  if (known.revoked === undefined) return { code: 'signature', cause: `${cause} (key ${kid} of ${known.key.party})` }
  return {
    code: 'key-revoked',
    cause: `it is signed by the key ${kid} of ${known.key.party}, which entry ${known.revoked.index} revoked`,
  }
}

function kidOf(jws: string): string | undefined {
  try {
    const { kid }: JsonObject = parseStrictJson(splitCompact(jws).header)
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined // what is wrong with the header was said already
  }
}

function checkInTime({ payload, party }: UnverifiedEvent, received: Date, rules: Rules): CheckResult {
  const check = checkEvent(payload, party, rules, received)
  if (check.state === 'valid' || !check.afterDuplicates) return check
  const [, ...others] = momentsOf(received)
  for (const moment of others) {
    const again = checkEvent(payload, party, rules, moment)
    if (again.state === 'valid') return again
  }
  return check
}

function objectionOf({ refusal }: CheckResult & { state: 'refused' }): Objection {
  const { code, detail, errors = [] } = refusal
  const [first] = errors
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : ''
  const cause = first === undefined ? detail.en : `${first.pointer || '/'} ${first.code}: ${first.message.en}${more}`
  if (code === 'sender-not-allowed') return { code: 'authority', cause }
  return { code: code === 'unknown-type' ? 'unknown-type' : 'invalid-event', cause }
}
