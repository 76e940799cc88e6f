import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { openAccessToken } from '../../src/identity/access-token.ts'
import { openSignedEvent } from '../../src/identity/jws.ts'
import { revokeKey } from '../../src/identity/key-request.ts'
import type { KeysInForce } from '../../src/identity/keys-in-force.ts'
import type { SigningKey } from '../../src/identity/private-key.ts'
import { signAccessToken, signEvent, signJws } from '../../src/identity/sign.ts'
import { log, newKey, refusal, startingKeys } from './parties.ts'

const now = new Date('2026-11-23T08:00:00Z')
const seconds = now.getTime() / 1000

let operator: SigningKey
let auditor: SigningKey
let keys: KeysInForce

beforeAll(async () => {
  operator = await newKey()
  auditor = await newKey('EdDSA')
  keys = await startingKeys({ operator, auditor })
})

const open = (token: string, at = now) => openAccessToken(token, keys, { audience: log, now: at })
const withClaims = (claims: JsonObject) =>
  signJws(auditor, 'access+jwt', { aud: log, iat: seconds, exp: seconds + 120, ...claims })
const later = (afterSeconds: number) => new Date(now.getTime() + afterSeconds * 1000)

describe('an access token', () => {
  test('says who reads, and is known by its digest', async () => {
    const token = await signAccessToken(auditor, { audience: log, now })
    const opened = await open(token)
    expect(opened).toMatchObject({ party: 'auditor', kid: auditor.kid, jti: expect.any(String), claims: { aud: log } })
    expect(opened.digest).toEqual(createHash('sha256').update(token).digest())
  })

  test.each<[string, JsonObject]>([
    ['five minutes', { exp: seconds + 300 }],
    ['a list of this audience only', { aud: [log] }],
    ['a clock that is a minute ahead', { iat: seconds + 60, exp: seconds + 120 }],
    ['nbf that has come', { nbf: seconds - 1 }],
    ['claims that mean nothing here', { iss: 'x', scope: 'y' }],
  ])('is good with %s', async (_, claims) => {
    await expect(open(await withClaims(claims))).resolves.toMatchObject({ party: 'auditor' })
  })

  test.each<[string, JsonObject]>([
    ['for another exchange', { aud: 'another/exchange' }],
    ['for this exchange and another', { aud: [log, 'another/exchange'] }],
    ['for nobody', { aud: [] }],
    ['whose audience only begins alike', { aud: `${log}/x` }],
    ['longer than five minutes', { exp: seconds + 301 }],
    ['expired', { iat: seconds - 300, exp: seconds - 1 }],
    ['that expires now', { iat: seconds - 100, exp: seconds }],
    ['from the future', { iat: seconds + 61, exp: seconds + 120 }],
    ['that ends before it began', { iat: seconds + 50, exp: seconds + 40 }],
    ['with times as text', { iat: String(seconds), exp: String(seconds + 120) }],
    ['without an end', { exp: null }],
    ['without a beginning', { iat: null }],
    ['not good before tomorrow', { nbf: seconds + 86_400 }],
    ['with an nbf that is no number', { nbf: 'now' }],
    ['with a jti that is no string', { jti: 7 }],
  ])('is refused %s', async (_, claims) => {
    await expect(open(await withClaims(claims))).rejects.toMatchObject(refusal('token-invalid'))
  })

  test('that counts milliseconds is told to count seconds', async () => {
    const claims = { iat: seconds * 1000, exp: (seconds + 120) * 1000 }
    await expect(open(await withClaims(claims))).rejects.toMatchObject(
      refusal('token-invalid', /seconds since 1970, not milliseconds/),
    )
  })

  test('lacking aud, iat or exp is refused', async () => {
    for (const claims of [
      { iat: seconds, exp: seconds + 1 },
      { aud: log, exp: seconds + 1 },
      { aud: log, iat: seconds },
    ])
      await expect(open(await signJws(auditor, 'access+jwt', claims))).rejects.toMatchObject(refusal('token-invalid'))
  })

  test('is refused when forged, unsigned, misspelt or too long', async () => {
    const token = await signAccessToken(auditor, { audience: log, now })
    const [header, payload] = token.split('.')
    const stranger = { ...(await newKey('EdDSA')), kid: auditor.kid }
    for (const wrong of [
      '',
      'hello',
      `${header}.${payload}.`,
      `${token}=`,
      await signAccessToken(stranger, { audience: log, now }),
      await signAccessToken({ ...auditor, kid: operator.kid }, { audience: log, now }),
      await signJws(auditor, 'access+jwt', { aud: log, iat: seconds, exp: seconds + 9 }, { jku: 'http://127.0.0.1:9' }),
      await withClaims({ padding: 'x'.repeat(8192) }),
    ])
      await expect(open(wrong), wrong.slice(0, 60)).rejects.toMatchObject(refusal('token-invalid'))
  })

  test('is no event, and an event is no token', async () => {
    const claims = { aud: log, iat: seconds, exp: seconds + 120 }
    await expect(open(await signEvent(auditor, claims))).rejects.toMatchObject(refusal('token-invalid', /access\+jwt/))
    const token = await withClaims({})
    await expect(openSignedEvent(token, keys, { origin: log, aud: 'optional' })).rejects.toMatchObject(
      refusal('signature-invalid', /event\+jws/),
    )
  })

  test('runs out even when it was seen before', async () => {
    const token = await withClaims({})
    await expect(open(token)).resolves.toMatchObject({ party: 'auditor' })
    await expect(open(token, later(119))).resolves.toMatchObject({ party: 'auditor' })
    await expect(open(token, later(120))).rejects.toMatchObject(refusal('token-invalid', /expired/))
    await expect(openAccessToken(token, keys, { audience: 'another/exchange', now })).rejects.toMatchObject(
      refusal('token-invalid', /aud/),
    )
  })

  test('stops at once when its key is revoked', async () => {
    const token = await withClaims({})
    await open(token)
    const revoked = await keys.apply(await revokeKey(operator, { party: 'auditor', kid: auditor.kid, reason: 'lost', log }), 3)
    await expect(openAccessToken(token, revoked, { audience: log, now })).rejects.toMatchObject(
      refusal('token-invalid', /no key in force/),
    )
  })

  test('is verified once, however often it is shown', async () => {
    const token = await withClaims({})
    expect(await open(token)).toBe(await open(token))
  })
})
