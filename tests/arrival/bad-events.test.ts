import { CompactSign } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { registerKey } from '../../src/identity/key-request.ts'
import { signAccessToken, signEvent } from '../../src/identity/sign.ts'
import { newKey } from '../identity/parties.ts'
import { bodyOf, establishment, type Gateway, madeUpUscc, openGateway, origin } from '../support/gateway.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await openGateway({ consume: false })
})
afterAll(() => gateway.stop())

const size = () => gateway.parts.log.size()
const good = () => establishment(1)
const base64url = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')
const flattened = { 'content-type': 'application/jose+json' }

/** Signs whatever header and payload a test wants, by commerce's key. */
async function signed(payload: string | Uint8Array | JsonObject, header: JsonObject = {}): Promise<string> {
  const { cryptoKey, kid } = gateway.key('commerce')
  const bytes =
    payload instanceof Uint8Array ? payload : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
  const { alg = 'ES256', ...rest } = { kid, typ: 'event+jws', ...header }
  const members = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return new CompactSign(bytes).setProtectedHeader({ alg: String(alg), ...members }).sign(cryptoKey, { crit: { exp: false } })
}

async function parts(): Promise<{ header: string; payload: string; signature: string; compact: string }> {
  const compact = await signed(good())
  const [header = '', payload = '', signature = ''] = compact.split('.')
  return { header, payload, signature, compact }
}

/** An event's text with something put in front of its first member. */
const withMember = (member: string) => JSON.stringify(good()).replace('{', `{${member},`)
const inData = (member: string) => JSON.stringify(good()).replace('"data":{', `"data":{${member},`)

type Bad = readonly [what: string, make: () => Promise<string | Uint8Array<ArrayBuffer>>, headers?: Record<string, string>]

/** Nobody's request: answered, and nothing is logged. */
async function expectNoise(make: Bad[1], headers: Bad[2], status: number, code: string): Promise<void> {
  const before = await size()
  const response = await gateway.send(await make(), headers)
  expect(await response.json()).toMatchObject({ status, code, type: `/problems/${code}` })
  expect(await size(), 'nothing is logged').toBe(before)
}

describe('check 1: what is no event at all is 400 malformed', () => {
  const cases: readonly Bad[] = [
    ['an empty body', async () => ''],
    ['no dot', async () => 'hello'],
    ['two parts', async () => (await parts()).compact.split('.').slice(0, 2).join('.')],
    ['four parts', async () => `${(await parts()).compact}.`],
    ['padding', async () => `${(await parts()).compact}=`],
    ['the other alphabet', async () => (await parts()).compact.replace(/\.[^.]*$/, '.+/+/')],
    ['a line break at the end', async () => `${(await parts()).compact}\n`],
    ['a space in front', async () => ` ${(await parts()).compact}`],
    ['a byte that is not ASCII', async () => new Uint8Array([...Buffer.from((await parts()).compact), 0xff])],
    ['a payload that is empty', async () => signed('')],
    ['a payload that is no JSON', async () => signed('{')],
    ['a payload that is an array', async () => signed('[1]')],
    ['a payload that is null', async () => signed('null')],
    ['a payload in UTF-16', async () => signed(Buffer.from(JSON.stringify(good()), 'utf16le'))],
    ['a byte order mark', async () => signed(`\uFEFF${JSON.stringify(good())}`)],
    ['bytes that are not UTF-8', async () => signed(Buffer.concat([Buffer.from('{"x":"'), Buffer.of(0xc3), Buffer.from('"}')]))],
    ['a member twice', async () => signed(withMember('"id":"x"'))],
    ['a member twice, spelt by an escape', async () => signed(withMember('"\\u0069d":"x"'))],
    ['a member twice, inside data', async () => signed(inData('"uscc":"x"'))],
    ['a member twice, deep in a list', async () => signed(inData('"x":[{"y":[{"a":1,"a":1}]}]'))],
    ['U+0000 in a value', async () => signed(inData('"x":"\\u0000"'))],
    ['U+0000 in a name', async () => signed(inData('"\\u0000":1'))],
    ['a lone surrogate', async () => signed(inData('"x":"\\ud800"'))],
    ['surrogates in the wrong order', async () => signed(inData('"x":"\\udc00\\ud800"'))],
    ['65 levels', async () => signed(`{"x":${'['.repeat(64)}${']'.repeat(64)}}`)],
    ['thousands of levels', async () => signed(`{"x":${'['.repeat(15_000)}${']'.repeat(15_000)}}`)],
    ['a number that is infinite', async () => signed(inData('"x":1e999'))],
    ['a flattened JWS that is no JSON', async () => (await parts()).compact, flattened],
    ['a flattened JWS that is an array', async () => '[]', flattened],
    ['an unprotected header', async () => flat({ header: { kid: 'x' } }), flattened],
    ['an empty unprotected header', async () => flat({ header: {} }), flattened],
    ['a member more', async () => flat({ note: 'x' }), flattened],
    ['the general form', async () => JSON.stringify({ payload: 'e30', signatures: [] }), flattened],
    ['a signature that is no string', async () => flat({ signature: 1 }), flattened],
    ['a signature twice', async () => (await flat({})).replace('{', '{"signature":"",'), flattened],
    ['a dot inside a part', async () => flat({ signature: 'AA.AA' }), flattened],
    ['padding in the flattened form', async () => flat({ payload: `${(await parts()).payload}=` }), flattened],
  ]
  const flat = async (changes: JsonObject) => {
    const { header, payload, signature } = await parts()
    return JSON.stringify({ protected: header, payload, signature, ...changes })
  }

  for (const [what, make, headers] of cases) it(what, () => expectNoise(make, headers, 400, 'malformed'))

  it('64 levels are read, and are wrong for their schema only', async () => {
    const event = `{"x":${'['.repeat(63)}${']'.repeat(63)}}`
    expect((await gateway.send(await signed(event))).status).toBe(422)
  })
})

describe('check 1: media type and size', () => {
  it.each(['text/plain', 'application/json', 'application/jose2', 'application/josejson', ''])('%j is 415', async (type) => {
    await expectNoise(async () => (await parts()).compact, { 'content-type': type }, 415, 'unsupported-media-type')
  })

  it.each(['gzip', 'br', 'identity, gzip', 'deflate,identity'])(
    'a body in %s is 415, and is told to come as it is',
    async (coding) => {
      const before = await size()
      const response = await gateway.send((await parts()).compact, { 'content-encoding': coding })
      expect(await bodyOf(response)).toMatchObject({
        status: 415,
        code: 'unsupported-media-type',
        detail: expect.stringContaining('Content-Encoding'),
      })
      expect(await size(), 'nothing is logged').toBe(before)
    },
  )

  it.each(['identity', 'Identity', ''])('a body in the coding %j is as it is', async (coding) => {
    expect((await gateway.send(await signed(good()), { 'content-encoding': coding })).status).not.toBe(415)
  })

  it.each(['Application/JOSE', 'application/jose; charset=utf-8', 'application/jose;x=y ; z', ' application/jose '])(
    '%j is taken: parameters and case do not matter',
    async (type) => {
      expect((await gateway.send(await signed(establishment(40 + type.length)), { 'content-type': type })).status).toBe(201)
    },
  )

  const tooLarge: readonly Bad[] = [
    ['49 KiB', async () => 'a'.repeat(49 * 1024)],
    ['one byte more than 48 KiB', async () => 'a'.repeat(48 * 1024 + 1)],
    [
      'a flattened form whose compact form is too large',
      async () => {
        const { header, signature } = await parts()
        return JSON.stringify({ protected: header, payload: 'a'.repeat(48 * 1024), signature })
      },
      flattened,
    ],
    ['a flattened form of a megabyte of spaces', async () => `${' '.repeat(1_000_000)}{}`, flattened],
  ]
  for (const [what, make, headers] of tooLarge) it(`${what} is 413`, () => expectNoise(make, headers, 413, 'too-large'))

  it('48 KiB to the byte are read', async () => {
    const { header, signature } = await parts()
    const room = 48 * 1024 - header.length - signature.length - 2
    const payload = base64url(`{"x":"${'a'.repeat(Math.floor((room * 3) / 4) - 8)}"}`)
    const body = `${header}.${payload}.${signature}`
    expect(body.length).toBeGreaterThan(48 * 1024 - 8)
    expect((await gateway.send(body)).status).toBe(401)
  })

  it('a body without a length is read no further than its bound', async () => {
    let chunks = 0
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        chunks++
        controller.enqueue(new Uint8Array(1024).fill(97))
      },
    })
    const headers = { 'content-type': 'application/jose' }
    const init = { method: 'POST', body: endless, duplex: 'half', headers } as const
    const response = await gateway.request('/v1/events', init)
    expect(response.status).toBe(413)
    expect(chunks).toBeLessThan(60)
  })

  it('the media type is looked at before the size, the size before the shape', async () => {
    expect((await gateway.send('='.repeat(50_000), { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await gateway.send('='.repeat(50_000))).status).toBe(413)
  })
})

describe('check 2: whatever is wrong with header, key or signature is 401 signature-invalid', () => {
  const now = Math.floor(Date.now() / 1000)
  const withHeader = async (bytes: string | Uint8Array) => {
    const { payload, signature } = await parts()
    return `${base64url(bytes)}.${payload}.${signature}`
  }
  const cases: readonly Bad[] = [
    ['an empty third part', async () => `${(await parts()).compact.replace(/\.[^.]*$/, '.')}`],
    ['nothing in the header', async () => `.${base64url(JSON.stringify(good()))}.`],
    [
      'a signature over another payload',
      async () => {
        const { header, signature } = await parts()
        return `${header}.${base64url(JSON.stringify(establishment(3)))}.${signature}`
      },
    ],
    ['a signature in DER', async () => `${(await parts()).compact.replace(/\.[^.]*$/, '')}.${base64url(Buffer.alloc(70, 48))}`],
    ['a header that is no JSON', async () => withHeader('no json')],
    ['a header with a member twice', async () => withHeader('{"alg":"ES256","alg":"ES256"}')],
    ['no kid', async () => signed(good(), { kid: null })],
    ['a kid that is a number', async () => withHeader('{"alg":"ES256","kid":7,"typ":"event+jws"}')],
    ['an unknown kid', async () => signed(good(), { kid: 'nobody' })],
    ['the kid of another party', async () => signed(good(), { kid: gateway.key('local-tax').kid })],
    ['no typ', async () => signed(good(), { typ: null })],
    ['typ JWT', async () => signed(good(), { typ: 'JWT' })],
    ['typ in capitals', async () => signed(good(), { typ: 'EVENT+JWS' })],
    [
      'alg none',
      async () =>
        `${base64url(JSON.stringify({ alg: 'none', kid: gateway.key('commerce').kid, typ: 'event+jws' }))}.${(await parts()).payload}.`,
    ],
    ['alg HS256', async () => withHeader(JSON.stringify({ alg: 'HS256', kid: gateway.key('commerce').kid, typ: 'event+jws' }))],
    [
      'an alg that is not the key’s',
      async () => withHeader(JSON.stringify({ alg: 'EdDSA', kid: gateway.key('commerce').kid, typ: 'event+jws' })),
    ],
    ['crit', async () => signed(good(), { crit: ['exp'], exp: now + 60 })],
    ['b64', async () => signed(good(), { b64: true })],
    ['jku', async () => signed(good(), { jku: 'http://127.0.0.1:9/' })],
    ['jwk', async () => signed(good(), { jwk: { ...gateway.key('commerce').publicKey.jwk } })],
    ['x5u', async () => signed(good(), { x5u: 'http://127.0.0.1:9/' })],
    ['x5c', async () => signed(good(), { x5c: [] })],
    ['aud of another log', async () => signed(good(), { aud: 'localhost/another' })],
    ['aud as a list', async () => signed(good(), { aud: [origin] })],
    ['an access token', async () => signAccessToken(gateway.key('commerce'), { audience: origin })],
  ]
  for (const [what, make, headers] of cases) it(what, () => expectNoise(make, headers, 401, 'signature-invalid'))

  it('aud of this log is taken', async () => {
    expect((await gateway.send(await signed(establishment(4), { aud: origin }))).status).toBe(201)
  })

  it('a flattened event is the compact one', async () => {
    const compact = await signed(establishment(5))
    const [header, payload, signature] = compact.split('.')
    const body = JSON.stringify({ signature, payload, protected: header }, null, 2)
    const first = await gateway.send(body, flattened)
    expect(first.status).toBe(201)
    const again = await gateway.send(compact)
    expect([again.status, (await bodyOf(again)).index]).toEqual([200, (await bodyOf(first)).index])
  })

  it('a stranger’s signature under a known kid', async () => {
    const stranger = await newKey('ES256', gateway.key('commerce').kid)
    expect((await gateway.send(await signEvent(stranger, good()))).status).toBe(401)
  })
})

describe('checks 3, 5 and 6: what is somebody’s and wrong is refused, and the refusal is on record', () => {
  const data = (changes: JsonObject) => {
    const event = good()
    return { ...event, data: { ...(event.data as JsonObject), ...changes } }
  }
  const without = (member: string) => Object.fromEntries(Object.entries(good()).filter(([name]) => name !== member))
  const at = (ms: number) => ({ ...good(), time: new Date(Date.now() + ms).toISOString() })
  const cases: readonly (readonly [string, number, string, () => JsonObject, string, string?])[] = [
    ['no id', 422, 'invalid-event', () => without('id'), 'commerce', ''],
    ['an id that is a number', 422, 'invalid-event', () => ({ ...good(), id: 7 }), 'commerce', '/id'],
    ['no type', 422, 'invalid-event', () => without('type'), 'commerce', ''],
    ['a subject that is null', 422, 'invalid-event', () => ({ ...good(), subject: null }), 'commerce', '/subject'],
    [
      'a source that is a list',
      422,
      'invalid-event',
      () => ({ ...good(), source: ['/bureaus/commerce'] }),
      'commerce',
      '/source',
    ],
    ['nothing at all', 422, 'invalid-event', () => ({}), 'commerce', ''],
    ['an auditor who sends', 403, 'sender-not-allowed', () => ({ ...good(), source: '/bureaus/auditor' }), 'auditor'],
    ['an operator who sends', 403, 'sender-not-allowed', () => ({ ...good(), source: '/bureaus/operator' }), 'operator'],
    ['another’s source', 403, 'sender-not-allowed', () => ({ ...good(), source: '/bureaus/state-tax' }), 'commerce'],
    ['a source without its prefix', 403, 'sender-not-allowed', () => ({ ...good(), source: 'commerce' }), 'commerce'],
    ['an unknown type', 422, 'unknown-type', () => ({ ...good(), type: 'registration.vanished.v1' }), 'commerce'],
    ['a type without its version', 422, 'unknown-type', () => ({ ...good(), type: 'registration.established' }), 'commerce'],
    ['a type named like a member of every object', 422, 'unknown-type', () => ({ ...good(), type: 'constructor' }), 'commerce'],
    ['another’s type', 403, 'sender-not-allowed', () => ({ ...good(), source: '/bureaus/state-tax' }), 'state-tax'],
    ['an empty id', 422, 'invalid-event', () => ({ ...good(), id: '' }), 'commerce', '/id'],
    ['an id of 129 characters', 422, 'invalid-event', () => ({ ...good(), id: 'x'.repeat(129) }), 'commerce', '/id'],
    ['an id with a line break', 422, 'invalid-event', () => ({ ...good(), id: 'a\nb' }), 'commerce', '/id'],
    ['another specversion', 422, 'invalid-event', () => ({ ...good(), specversion: '0.3' }), 'commerce', '/specversion'],
    [
      'another datacontenttype',
      422,
      'invalid-event',
      () => ({ ...good(), datacontenttype: 'text/xml' }),
      'commerce',
      '/datacontenttype',
    ],
    ['an extension', 422, 'invalid-event', () => ({ ...good(), traceparent: 'x' }), 'commerce', '/traceparent'],
    ['no data', 422, 'invalid-event', () => without('data'), 'commerce', ''],
    ['data that are a list', 422, 'invalid-event', () => ({ ...good(), data: [] }), 'commerce', '/data'],
    ['no time', 422, 'invalid-event', () => without('time'), 'commerce', ''],
    ['a time without a zone', 422, 'invalid-event', () => ({ ...good(), time: '2026-11-23T08:00:00' }), 'commerce', '/time'],
    ['a day that is not', 422, 'invalid-event', () => ({ ...good(), time: '2026-02-30T08:00:00Z' }), 'commerce', '/time'],
    ['six minutes ahead', 422, 'invalid-event', () => at(6 * 60_000), 'commerce', '/time'],
    ['a bit more than seven days old', 422, 'invalid-event', () => at(-7 * 86_400_000 - 60_000), 'commerce', '/time'],
    ['a field nobody knows', 422, 'invalid-event', () => data({ colour: 'red' }), 'commerce', '/data/colour'],
    [
      '__proto__',
      422,
      'invalid-event',
      () => JSON.parse(JSON.stringify(good()).replace('"data":{', '"data":{"__proto__":{},')),
      'commerce',
      '/data/__proto__',
    ],
    [
      'a code with a wrong check character',
      422,
      'invalid-event',
      () => data({ uscc: '91350211M000100Y44' }),
      'commerce',
      '/data/uscc',
    ],
    [
      'a subject that is not the code in data',
      422,
      'invalid-event',
      () => ({ ...good(), subject: madeUpUscc(9) }),
      'commerce',
      '/subject',
    ],
    [
      'dates in the wrong order',
      422,
      'invalid-event',
      () => data({ operatingFrom: '2020-01-02', operatingTo: '2020-01-01' }),
      'commerce',
      '/data/operatingTo',
    ],
  ]
  it.each(cases.map(([what, ...rest]) => ({ what, rest })))('$what', async ({ rest: [status, code, make, party, pointer] }) => {
    const before = await size()
    const payload = make()
    const response = await gateway.post(payload, party)
    const problem = await bodyOf(response)
    expect(problem, JSON.stringify(problem)).toMatchObject({ status, code, index: before })
    if (pointer !== undefined) expect(problem.errors).toContainEqual(expect.objectContaining({ pointer }))
    expect(await size(), 'the refusal is one entry').toBe(before + 1)
    const entry = JSON.parse((await gateway.parts.log.entry(before))?.entry ?? '{}')
    expect(Object.keys(entry)).toEqual(['kind', 'received', 'party', 'kid', 'id', 'type', 'status', 'problem', 'digest'])
    expect(entry).toMatchObject({ kind: 'refusal', party, kid: gateway.key(party).kid, status, problem: code })
    expect(entry.id).toBe(typeof payload.id === 'string' ? payload.id : null)
  })

  it('tells every error at once, 200 at most', async () => {
    const lists = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`unknown${i}`, i]))
    const { errors, detail } = await bodyOf(await gateway.post(data(lists), 'commerce'))
    expect(errors).toHaveLength(200)
    expect(detail).toBe('the event has 200 errors or more: the first 200 are listed under errors, others may follow')
  })

  it('five minutes ahead and seven days old, but for a little, are taken', async () => {
    expect((await gateway.post({ ...establishment(20), time: at(4 * 60_000).time }, 'commerce')).status).toBe(201)
    expect((await gateway.post({ ...establishment(21), time: at(-7 * 86_400_000 + 60_000).time }, 'commerce')).status).toBe(201)
  })
})

describe('keys of every algorithm sign events', () => {
  it.each(['EdDSA', 'RS256', 'PS256'] as const)('%s', async (algorithm) => {
    const key = await newKey(algorithm)
    const { proof } = await registerKey(key, gateway.key('commerce'), { party: 'commerce', log: origin })
    const headers = { 'content-type': 'application/jose' }
    const registered = await gateway.request('/v1/keys', { method: 'POST', body: proof, headers })
    expect(registered.status).toBe(201)
    const n = { EdDSA: 31, RS256: 32, PS256: 33 }[algorithm]
    expect((await gateway.send(await signEvent(key, establishment(n)))).status).toBe(201)
  })
})
