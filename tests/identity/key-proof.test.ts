import { beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { isKid, type KeyEntry, readKeyEntry } from '../../src/identity/key-entry.ts'
import { auditMaxAgeSeconds, readKeyRequest, requestMaxAgeSeconds, verifyKeyEntry } from '../../src/identity/key-proof.ts'
import { makeKeyProof, makeVoucher, registerKey, revokeKey } from '../../src/identity/key-request.ts'
import { KeysInForce } from '../../src/identity/keys-in-force.ts'
import { importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { signJws } from '../../src/identity/sign.ts'
import { log, newKey, refusal, roleOf, startingKeys } from './parties.ts'

const now = new Date('2026-11-23T08:00:00Z')
const seconds = now.getTime() / 1000
const rules = { log, roleOf, now, maxAgeSeconds: requestMaxAgeSeconds }
const later = (afterSeconds: number) => new Date(now.getTime() + afterSeconds * 1000)

let operator: SigningKey
let commerce: SigningKey
let stateTax: SigningKey
let next: SigningKey
let keys: KeysInForce

beforeEach(async () => {
  ;[operator, commerce, stateTax, next] = await Promise.all([newKey(), newKey(), newKey(), newKey()])
  keys = await startingKeys({ operator, commerce, 'state-tax': stateTax }, now)
})

const verify = (entry: KeyEntry, known = keys, at = rules) => verifyKeyEntry(entry, known, at)
const register = (key: SigningKey, by: SigningKey, party: string) => registerKey(key, by, { party, log, now })
const revoke = (by: SigningKey, party: string, kid: string) => revokeKey(by, { party, kid, reason: 'key box replaced', log, now })

describe('a registration', () => {
  test('of the first key is one by an operator, who vouches for himself', async () => {
    const entry = await register(next, next, 'operator')
    await expect(verify(entry, KeysInForce.none)).resolves.toEqual({ party: 'operator', kid: next.kid })
    await expect(verify(await register(next, next, 'commerce'), KeysInForce.none)).rejects.toMatchObject(
      refusal('invalid-key', /operator's/),
    )
    await expect(verify(await register(next, commerce, 'operator'), KeysInForce.none)).rejects.toMatchObject(
      refusal('signature-invalid'),
    )
  })

  test("of a party's first key takes an operator, of the next one a key of its own", async () => {
    const first = await register(next, operator, 'local-tax')
    await expect(verify(first)).resolves.toEqual({ party: 'operator', kid: operator.kid })
    await expect(verify(await register(next, commerce, 'commerce'))).resolves.toEqual({ party: 'commerce', kid: commerce.kid })
    await expect(verify(await register(next, operator, 'commerce'))).rejects.toMatchObject(refusal('invalid-key', /must vouch/))
  })

  test('after the last key is revoked takes an operator again', async () => {
    const none = await keys.apply(await revoke(commerce, 'commerce', commerce.kid), 5)
    await expect(verify(await register(next, operator, 'commerce'), none)).resolves.toMatchObject({ party: 'operator' })
    await expect(verify(await register(next, commerce, 'commerce'), none)).rejects.toMatchObject(refusal('signature-invalid'))
  })

  test('reads the same from its proof alone', async () => {
    const entry = await register(next, commerce, 'commerce')
    expect(readKeyRequest(entry.proof, now)).toEqual(entry)
  })

  test('of something that is no proof is told what one is', async () => {
    for (const payload of [
      {},
      { action: 'Register', party: 'commerce', kid: 'x' },
      { action: 'revoke', kid: 'x' },
      { id: 'an event' },
    ]) {
      const jws = await signJws(commerce, 'key-proof+jws', payload)
      await expect(async () => readKeyRequest(jws, now)).rejects.toMatchObject(
        refusal('invalid-key', /action "register" or "revoke", party/),
      )
    }
  })

  test('by a voucher made elsewhere holds as long as the voucher says', async () => {
    const voucher = await makeVoucher(operator, {
      party: 'local-tax',
      kid: next.kid,
      publicKey: next.publicKey,
      log,
      now,
      lifetimeSeconds: 3600,
    })
    const at = (time: Date) => makeKeyProof(next, { party: 'local-tax', voucher, vouchedBy: operator.kid, log, now: time })
    await expect(verify(await at(later(3599)), keys, { ...rules, now: later(3599) })).resolves.toMatchObject({
      party: 'operator',
    })
    await expect(verify(await at(later(3600)), keys, { ...rules, now: later(3600) })).rejects.toMatchObject(
      refusal('invalid-key', /expired/),
    )
    await expect(
      verify(await at(later(3599)), keys, { ...rules, now: later(3700), maxAgeSeconds: auditMaxAgeSeconds }),
    ).resolves.toMatchObject({ party: 'operator' })
    const long = await makeVoucher(operator, {
      party: 'local-tax',
      kid: next.kid,
      publicKey: next.publicKey,
      log,
      now,
      lifetimeSeconds: 8 * 86_400,
    })
    const proof = await makeKeyProof(next, { party: 'local-tax', voucher: long, vouchedBy: operator.kid, log, now })
    await expect(verify(proof)).rejects.toMatchObject(refusal('invalid-key', /seven days/))
  })

  test('must be fresh', async () => {
    const entry = await register(next, commerce, 'commerce')
    await expect(verify(entry, keys, { ...rules, now: later(300) })).resolves.toMatchObject({ party: 'commerce' })
    await expect(verify(entry, keys, { ...rules, now: later(301) })).rejects.toMatchObject(
      refusal('invalid-key', /at most 300 seconds back/),
    )
    await expect(verify(entry, keys, { ...rules, now: later(-61) })).rejects.toMatchObject(
      refusal('invalid-key', /^iat lies in the future: check the clock, and that .* not milliseconds/),
    )
  })

  const refused: readonly [string, RegExp, () => Promise<KeyEntry>][] = [
    ['by a stranger', /no key in force/, async () => register(next, await newKey(), 'commerce')],
    ['vouched for by itself', /no key in force/, () => register(next, next, 'commerce')],
    [
      "vouched for under an operator's kid",
      /signature/,
      async () => register(next, { ...(await newKey()), kid: operator.kid }, 'local-tax'),
    ],
    ['vouched for by another bureau', /may not vouch/, () => register(next, stateTax, 'commerce')],
    ['of a bureau without keys, vouched for by another bureau', /may not vouch/, () => register(next, stateTax, 'local-tax')],
    ['of an operator by a bureau', /may not vouch/, () => register(next, commerce, 'operator')],
    ['for a party nobody knows', /no party/, () => register(next, operator, 'customs')],
    ['for another log', /log must be/, () => registerKey(next, operator, { party: 'local-tax', log: 'another/exchange', now })],
    ['under a kid in use', /used before/, () => register({ ...next, kid: stateTax.kid }, commerce, 'commerce')],
    [
      'of a key in use, under another kid',
      /registered before/,
      () => register({ ...stateTax, kid: 'other' }, commerce, 'commerce'),
    ],
    [
      'under a kid with a blank',
      /printable/,
      async () => readKeyRequest((await register({ ...next, kid: 'a b' }, commerce, 'commerce')).proof, now),
    ],
    [
      'with the voucher for another key',
      /thumbprint must be/,
      async () =>
        proofWith({
          voucher: await makeVoucher(commerce, { party: 'commerce', kid: next.kid, publicKey: stateTax.publicKey, log, now }),
        }),
    ],
    [
      'with the voucher for another kid',
      /kid must be/,
      async () =>
        proofWith({
          voucher: await makeVoucher(commerce, { party: 'commerce', kid: 'other', publicKey: next.publicKey, log, now }),
        }),
    ],
    [
      'with the voucher for another party',
      /party must be/,
      async () =>
        proofWith({
          voucher: await makeVoucher(commerce, { party: 'state-tax', kid: next.kid, publicKey: next.publicKey, log, now }),
        }),
    ],
    [
      'with the voucher for another log',
      /log must be/,
      async () =>
        proofWith({
          voucher: await makeVoucher(commerce, { party: 'commerce', kid: next.kid, publicKey: next.publicKey, log: 'x', now }),
        }),
    ],
    ['naming another voucher than it carries', /vouchedBy must be/, () => proofWith({ vouchedBy: operator.kid })],
    ['whose proof speaks of another key', /another key/, () => proofWith({ jwk: { ...commerce.publicKey.jwk } })],
    ['whose proof speaks of another party', /party must be/, () => proofWith({ party: 'state-tax' })],
    ['without a voucher', /no voucher/, () => proofWith({ voucher: null })],
    [
      'with an event as voucher',
      /key-voucher\+jws/,
      async () => proofWith({ voucher: await signJws(commerce, 'event+jws', { kid: next.kid }) }),
    ],
    [
      'not proved by the new key',
      /the proof: /,
      async () => ({ ...(await register({ ...next, cryptoKey: stateTax.cryptoKey }, commerce, 'commerce')) }),
    ],
    [
      'with a jwk that was changed afterwards',
      /the proof: /,
      async () => ({ ...(await register(next, commerce, 'commerce')), jwk: (await newKey()).publicKey.jwk }),
    ],
    [
      'with another kid than proved',
      /the proof: /,
      async () => ({ ...(await register(next, commerce, 'commerce')), kid: 'other' }),
    ],
  ]
  const proofWith = async (changes: JsonObject): Promise<KeyEntry> => {
    const entry = await register(next, commerce, 'commerce')
    const voucher = await makeVoucher(commerce, { party: 'commerce', kid: next.kid, publicKey: next.publicKey, log, now })
    const said = {
      action: 'register',
      party: 'commerce',
      kid: next.kid,
      jwk: { ...next.publicKey.jwk },
      log,
      iat: seconds,
      vouchedBy: commerce.kid,
      voucher,
    }
    return { ...entry, proof: await signJws(next, 'key-proof+jws', { ...said, ...changes }) }
  }

  test.each(refused)('%s is refused', async (_, why, make) => {
    const refusing = async () => verify(await make())
    await expect(refusing()).rejects.toMatchObject({
      refusal: { code: expect.stringMatching(/^(invalid-key|signature-invalid)$/), detail: { en: expect.stringMatching(why) } },
    })
  })

  test('vouched for by a key that is revoked meanwhile is refused', async () => {
    const entry = await register(next, operator, 'local-tax')
    const second = await newKey()
    const changed = await (await keys.apply(await register(second, operator, 'operator'), 5)).apply(
      await revoke(second, 'operator', operator.kid),
      6,
    )
    await expect(verify(entry, changed)).rejects.toMatchObject(refusal('signature-invalid', /no key in force/))
  })

  test('of a revoked key or kid is refused for ever', async () => {
    const second = await newKey()
    const revoked = await (await keys.apply(await register(second, commerce, 'commerce'), 5)).apply(
      await revoke(second, 'commerce', commerce.kid),
      6,
    )
    await expect(verify(await register(commerce, second, 'commerce'), revoked)).rejects.toMatchObject(
      refusal('invalid-key', /used before/),
    )
    await expect(verify(await register({ ...commerce, kid: 'again' }, second, 'commerce'), revoked)).rejects.toMatchObject(
      refusal('invalid-key', /registered before/),
    )
    await expect(verify(await register({ ...next, kid: commerce.kid }, second, 'commerce'), revoked)).rejects.toMatchObject(
      refusal('invalid-key', /used before/),
    )
  })
})

describe('a revocation', () => {
  test('is open to the party, with the key itself too, and to an operator', async () => {
    for (const by of [commerce, operator])
      await expect(verify(await revoke(by, 'commerce', commerce.kid))).resolves.toMatchObject({ kid: by.kid })
    const entry = await revokeKey(commerce, {
      party: 'commerce',
      kid: commerce.kid,
      reason: '遗失',
      compromisedSince: '2026-11-01T00:00:00Z',
      log,
      now,
    })
    await expect(verify(entry)).resolves.toMatchObject({ party: 'commerce' })
    expect(readKeyRequest(entry.proof, now)).toEqual(entry)
  })

  test('can not be of a key that will be in doubt from tomorrow on, though old logs may say so', async () => {
    const since = (moment: Date) => ({
      party: 'commerce',
      kid: commerce.kid,
      reason: 'stolen',
      compromisedSince: moment.toISOString(),
    })
    const ahead = await revokeKey(commerce, { ...since(later(61)), log, now })
    await expect(async () => readKeyRequest(ahead.proof, now)).rejects.toMatchObject(
      refusal('invalid-key', /compromisedSince lies in the future/),
    )
    expect(readKeyEntry(ahead)).toEqual(ahead)
    await expect(verify(ahead)).resolves.toMatchObject({ party: 'commerce' })
    // clocks differ
    const barely = await revokeKey(commerce, { ...since(later(59)), log, now })
    expect(readKeyRequest(barely.proof, now)).toEqual(barely)
  })

  test('since a day that there is not is refused, and read from a log that has one', async () => {
    const what = { party: 'commerce', kid: commerce.kid, reason: 'stolen', log, now }
    for (const compromisedSince of ['2026-02-31T00:00:00Z', '2026-11-01T24:00:00Z', '0000-06-01T00:00:00Z']) {
      const entry = await revokeKey(commerce, { ...what, compromisedSince })
      await expect(async () => readKeyRequest(entry.proof, now)).rejects.toMatchObject(
        refusal('invalid-key', /compromisedSince must be/),
      )
      expect(readKeyEntry(entry)).toEqual(entry)
      await expect(verify(entry)).resolves.toMatchObject({ party: 'commerce' })
    }
  })

  test('leaves a history behind', async () => {
    const entry = await revokeKey(commerce, {
      party: 'commerce',
      kid: commerce.kid,
      reason: 'stolen',
      compromisedSince: '2026-11-01T00:00:00Z',
      log,
      now,
    })
    const after = await keys.apply({ received: '2026-11-23T08:00:00.000Z', ...entry }, 7)
    expect(after.find(commerce.kid)).toBeUndefined()
    expect(after.ofParty('commerce')).toEqual([])
    expect(after.history('commerce')).toMatchObject([
      { registeredAt: 2, revoked: { index: 7, reason: 'stolen', compromisedSince: '2026-11-01T00:00:00Z' } },
    ])
    expect(keys.find(commerce.kid), 'what was known before stays as it was').toMatchObject({ party: 'commerce' })
    await expect(after.apply(entry, 8)).rejects.toThrow(/no key in force/)
    await expect(after.apply(await register(commerce, operator, 'commerce'), 8)).rejects.toThrow(/second time/)
  })

  const refused: readonly [string, RegExp, () => Promise<KeyEntry>][] = [
    ['by another bureau', /may not revoke/, () => revoke(stateTax, 'commerce', commerce.kid)],
    ['by a stranger', /no key in force/, () => revoke(next, 'commerce', commerce.kid)],
    ['of an operator by a bureau', /may not revoke/, () => revoke(commerce, 'operator', operator.kid)],
    ['of a key that never was', /no key in force of/, () => revoke(commerce, 'commerce', 'nobody')],
    ["of another's key in one's own name", /no key in force of/, () => revoke(commerce, 'commerce', stateTax.kid)],
    ['of the last operator key', /last operator key/, () => revoke(operator, 'operator', operator.kid)],
    [
      'for another log',
      /log must be/,
      () => revokeKey(commerce, { party: 'commerce', kid: commerce.kid, reason: 'x', log: 'another', now }),
    ],
    [
      'with a reason changed afterwards',
      /something else/,
      async () => readKeyEntry({ ...(await revoke(commerce, 'commerce', commerce.kid)), reason: 'x' }),
    ],
    [
      'with compromisedSince added afterwards',
      /something else/,
      async () =>
        readKeyEntry({ ...(await revoke(commerce, 'commerce', commerce.kid)), compromisedSince: '2020-01-01T00:00:00Z' }),
    ],
    [
      'without a reason',
      /needs a reason/,
      async () => readKeyEntry({ ...(await revoke(commerce, 'commerce', commerce.kid)), reason: '' }),
    ],
    [
      'from yesterday',
      /iat/,
      () => revokeKey(commerce, { party: 'commerce', kid: commerce.kid, reason: 'x', log, now: later(-86_400) }),
    ],
    [
      'by an event',
      /key-revocation\+jws/,
      async () => ({
        ...(await revoke(commerce, 'commerce', commerce.kid)),
        proof: await signJws(commerce, 'event+jws', {
          action: 'revoke',
          party: 'commerce',
          kid: commerce.kid,
          log,
          iat: seconds,
        }),
      }),
    ],
  ]

  test.each(refused)('%s is refused', async (_, why, make) => {
    const refusing = async () => verify(await make())
    await expect(refusing()).rejects.toMatchObject({ refusal: { detail: { en: expect.stringMatching(why) } } })
  })
})

describe('a kid', () => {
  test('is 1 to 128 printable characters', () => {
    for (const good of ['k', '2026/commerce#1', 'x'.repeat(128)]) expect(isKid(good), good).toBe(true)
    for (const bad of ['', ' ', 'a\n', '钥', 'x'.repeat(129), '\u007f']) expect(isKid(bad), bad).toBe(false)
  })

  test('may be chosen, and is the thumbprint otherwise', async () => {
    expect((await newKey('ES256', 'commerce-2026')).kid).toBe('commerce-2026')
    await expect(importSigningKey({ ...operator.publicKey.jwk })).rejects.toThrow(/no private JWK/)
  })
})
