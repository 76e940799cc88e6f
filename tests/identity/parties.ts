import { expect } from 'vitest'
import type { RefusedRequest } from '../../src/domain/refusal.ts'
import type { Algorithm } from '../../src/identity/algorithm.ts'
import { registerKey } from '../../src/identity/key-request.ts'
import { KeysInForce } from '../../src/identity/keys-in-force.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'

export const log = 'localhost/lianban'

export async function newKey(algorithm: Algorithm = 'ES256', kid?: string): Promise<SigningKey> {
  return importSigningKey(await generateKey(algorithm, kid))
}

/** The keys of an exchange at its start: an operator's, then one of each other party, vouched for by the operator. */
export async function startingKeys(parties: Readonly<Record<string, SigningKey>>, now = new Date()): Promise<KeysInForce> {
  const { operator } = parties
  if (operator === undefined) throw new Error('no operator')
  let keys = await KeysInForce.none.apply(await registerKey(operator, operator, { party: 'operator', log, now }), 1)
  let index = 2
  for (const [party, key] of Object.entries(parties))
    if (party !== 'operator') keys = await keys.apply(await registerKey(key, operator, { party, log, now }), index++)
  return keys
}

export function roleOf(party: string): 'bureau' | 'auditor' | 'operator' | undefined {
  if (party === 'operator' || party === 'auditor') return party
  return ['commerce', 'state-tax', 'local-tax'].includes(party) ? 'bureau' : undefined
}

/** What `expect(...).rejects.toMatchObject` compares a refusal with. */
export function refusal(code: RefusedRequest['refusal']['code'], en: RegExp = /./) {
  return { refusal: { code, detail: { en: expect.stringMatching(en), zh: expect.stringMatching(/\p{Script=Han}/u) } } }
}
