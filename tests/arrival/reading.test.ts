import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { signAccessToken, signEvent } from '../../src/identity/sign.ts'
import { newKey } from '../identity/parties.ts'
import { eventually } from '../support/eventually.ts'
import { cloudEventOf } from '../support/examples.ts'
import { bodyOf, establishment, exampleOf, type Gateway, openGateway, origin } from '../support/gateway.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

const person = { name: '欧阳秘密', idNumber: '210299197805121138', phone: '0411-98765432' }

let gateway: Gateway
let subject: string
let established: number
let registered: number
let refused: number
const eventId = 'the-lost-one'

beforeAll(async () => {
  gateway = await openGateway({ cataloguePath: await statisticsCatalogue() })
  const representative = { ...person, idType: '10' }
  const event = { ...establishment(1, { legalRepresentative: representative }), id: eventId }
  subject = event.subject
  established = await indexOf(await gateway.post(event, 'commerce'), 201)
  const tax = exampleOf('tax.registered.v1', 'state-tax')
  const data = { ...tax.data, uscc: subject, taxpayerId: subject }
  registered = await indexOf(await gateway.post(cloudEventOf({ ...tax, subject, data }, 'tax-1', new Date()), 'state-tax'), 201)
  refused = await indexOf(await gateway.post({ ...event, id: 'other', colour: 'red' }, 'commerce'), 422)
  for (let n = 10; n < 15; n++) await gateway.post(establishment(n), 'commerce')
  await eventually(async () => {
    for (const bureau of ['commerce', 'state-tax', 'local-tax', 'statistics']) {
      const { records } = await bodyOf(await gateway.get(`/v1/bureaus/${bureau}/records/registration`, bureau))
      if (!Array.isArray(records) || records.length < 6) return false
    }
    return true
  })
})
afterAll(() => gateway.stop())

async function indexOf(response: Response, status: number): Promise<number> {
  const body = await bodyOf(response)
  expect(response.status, JSON.stringify(body)).toBe(status)
  if (typeof body.index !== 'number') throw new Error('no index')
  return body.index
}

const bodyAt = async (path: string, party: string): Promise<JsonObject> => bodyOf(await gateway.get(path, party))

describe('GET /v1/events/{index}', () => {
  const whole = ['index', 'received', 'entry', 'leafHash', 'receipt', 'type', 'fate']

  it.each(['commerce', 'auditor'])('shows %s all of an event, with a receipt that proves it now', async (party) => {
    const body = await bodyAt(`/v1/events/${established}`, party)
    expect(Object.keys(body).sort()).toEqual([...whole].sort())
    expect(body.fate).toEqual({
      commerce: { state: 'applied' },
      'state-tax': { state: 'applied' },
      'local-tax': { state: 'applied' },
      statistics: { state: 'applied' },
    })
    const { receipt } = await gateway.parts.log.prove(established)
    expect(String(body.receipt).split('\n').slice(0, 2)).toEqual(receipt.split('\n').slice(0, 2))
  })

  it('shows a receiver index, type and the fate in its own view alone', async () => {
    expect(await bodyAt(`/v1/events/${established}`, 'local-tax')).toEqual({
      index: established,
      type: 'registration.established.v1',
      fate: { 'local-tax': { state: 'applied' } },
    })
  })

  it('shows an operator the fate and masked data', async () => {
    const body = await bodyAt(`/v1/events/${established}`, 'operator')
    expect(Object.keys(body).sort()).toEqual(['event', 'fate', 'index', 'received'])
    for (const secret of Object.values(person)) expect(JSON.stringify(body)).not.toContain(secret)
    expect(JSON.stringify(body)).toContain(subject)
  })

  it('does not exist for a bureau that receives no such type', async () => {
    expect((await gateway.get(`/v1/events/${registered}`, 'statistics')).status).toBe(404)
  })

  it('shows a refusal to its own sender and to an auditor, and to nobody else', async () => {
    for (const party of ['commerce', 'auditor']) {
      const { entry, fate } = await bodyAt(`/v1/events/${refused}`, party)
      expect(JSON.parse(String(entry))).toMatchObject({ kind: 'refusal', party: 'commerce', problem: 'invalid-event' })
      expect(fate).toBeUndefined()
    }
    for (const party of ['state-tax', 'operator', 'statistics'])
      expect((await gateway.get(`/v1/events/${refused}`, party)).status).toBe(404)
  })

  it('shows what is no event to auditors alone', async () => {
    expect(JSON.parse(String((await bodyAt('/v1/events/0', 'auditor')).entry))).toMatchObject({ kind: 'catalogue' })
    for (const party of ['commerce', 'operator']) {
      expect((await gateway.get('/v1/events/0', party)).status).toBe(404)
      expect((await gateway.get('/v1/events/1', party)).status).toBe(404)
    }
  })

  it.each(['999999', '-1', '01', '1.0', '1e3', '0x1', ' 1', '9007199254740993', '99999999999999999999', 'x'])(
    'has no event at %j',
    async (index) => {
      expect((await gateway.get(`/v1/events/${encodeURIComponent(index)}`, 'auditor')).status).toBe(404)
    },
  )

  it('puts an auditor’s reading on record before the first byte, once for a token', async () => {
    const before = await gateway.parts.log.size()
    const headers = await gateway.authorization('auditor')
    await Promise.all([1, 2, 3].map(() => gateway.request(`/v1/events/${established}`, { headers })))
    expect(await gateway.parts.log.size()).toBe(before + 1)
    const entry = JSON.parse((await gateway.parts.log.entry(before))?.entry ?? '{}')
    expect(entry).toMatchObject({ kind: 'operation', action: 'read-entries', party: 'auditor', claims: { aud: origin } })
    expect(JSON.stringify(entry)).not.toContain(headers.authorization.split('.')[2])
  })
})

describe('GET /v1/events?id=', () => {
  it('finds a sender’s own event, and nobody else’s', async () => {
    expect(await bodyAt(`/v1/events?id=${eventId}`, 'commerce')).toMatchObject({ index: established })
    for (const party of ['state-tax', 'operator', 'auditor'])
      expect((await gateway.get(`/v1/events?id=${eventId}`, party)).status).toBe(404)
    expect((await gateway.get('/v1/events?id=other', 'commerce')).status, 'a refused one').toBe(404)
  })

  it.each(['', '?id=', `?id=${'x'.repeat(129)}`, '?id=a%00b', '?ID=x'])('refuses %j', async (query) => {
    expect(await bodyAt(`/v1/events${query}`, 'commerce')).toMatchObject({ status: 400, code: 'invalid-request' })
  })
})

describe('a view', () => {
  const path = (bureau: string) => `/v1/bureaus/${bureau}/records/registration/${subject}`

  it('is read by its bureau, auditors and operators, and by no other bureau', async () => {
    for (const party of ['state-tax', 'auditor', 'operator'])
      expect((await gateway.get(path('state-tax'), party)).status).toBe(200)
    for (const party of ['commerce', 'local-tax', 'statistics']) {
      expect(await bodyAt(path('state-tax'), party)).toMatchObject({ status: 403, code: 'not-yours' })
      expect((await gateway.get('/v1/bureaus/state-tax/records/registration', party)).status).toBe(403)
    }
  })

  it('shows an operator no particulars of persons, in one record and in a list', async () => {
    for (const address of [path('commerce'), '/v1/bureaus/commerce/records/registration']) {
      const masked = JSON.stringify(await bodyAt(address, 'operator'))
      for (const secret of Object.values(person)) expect(masked).not.toContain(secret)
      expect(JSON.stringify(await bodyAt(address, 'auditor'))).toContain(person.idNumber)
    }
  })

  it('has an office where the bureau has an assignment table, and only there', async () => {
    expect(await bodyAt(path('local-tax'), 'local-tax')).toMatchObject({ office: '西岗税务所' })
    expect(await bodyAt(path('state-tax'), 'state-tax')).not.toHaveProperty('office')
  })

  it('answers 304 to whoever has the record, in each spelling of If-None-Match', async () => {
    const etag = (await gateway.get(path('commerce'), 'commerce')).headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]+"$/)
    for (const value of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const response = await gateway.get(path('commerce'), 'commerce', { 'if-none-match': value })
      expect([response.status, response.headers.get('etag'), await response.text()], value).toEqual([304, etag, ''])
    }
    for (const value of ['"x"', etag.replaceAll('"', '')])
      expect((await gateway.get(path('commerce'), 'commerce', { 'if-none-match': value })).status, value).toBe(200)
    const masked = await gateway.get(path('commerce'), 'operator', { 'if-none-match': etag })
    expect(masked.status, 'a masked record is another').toBe(200)
  })

  it('is not there for an unknown bureau, kind or subject', async () => {
    for (const address of [
      '/v1/bureaus/nobody/records/registration',
      '/v1/bureaus/commerce/records/transfer',
      '/v1/bureaus/commerce/records/constructor',
      '/v1/bureaus/auditor/records/registration',
      '/v1/bureaus/commerce/records/registration/91210200XXXXXXXXXX',
      '/v1/bureaus/commerce/records/registration/%00',
    ])
      expect((await gateway.get(address, 'auditor')).status, address).toBe(404)
  })

  it('is searched page by page, each record once', async () => {
    const seen: unknown[] = []
    let cursor: unknown
    for (let pages = 0; pages < 10; pages++) {
      const query = `limit=2${typeof cursor === 'string' ? `&cursor=${cursor}` : ''}`
      const { records, next } = await bodyAt(`/v1/bureaus/commerce/records/registration?${query}`, 'commerce')
      seen.push(...(Array.isArray(records) ? records.map(({ subject: one }) => one) : []))
      cursor = next
      if (next === undefined) break
    }
    expect(seen).toHaveLength(6)
    expect(seen).toEqual([...new Set(seen)].sort())
  })

  it.each([
    ['name=%E7%AC%AC11%E5%8F%B7', 1],
    ['name=%25', 0],
    ['name=_', 0],
    ['name=', 6],
    ['status=active', 6],
    ['status=cancelled', 0],
    ['jurisdiction=210203', 6],
    ['jurisdiction=2102', 0],
    ['status=active&name=%E7%AC%AC12%E5%8F%B7&jurisdiction=210203', 1],
  ])('is searched by %s', async (query, count) => {
    const { records } = await bodyAt(`/v1/bureaus/commerce/records/registration?${query}`, 'commerce')
    expect(records).toHaveLength(count)
  })

  it.each(['limit=0', 'limit=101', 'limit=x', 'limit=1.5', 'cursor=x', 'cursor=e30', 'name=%00', `name=${'x'.repeat(201)}`])(
    'refuses %s',
    async (query) => {
      const body = await bodyAt(`/v1/bureaus/commerce/records/registration?${query}`, 'commerce')
      expect(body).toMatchObject({ status: 400, code: 'invalid-request' })
    },
  )
})

describe('a token', () => {
  const secured = [
    '/v1/events/1',
    '/v1/events?id=x',
    '/v1/keys',
    '/v1/bureaus/commerce/records/registration',
    '/log/tile/entries/000',
  ]
  const seconds = () => Math.floor(Date.now() / 1000)
  const at = (path: string, authorization: string) => gateway.request(path, { headers: { authorization } })

  it.each(secured)('is needed at %s', async (path) => {
    const response = await gateway.request(path)
    expect(await bodyOf(response)).toMatchObject({ status: 401, code: 'token-invalid' })
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
  })

  it('may follow the scheme in any case, alone', async () => {
    const token = await signAccessToken(gateway.key('commerce'), { audience: origin })
    expect((await at('/v1/keys', `bearer ${token}`)).status).toBe(200)
    for (const wrong of [
      token,
      `Basic ${token}`,
      `Bearer`,
      `Bearer ${token} x`,
      `Bearer  ${token}`,
      `Bearer ${token}=`,
      'Bearer a.b',
      'Bearer ..',
    ])
      expect((await at('/v1/keys', wrong)).status, wrong.slice(0, 12)).toBe(401)
  })

  it.each([
    ['for another exchange', { audience: 'localhost/another' }],
    ['from an hour ago', { audience: origin, now: new Date(Date.now() - 3_600_000) }],
    ['from the future', { audience: origin, now: new Date(Date.now() + 120_000) }],
    ['for longer than five minutes', { audience: origin, lifetimeSeconds: 301 }],
    ['that ends before it begins', { audience: origin, lifetimeSeconds: -1 }],
  ])('%s is refused', async (_, claims) => {
    expect((await at('/v1/keys', `Bearer ${await signAccessToken(gateway.key('commerce'), claims)}`)).status).toBe(401)
  })

  it('of a stranger, or an event in its place, is refused', async () => {
    const stranger = await newKey('ES256', gateway.key('commerce').kid)
    expect((await at('/v1/keys', `Bearer ${await signAccessToken(stranger, { audience: origin })}`)).status).toBe(401)
    const event = await signEvent(gateway.key('commerce'), { aud: origin, iat: seconds(), exp: seconds() + 60 })
    expect((await at('/v1/keys', `Bearer ${event}`)).status).toBe(401)
  })
})
