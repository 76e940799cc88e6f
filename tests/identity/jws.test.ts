import { createHash, createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { type Algorithm, algorithms } from '../../src/identity/algorithm.ts'
import {
  flattenedToCompact,
  isStrictBase64url,
  maxEventBytes,
  payloadOfLogged,
  splitCompact,
} from '../../src/identity/compact.ts'
import { openJws, openSignedEvent } from '../../src/identity/jws.ts'
import { revokeKey } from '../../src/identity/key-request.ts'
import type { KeysInForce } from '../../src/identity/keys-in-force.ts'
import { generateKey, importSigningKey, type PrivateJwk, type SigningKey } from '../../src/identity/private-key.ts'
import { signAccessToken, signEvent, signJws } from '../../src/identity/sign.ts'
import { log, newKey, refusal, startingKeys } from './parties.ts'

const event: JsonObject = {
  specversion: '1.0',
  id: 'e-1',
  source: '/bureaus/commerce',
  data: { enterpriseName: '大连测试有限公司' },
}
const optional = { origin: log, aud: 'optional' } as const

const base64url = (value: JsonObject | string | Buffer) =>
  Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString('base64url')

let jwk: PrivateJwk
let commerce: SigningKey
let localTax: SigningKey
let operator: SigningKey
let keys: KeysInForce
let compact: string
let header: string
let payload: string
let signature: string

beforeAll(async () => {
  jwk = await generateKey('ES256')
  commerce = await importSigningKey(jwk)
  localTax = await newKey('ES256')
  operator = await newKey('ES256')
  keys = await startingKeys({ operator, commerce, 'local-tax': localTax })
  compact = await signEvent(commerce, event)
  const parts = splitCompact(compact)
  header = base64url(parts.header)
  payload = base64url(parts.payload)
  signature = base64url(parts.signature)
})

const open = (text: string) => openSignedEvent(text, keys, optional)

/** Signed by commerce's key, whatever the header is. */
function signed(
  headerPart: JsonObject | string | Buffer,
  payloadPart: JsonObject | string | Buffer = event,
  key: object = jwk,
): string {
  const input = `${base64url(headerPart)}.${base64url(payloadPart)}`
  const privateKey = createPrivateKey({ key: { ...key }, format: 'jwk' })
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
const usual = (changes: JsonObject = {}): JsonObject => ({ alg: 'ES256', kid: commerce.kid, typ: 'event+jws', ...changes })

describe('an event by a key in force', () => {
  test('is known by party, kid, header, payload and digests', async () => {
    const verified = await open(await signEvent(commerce, event, { aud: log }))
    expect(verified).toMatchObject({ party: 'commerce', kid: commerce.kid, payload: event })
    expect(verified.header).toMatchObject({ alg: 'ES256', typ: 'event+jws', aud: log })
    expect(verified.payloadDigest).toEqual(createHash('sha256').update(JSON.stringify(event)).digest())
    expect(verified.digest).toEqual(createHash('sha256').update(verified.compact).digest())
    expect(payloadOfLogged(verified.compact)).toEqual(event)
  })

  test.each(algorithms)('verifies with %s', async (algorithm) => {
    const key = await newKey(algorithm)
    const known = await startingKeys({ operator, commerce: key })
    await expect(openSignedEvent(await signEvent(key, event), known, optional)).resolves.toMatchObject({ party: 'commerce' })
  })

  test('is judged by its own header, whatever came before with the same or nearly the same', async () => {
    const good = signed(usual())
    for (const _ of [1, 2]) {
      await expect(open(good)).resolves.toMatchObject({ kid: commerce.kid })
      await expect(openJws(good, 'access+jwt', keys)).rejects.toMatchObject(refusal('signature-invalid'))
      await expect(open(signed(usual({ crit: ['exp'] })))).rejects.toMatchObject(refusal('signature-invalid'))
      await expect(open(signed(usual({ kid: localTax.kid })))).rejects.toMatchObject(refusal('signature-invalid'))
      await expect(open(signed(usual({ aud: 'elsewhere' })))).rejects.toMatchObject(refusal('signature-invalid'))
    }
  })

  test('keeps header members that mean nothing here', async () => {
    await expect(open(signed(usual({ cty: 'json', exp: 1, x5t: 'x' })))).resolves.toMatchObject({ party: 'commerce' })
  })

  test('may be as large as the limit, and not one byte larger', async () => {
    const sized = async (bytes: number) => {
      const text = await signEvent(commerce, { text: 'x'.repeat(bytes) })
      return text.length
    }
    let bytes = 36_700
    while ((await sized(bytes + 1)) <= maxEventBytes) bytes++
    await expect(open(await signEvent(commerce, { text: 'x'.repeat(bytes) }))).resolves.toMatchObject({ party: 'commerce' })
    await expect(open(await signEvent(commerce, { text: 'x'.repeat(bytes + 1) }))).rejects.toMatchObject(refusal('too-large'))
    await expect(open('a'.repeat(maxEventBytes + 1))).rejects.toMatchObject(refusal('too-large'))
  })
})

describe('whatever is wrong with header, key or signature', () => {
  const stranger = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const cases: readonly [string, () => string | Promise<string>][] = [
    ['a payload that was not signed', () => `${header}.${base64url({ ...event, id: 'e-2' })}.${signature}`],
    ['a header that was not signed', () => `${base64url(usual({ cty: 'x' }))}.${payload}.${signature}`],
    ['an unknown kid', () => signed(usual({ kid: 'nobody' }))],
    ["somebody else's kid", () => signed(usual({ kid: localTax.kid }))],
    ['no kid', () => signed({ alg: 'ES256', typ: 'event+jws' })],
    ['a kid that is a number', () => signed(usual({ kid: 7 }))],
    ['a kid from a prototype', () => signed(usual({ kid: '__proto__' }))],
    ['an empty signature', () => `${header}.${payload}.`],
    ['an empty header', () => `.${payload}.${signature}`],
    ['alg none, unsigned', () => `${base64url(usual({ alg: 'none' }))}.${payload}.`],
    ['alg none, signed', () => signed(usual({ alg: 'none' }))],
    ['alg in other case', () => signed(usual({ alg: 'es256' }))],
    ['an algorithm nobody takes', () => signed(usual({ alg: 'ES384' }))],
    ['alg as a list', () => signed(usual({ alg: ['ES256'] }))],
    ['HMAC with the public key', () => hmac()],
    ['no typ', () => signed({ alg: 'ES256', kid: commerce.kid })],
    ['another typ', () => signed(usual({ typ: 'JWT' }))],
    ['an access token', () => signAccessToken(commerce, { audience: log })],
    ['a key proof', () => signJws(commerce, 'key-proof+jws', event)],
    ['crit', () => signed(usual({ crit: ['exp'], exp: 1 }))],
    ['b64', () => signed(usual({ b64: true }))],
    ['b64 false with crit', () => signed(usual({ b64: false, crit: ['b64'] }))],
    ['jku', () => signed(usual({ jku: 'http://127.0.0.1:9/keys' }))],
    ['x5u', () => signed(usual({ x5u: 'http://127.0.0.1:9/keys' }))],
    ['x5c', () => signed(usual({ x5c: ['MII='] }))],
    ['a refused member that is null', () => signed(usual({ crit: null }))],
    ['a stranger with a known kid', () => signed(usual(), event, stranger())],
    ['a stranger who brings his key', () => signed(usual({ jwk: { kty: 'EC' } }), event, stranger())],
    ['a header that is an array', () => signed('[]')],
    ['a header that is no JSON', () => signed('alg: ES256')],
    ['a header that is not UTF-8', () => signed(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['a header member twice', () => signed(JSON.stringify(usual()).replace('{', '{"alg":"none",'))],
    ['a signature in DER', () => der()],
    ['aud of another log', () => signed(usual({ aud: 'another/exchange' }))],
    ['aud as a list', () => signed(usual({ aud: [log] }))],
    ['aud null', () => signed(usual({ aud: null }))],
    ['zeros as signature', () => `${header}.${payload}.${base64url(Buffer.alloc(64))}`],
  ]
  const hmac = () => {
    const input = `${base64url(usual({ alg: 'HS256' }))}.${payload}`
    const secret = createPublicKey({ key: { ...commerce.publicKey.jwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const der = () =>
    `${header}.${payload}.${sign('sha256', Buffer.from(`${header}.${payload}`), createPrivateKey({ key: { ...jwk }, format: 'jwk' })).toString('base64url')}`

  test.each(cases)('%s is refused as signature-invalid', async (_, make) => {
    await expect(open(await make())).rejects.toMatchObject(refusal('signature-invalid'))
  })

  test('the audience is demanded where the catalogue demands it', async () => {
    const required = { origin: log, aud: 'required' } as const
    await expect(openSignedEvent(compact, keys, required)).rejects.toMatchObject(refusal('signature-invalid', /aud must be/))
    await expect(openSignedEvent(await signEvent(commerce, event, { aud: log }), keys, required)).resolves.toMatchObject({
      party: 'commerce',
    })
  })

  test('a revoked key signs nothing any more', async () => {
    const revoked = await keys.apply(await revokeKey(commerce, { party: 'commerce', kid: commerce.kid, reason: 'lost', log }), 9)
    await expect(openSignedEvent(compact, revoked, optional)).rejects.toMatchObject(
      refusal('signature-invalid', /no key in force/),
    )
  })

  test('a key signs with its own algorithm and with no other', async () => {
    const all = new Map<Algorithm, SigningKey>()
    for (const algorithm of algorithms) all.set(algorithm, await newKey(algorithm))
    // an RSA key can make both kinds of RSA signature: only its registered algorithm may count
    const rsa = await generateKey('RS256')
    const asPs256 = await importSigningKey({ ...rsa, alg: 'PS256' })
    all.set('RS256', await importSigningKey(rsa))
    for (const [registered, key] of all) {
      const known = await startingKeys({ operator, commerce: key })
      for (const [claimed, other] of all) {
        if (claimed === registered) continue
        const forged = await signEvent(
          { ...(registered === 'RS256' && claimed === 'PS256' ? asPs256 : other), kid: key.kid },
          event,
        )
        await expect(openSignedEvent(forged, known, optional), `${claimed} with a key for ${registered}`).rejects.toMatchObject(
          refusal('signature-invalid', new RegExp(`signs with ${registered}`)),
        )
      }
    }
  })
})

describe('the shape', () => {
  const cases: readonly [string, () => string][] = [
    ['no JWS', () => 'hello'],
    ['nothing', () => ''],
    ['two parts', () => `${header}.${payload}`],
    ['four parts', () => `${compact}.`],
    ['only dots', () => '..'],
    ['padding', () => `${compact}=`],
    ['the other alphabet', () => `${header}.${payload}.${signature.slice(0, -4)}+/8A`],
    ['a line feed at the end', () => `${compact}\n`],
    ['a blank inside', () => `${header}.${payload} .${signature}`],
    ['a sign of another script', () => `${header}.${payload}.${signature.slice(0, -1)}Ａ`],
    ['one character over', () => `${header}.${payload}.${signature}AAA`],
    ['a payload that is no JSON', () => signed(usual(), 'not json')],
    ['an empty payload', () => signed(usual(), '')],
    ['a payload that is an array', () => signed(usual(), '[]')],
    ['a member twice', () => signed(usual(), '{"id":"x","id":"x"}')],
    ['U+0000', () => signed(usual(), String.raw`{"id":"\u0000"}`)],
    ['a lone surrogate', () => signed(usual(), String.raw`{"id":"\ud800"}`)],
    ['bytes that are not UTF-8', () => signed(usual(), Buffer.from('{"id":"\xff"}', 'latin1'))],
  ]

  test.each(cases)('%s is malformed', async (_, make) => {
    await expect(open(make())).rejects.toMatchObject(refusal('malformed'))
  })

  test('is said to be the payload, and not the header', async () => {
    for (const bytes of ['not json', '[]', Buffer.from('{"id":"\xb4\xf3"}', 'latin1')])
      await expect(open(signed(usual(), bytes))).rejects.toMatchObject({
        refusal: { detail: { en: expect.stringMatching(/^the payload: /), zh: expect.stringMatching(/^载荷：/) } },
      })
  })

  test('comes before the signature', async () => {
    await expect(open(signed(usual({ kid: 'nobody' }), 'not json'))).rejects.toMatchObject(refusal('malformed'))
  })

  test('one signature has one spelling', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.integer({ min: 1, max: 15 }),
        fc.integer({ min: 0, max: 2 }),
        (bytes, bits, part) => {
          const text = Buffer.from(bytes).toString('base64url')
          const unused = [0, 4, 2][bytes.length % 3] ?? 0
          const last = alphabet.indexOf(text.slice(-1))
          const parts = [text, text, text]
          expect(splitCompact(parts.join('.')).signature).toEqual(Buffer.from(bytes))
          const flip = bits % 2 ** unused
          if (flip === 0) return
          parts[part] = text.slice(0, -1) + alphabet[last ^ flip]
          expect(() => splitCompact(parts.join('.'))).toThrow(/strict base64url/)
        },
      ),
    )
  })

  test('a line break or a space is named, since nobody sees it at the end of a file', () => {
    for (const [jws, part] of [
      ['AQ.AQ.AQ\n', 'signature'],
      ['AQ.AQ.AQ\r\n', 'signature'],
      [' AQ.AQ.AQ', 'protected header'],
      ['AQ.A\nQ.AQ', 'payload'],
    ] as const)
      expect(() => splitCompact(jws)).toThrow(`a line break or a space in the ${part}: send the compact JWS alone`)
    expect(() => splitCompact('AQ.AQ.AQ==')).toThrow(/strict base64url/)
  })

  test('strict is the text that comes out again when its bytes are encoded', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 40 })
    const nearly = fc
      .array(fc.constantFrom(...'AQgwBEz09-_', '+', '/', '=', ' ', '\n', '.', 'Ł', 'é', '\u0141', '\u{1f600}'), { maxLength: 12 })
      .map((characters) => characters.join(''))
    const spoilt = fc
      .tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.constantFrom(...'Ab_-+/= \n', '\u0141', '\u{1f600}'))
      .map(([bytes, place, character]) => {
        const text = Buffer.from(bytes).toString('base64url')
        const at = text.length === 0 ? 0 : place % text.length
        return text.slice(0, at) + character + text.slice(at + 1)
      })
    fc.assert(
      fc.property(fc.oneof(anything, nearly, spoilt), (text) => {
        expect(isStrictBase64url(text)).toBe(Buffer.from(text, 'base64url').toString('base64url') === text)
      }),
      { numRuns: 5000 },
    )
  })

  test('a header that was good for one use is not taken for another', async () => {
    const token = signJws(commerce, 'event+jws', event)
    await expect(openJws(await token, 'event+jws', keys)).resolves.toMatchObject({ payload: event })
    await expect(openJws(await token, 'event+jws', keys)).resolves.toMatchObject({ payload: event })
    await expect(openJws(await token, 'operation+jws', keys)).rejects.toMatchObject(refusal('signature-invalid', /typ must be/))
  })

  test('no text but the one that was signed passes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(compact.length - 1), fc.constantFrom(...'AQgw09-_=+/. '), async (at, character) => {
        fc.pre(compact[at] !== character)
        await expect(open(compact.slice(0, at) + character + compact.slice(at + 1))).rejects.toHaveProperty(
          'name',
          'RefusedRequest',
        )
        await expect(open(compact.slice(0, at) + character + compact.slice(at))).rejects.toHaveProperty('name', 'RefusedRequest')
      }),
      { numRuns: 100 },
    )
  })
})

describe('flattened JSON', () => {
  const flatten = (members: JsonObject | string) =>
    flattenedToCompact(Buffer.from(typeof members === 'string' ? members : JSON.stringify(members)))

  test('becomes the compact form', () => {
    expect(flatten({ signature, payload, protected: header })).toBe(compact)
  })

  const cases: readonly [string, () => JsonObject | string][] = [
    ['an unprotected header', () => ({ protected: header, payload, signature, header: { kid: 'x' } })],
    ['an empty unprotected header', () => ({ protected: header, payload, signature, header: {} })],
    ['any other member', () => ({ protected: header, payload, signature, x: 1 })],
    ['the general form', () => ({ payload, signatures: [{ protected: header, signature }] })],
    ['no signature', () => ({ protected: header, payload })],
    ['a part that is no string', () => ({ protected: header, payload: event, signature })],
    ['a part with a dot', () => ({ protected: `${header}.${payload}`, payload: '', signature })],
    ['a member twice', () => `{"payload":"e30",${JSON.stringify({ protected: header, payload, signature }).slice(1)}`],
    ['an array', () => '[]'],
    ['the compact form', () => compact],
  ]

  test.each(cases)('with %s is malformed', (_, make) => {
    expect(() => flatten(make())).toThrow(/^malformed/)
  })
})
