import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogueDigests, readCatalogueFiles } from '../../src/catalogue/load.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { payloadOfLogged } from '../../src/identity/compact.ts'
import { registerKey, revokeKey } from '../../src/identity/key-request.ts'
import { signOperation } from '../../src/identity/operation-request.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { signEvent } from '../../src/identity/sign.ts'
import { openCheckpoint } from '../../src/log/checkpoint.ts'
import { keyHistory } from '../../src/log/key-history.ts'
import { leafHash, verifyConsistency } from '../../src/log/merkle.ts'
import { verifyReceipt } from '../../src/log/receipt.ts'
import { rootFromTiles } from '../../src/log/tile-proofs.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'
import { cloudEventOf } from '../support/examples.ts'
import { bodyOf, establishment, exampleOf, type Gateway, openGateway, origin } from '../support/gateway.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

let gateway: Gateway
let second: SigningKey
const revoked = { at: 0, by: 'operator', reason: 'the key box was stolen', compromisedSince: '2026-11-23T08:00:00Z' }
let rotated = 0
let applied = 0

/** One auditor's token for many requests: only its first is put on record. */
let auditor: { authorization: string }
const get = (path: string) => gateway.request(path, { headers: auditor })

beforeAll(async () => {
  gateway = await openGateway({ consume: false })
  const post = async (event: JsonObject, party: string, status: number, key = gateway.key(party)) => {
    const response = await gateway.send(await signEvent(key, event))
    expect(response.status, await response.clone().text()).toBe(status)
  }
  for (let n = 0; n < 12; n++) await post(establishment(n), 'commerce', 201)
  const tax = exampleOf('tax.registered.v1', 'state-tax')
  for (let n = 0; n < 8; n++) {
    const { subject } = establishment(n)
    const data = { ...tax.data, uscc: subject, taxpayerId: subject }
    await post(cloudEventOf({ ...tax, subject, data }, `tax-${n}`, new Date()), 'state-tax', 201)
  }
  for (let n = 0; n < 5; n++) await post(establishment(n), 'commerce', 409)
  for (let n = 20; n < 24; n++) await post({ ...establishment(n), colour: 'red' }, 'commerce', 422)
  await post({ ...establishment(30), type: 'registration.unheard-of.v1' }, 'commerce', 422)
  const unknown = establishment(40).subject
  await post(
    cloudEventOf(
      { ...tax, subject: unknown, data: { ...tax.data, uscc: unknown, taxpayerId: unknown } },
      'tax-early',
      new Date(),
    ),
    'state-tax',
    409,
  )

  // a second key, both in force for a while, then the first revoked by the operator
  second = await importSigningKey(await generateKey('EdDSA'))
  rotated = await sendKey(await registerKey(second, gateway.key('commerce'), { party: 'commerce', log: origin }))
  for (let n = 50; n < 53; n++) await post(establishment(n), 'commerce', 201, second)
  for (let n = 60; n < 62; n++) await post(establishment(n), 'commerce', 201)
  const { by, reason, compromisedSince } = revoked
  const revocation = { party: 'commerce', kid: gateway.key('commerce').kid, reason, compromisedSince, log: origin }
  revoked.at = await sendKey(await revokeKey(gateway.key(by), revocation))
  for (let n = 70; n < 74; n++) await post(establishment(n), 'commerce', 201, second)

  applied = await applyCatalogue(await readCatalogueFiles(await statisticsCatalogue()), 'statistics joins')
  for (let n = 0; n < 3; n++) expect((await gateway.get('/v1/log/catalogues', 'auditor')).status).toBe(200)
  auditor = await gateway.authorization('auditor')
  expect((await get('/v1/log/catalogues')).status).toBe(200)
}, 60_000)
afterAll(() => gateway?.stop())

async function sendKey({ proof }: { proof: string }): Promise<number> {
  const headers = { 'content-type': 'application/jose' }
  const response = await gateway.request('/v1/keys', { method: 'POST', headers, body: proof })
  expect(response.status, await response.clone().text()).toBe(201)
  return numberOf((await bodyOf(response)).index)
}

async function applyCatalogue(files: ReadonlyMap<string, string>, reason: string): Promise<number> {
  const details = { files: catalogueDigests(files) }
  const request = await signOperation(gateway.key('operator'), { action: 'apply-catalogue', reason, log: origin, details })
  const body = JSON.stringify({ request, files: Object.fromEntries(files) })
  const headers = { 'content-type': 'application/json' }
  const response = await gateway.request('/v1/operations/catalogue', { method: 'POST', headers, body })
  expect(response.status).toBe(201)
  return numberOf((await bodyOf(response)).index)
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number') throw new Error(`no number: ${JSON.stringify(value)}`)
  return value
}

function objectsOf(value: unknown): JsonObject[] {
  if (!Array.isArray(value)) throw new Error(`no list: ${JSON.stringify(value)}`)
  return value.map((one) => {
    if (!isJsonObject(one)) throw new Error(`no object: ${JSON.stringify(one)}`)
    return one
  })
}

const address = (filter: Readonly<Record<string, string | number>>) =>
  `/v1/log/entries?${new URLSearchParams(Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]))}`

/** Every entry that a search finds, page by page; `between` is done before each further page. */
async function walk(
  filter: Readonly<Record<string, string | number>>,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<JsonObject[]> {
  const found: JsonObject[] = []
  let page = await bodyOf(await get(address(filter)))
  for (;;) {
    const entries = objectsOf(page.entries)
    found.push(...entries)
    if (typeof page.next !== 'string') return found
    expect(entries).toHaveLength(Number(filter.limit ?? 100))
    await between()
    page = await bodyOf(await get(address({ ...filter, after: page.next })))
  }
}

interface Known {
  readonly index: number
  readonly kind: string
  readonly received: string
  readonly party?: string | undefined
  readonly type?: string | undefined
  readonly subject?: string | undefined
  readonly problem?: string | undefined
  readonly entry: string
}

/** The whole log, told by the entries' own bytes alone. */
async function wholeLog(): Promise<readonly Known[]> {
  const size = await gateway.parts.log.size()
  const kids = new Map<string, string>()
  const all: Known[] = []
  for (let index = 0; index < size; index++) {
    const entry = (await gateway.parts.log.entry(index))?.entry ?? ''
    const { kind, received, jws, party, kid, type, problem, request } = JSON.parse(entry)
    if (kind === 'key') kids.set(kid, party)
    const payload = kind === 'event' ? payloadOfLogged(jws) : {}
    const about = {
      type: kind === 'event' ? String(payload.type) : type,
      subject: payload.subject ? String(payload.subject) : undefined,
    }
    const sender =
      kind === 'event' ? String(payload.source).replace('/bureaus/', '') : kind === 'catalogue' && request ? 'operator' : party
    all.push({ index, kind, received, party: sender, ...about, problem, entry })
  }
  return all
}

const paths = () => [
  '/v1/log/entries',
  '/v1/log/entries?kind=nonsense',
  '/v1/log/entries/0',
  '/v1/log/entries/999999',
  '/v1/log/consistency?from=1&to=2',
  '/v1/log/parties/commerce/keys',
  '/v1/log/parties/nobody/keys',
  '/v1/log/catalogues',
]

describe('reading the log as an auditor', () => {
  it('is 401 without a token and 403 for everybody else, whatever is asked for, and nothing is put on record', async () => {
    const before = await gateway.parts.log.size()
    for (const path of paths()) {
      expect((await gateway.get(path)).status, path).toBe(401)
      for (const party of ['state-tax', 'operator']) {
        const response = await gateway.get(path, party)
        expect(response.status, path).toBe(403)
        expect(await bodyOf(response)).toMatchObject({ code: 'not-yours' })
      }
    }
    expect(await gateway.parts.log.size()).toBe(before)
  })

  it('is put on record once for a token, before the first byte; what is refused is not', async () => {
    for (const path of paths()) {
      const before = await gateway.parts.log.size()
      const headers = await gateway.authorization('auditor')
      const answers = await Promise.all([1, 2, 3].map(() => gateway.request(path, { headers })))
      const good = answers.every(({ status }) => status === 200)
      expect(await gateway.parts.log.size(), path).toBe(before + (good ? 1 : 0))
      if (!good) continue
      const { kind, action, party, claims } = JSON.parse((await gateway.parts.log.entry(before))?.entry ?? '{}')
      expect({ kind, action, party }).toEqual({ kind: 'operation', action: 'read-entries', party: 'auditor' })
      expect(claims.aud).toBe(origin)
    }
  })

  it('is not answered when it could not be put on record', async () => {
    const append = () => Promise.reject(new Error('not durable'))
    const failing = await openGateway({ beside: gateway, consume: false, parts: { append } })
    try {
      for (const path of ['/v1/log/entries', '/v1/log/entries/0', '/v1/log/parties/commerce/keys', '/v1/log/catalogues'])
        expect((await failing.get(path, 'auditor')).status, path).toBe(500)
    } finally {
      await failing.stop()
    }
  })

  it('is kept by no cache', async () => {
    for (const path of ['/v1/log/entries', '/v1/log/entries/0', '/v1/log/catalogues'])
      expect((await get(path)).headers.get('cache-control')).toBe('private, no-store')
  })
})

describe('a search of entries', () => {
  const indexesWhere = (all: readonly Known[], fits: (one: Known) => boolean) => all.filter(fits).map(({ index }) => index)
  const indexesOf = async (filter: Record<string, string>) => (await walk(filter)).map(({ index }) => index)

  it('finds exactly what the entries themselves say, by every filter alone and any two together', async () => {
    const all = await wholeLog()
    const subject = establishment(3).subject
    const filters: readonly (readonly [Record<string, string>, (one: Known) => boolean])[] = [
      ...['event', 'refusal', 'key', 'catalogue', 'operation'].map(
        (kind) => [{ kind }, (one: Known) => one.kind === kind] as const,
      ),
      ...['commerce', 'state-tax', 'operator', 'auditor', 'local-tax', 'nobody'].map(
        (party) => [{ party }, (one: Known) => one.party === party] as const,
      ),
      ...['registration.established.v1', 'tax.registered.v1', 'registration.unheard-of.v1', 'none'].map(
        (type) => [{ type }, (one: Known) => one.type === type] as const,
      ),
      ...['already-established', 'invalid-event', 'unknown-type', 'unknown-subject', 'overloaded'].map(
        (code) => [{ code }, (one: Known) => one.problem === code] as const,
      ),
      [{ subject }, (one) => one.subject === subject],
      [{ subject, subjectKind: 'registration' }, (one) => one.subject === subject],
      [{ subject, subjectKind: 'transit' }, () => false],
      [{ subject: 'nothing' }, () => false],
      ...[
        ...all.filter(({ kind }) => kind === 'refusal').slice(0, 2),
        ...all.filter(({ kind }) => kind === 'operation').slice(0, 1),
      ]
        .map((one) => String(JSON.parse(one.entry).digest))
        .map((digest) => [{ digest }, (one: Known) => JSON.parse(one.entry).digest === digest] as const),
      [{ digest: '0'.repeat(64) }, () => false],
    ]
    let found = 0
    for (const [i, [a, fitsA]] of filters.entries())
      for (const [b, fitsB] of filters.slice(i)) {
        // two values of one parameter can't both be asked for
        if (a !== b && Object.keys(a).some((name) => name in b)) continue
        const expected = indexesWhere(all, (one) => fitsA(one) && fitsB(one))
        expect(await indexesOf({ ...a, ...b }), JSON.stringify({ ...a, ...b })).toEqual(expected)
        found += expected.length
      }
    expect(found).toBeGreaterThan(200)
  }, 60_000)

  it('answers by the SHA-256 of a JWS whether it was refused, and why; one that was accepted was not', async () => {
    const refused = await signEvent(second, { ...establishment(90), colour: 'green' })
    const taken = await signEvent(second, establishment(90))
    expect((await gateway.send(refused)).status).toBe(422)
    expect((await gateway.send(taken)).status).toBe(201)
    const [found, ...more] = await walk({ digest: hash('sha256', refused) })
    expect(found).toMatchObject({ kind: 'refusal', party: 'commerce', problem: 'invalid-event' })
    expect(more).toEqual([])
    for (const other of [taken, refused.slice(0, -1)]) expect(await walk({ digest: hash('sha256', other) })).toEqual([])
    // what the log keeps of an accepted event beside its entry is no digest that anybody asks for
    const [payload] = await gateway.database.raw<{ digest: string }[]>`
      select encode(digest, 'hex') as digest from log.entries where kind = 'event' order by index desc limit 1`
    expect(await walk({ digest: payload?.digest ?? '' })).toEqual([])
    for (const wrong of ['abc', hash('sha256', refused).toUpperCase(), `${hash('sha256', refused)}0`]) {
      const answer = await get(address({ digest: wrong }))
      expect(await bodyOf(answer)).toMatchObject({ status: 400, detail: 'digest must be a SHA-256 in 64 lowercase hex digits' })
    }
  })

  it('shows of each entry its place, its bytes and what it is about', async () => {
    const shown = await walk({ limit: 7 })
    const all = await wholeLog()
    expect(shown.map(({ subjectKind, ...one }) => one)).toEqual(all.map((one) => JSON.parse(JSON.stringify(one))))
    const events = shown.filter(({ kind }) => kind === 'event')
    expect(new Set(events.map(({ subjectKind }) => subjectKind))).toEqual(new Set(['registration']))
  })

  it('by time takes the first moment in and the last one out, to the millisecond and in any zone', async () => {
    const all = await wholeLog()
    for (const { received } of [0, 5, 17, all.length - 1].flatMap((index) => all[index] ?? [])) {
      const moment = new Date(received)
      const china = new Date(moment.getTime() + 8 * 3_600_000).toISOString().replace('Z', '+08:00')
      const later = new Date(moment.getTime() + 1).toISOString()
      for (const text of [received, china, received.replace('Z', '000z')]) {
        expect(await indexesOf({ from: text })).toEqual(indexesWhere(all, (one) => one.received >= received))
        expect(await indexesOf({ to: text })).toEqual(indexesWhere(all, (one) => one.received < received))
      }
      expect(await indexesOf({ from: received, to: later })).toEqual(indexesWhere(all, (one) => one.received === received))
      expect(await indexesOf({ from: received.replace('Z', '1Z') })).toEqual(indexesWhere(all, (one) => one.received > received))
      expect(await indexesOf({ from: received, kind: 'refusal' })).toEqual(
        indexesWhere(all, (one) => one.received >= received && one.kind === 'refusal'),
      )
    }
    expect(await indexesOf({ from: '2999-01-01T00:00:00Z' })).toEqual([])
    expect(await indexesOf({ to: '1999-01-01T00:00:00Z' })).toEqual([])
  })

  it.each([1, 3, 100])(
    'in pages of %i leaves nothing out and shows nothing twice while entries are appended',
    async (limit) => {
      let n = 1000 * limit
      const append = () =>
        Promise.all(
          [1, 2, 3].map(async () => expect((await gateway.send(await signEvent(second, establishment(n++)))).status).toBe(201)),
        )
      let appends = 0
      const indexes = (
        await walk({ party: 'commerce', kind: 'event', limit }, async () => {
          if (appends++ < 4) await append()
        })
      ).map(({ index }) => numberOf(index))
      const all = await wholeLog()
      expect(indexes).toEqual(indexesWhere(all, (one) => one.party === 'commerce' && one.kind === 'event'))
    },
    60_000,
  )

  it('ends without a cursor exactly at the last entry', async () => {
    const keys = await walk({ kind: 'key' })
    const page = await bodyOf(await get(address({ kind: 'key', limit: keys.length })))
    expect(page.next).toBeUndefined()
    expect((await bodyOf(await get(address({ kind: 'key', limit: keys.length - 1 })))).next).toBeTypeOf('string')
  })

  it.each([
    ['kind', 'events'],
    ['party', 'Commerce'],
    ['party', 'x'.repeat(32)],
    ['type', 'x'.repeat(257)],
    ['type', 'a\0b'],
    ['subject', 'x'.repeat(65)],
    ['subject', '\0'],
    ['subjectKind', 'registration'],
    ['code', 'no-such-code'],
    ['code', 'toString'],
    ['from', 'yesterday'],
    ['from', '2026-11-23'],
    ['from', '2026-11-23T08:00:00'],
    ['from', '2026-11-23T08:00:00 08:00'],
    ['to', '2026-02-30T08:00:00Z'],
    ['to', '2026-11-23T25:00:00Z'],
    ['from', '0000-06-01T00:00:00Z'],
    ['to', '9999-12-31T23:59:59-00:01'],
    ['to', '9999999'],
    ['after', 'AAAA'],
    ['after', 'YWZ0ZXIgLTE'],
    ['after', '\0'],
    ['limit', '0'],
    ['limit', '101'],
    ['limit', '-1'],
    ['limit', '1e1'],
  ])('with %s=%j is refused by name, in both languages', async (name, value) => {
    for (const language of ['en', 'zh']) {
      const headers = { ...auditor, 'accept-language': language }
      const response = await gateway.request(address({ [name]: value }), { headers })
      const body = await bodyOf(response)
      expect([response.status, body.code]).toEqual([400, 'invalid-request'])
      expect(body.detail).toMatch(new RegExp(`^${name} `))
      if (language === 'zh') expect(body.detail).toMatch(/\p{Script=Han}/u)
    }
  })

  it('that ends before it begins is refused', async () => {
    const response = await get(address({ from: '2026-11-23T08:00:00Z', to: '2026-11-23T07:59:59Z' }))
    expect(await bodyOf(response)).toMatchObject({ status: 400, detail: expect.stringContaining('to must be') })
  })

  it('takes an empty parameter for one that is left out', async () => {
    const names = ['kind', 'party', 'type', 'subject', 'subjectKind', 'code', 'from', 'to', 'after', 'limit']
    const page = await bodyOf(await get(address(Object.fromEntries(names.map((name) => [name, ''])))))
    expect(objectsOf(page.entries)[0]).toMatchObject({ index: 0, kind: 'catalogue' })
  })
})

describe('one entry', () => {
  it('of any kind comes with a receipt that verifies', async () => {
    const all = await wholeLog()
    for (const kind of ['event', 'refusal', 'key', 'catalogue', 'operation']) {
      const known = all.find((one) => one.kind === kind)
      const body = await bodyOf(await get(`/v1/log/entries/${known?.index}`))
      expect(body).toMatchObject({ index: known?.index, kind, entry: known?.entry, received: known?.received })
      expect(body.leafHash).toBe(leafHash(known?.entry ?? '').toString('base64'))
      const proved = verifyReceipt(String(body.receipt), String(body.entry), gateway.logKey.vkey)
      expect(proved.index).toBe(known?.index)
      expect(proved.size).toBeGreaterThanOrEqual(all.length)
    }
  })

  it.each(['-1', '01', '1.5', '1e3', 'x', '999999999999999', '1000000000000000', '%00'])('%s is not there', async (index) => {
    expect((await get(`/v1/log/entries/${index}`)).status).toBe(404)
  })
})

describe('a consistency proof', () => {
  it('shows that the log of one size begins with that of another', async () => {
    const { size, root } = openCheckpoint(await gateway.parts.log.checkpoint(), gateway.logKey.verifier)
    const read = async (level: number, n: number, width: number) =>
      (await gateway.parts.log.tile(level, n, width)) ?? Buffer.alloc(0)
    for (const from of [1, 2, 3, 7, 8, 31, size - 1, size]) {
      const body = await bodyOf(await get(`/v1/log/consistency?from=${from}&to=${size}`))
      expect(body).toMatchObject({ from, to: size })
      const proof = Array.isArray(body.proof) ? body.proof.map((hash) => Buffer.from(String(hash), 'base64')) : []
      expect(verifyConsistency(from, size, await rootFromTiles(from, read), root, proof), String(from)).toBe(true)
    }
    expect((await bodyOf(await get('/v1/log/consistency?from=1'))).to).toBe(await gateway.parts.log.size())
  })

  it.each([
    ['', 'from'],
    ['?from=x', 'from'],
    ['?from=-1', 'from'],
    ['?from=3&to=2', 'from'],
    ['?from=1&to=99999999', 'to'],
    ['?from=1&to=1.0', 'to'],
  ])('for %s is refused by name', async (query, name) => {
    const response = await get(`/v1/log/consistency${query}`)
    expect(response.status).toBe(400)
    expect((await bodyOf(response)).detail).toMatch(new RegExp(`^${name} `))
  })
})

describe('the history of a party’s keys', () => {
  it('tells of a rotation and a revocation: who vouched, who revoked, why, and what each signed', async () => {
    const first = gateway.key('commerce')
    const { party, keys } = await bodyOf(await get('/v1/log/parties/commerce/keys'))
    expect(party).toBe('commerce')
    const [one, two, ...none] = objectsOf(keys)
    expect(none).toEqual([])
    const operator = { party: 'operator', kid: gateway.key('operator').kid }
    const all = await wholeLog()
    const entryAt = (index: unknown) => all.find((entry) => entry.index === index)
    expect(one).toMatchObject({
      kid: first.kid,
      algorithm: 'ES256',
      thumbprint: first.publicKey.thumbprint,
      registered: { vouchedBy: operator },
      revoked: {
        index: revoked.at,
        received: entryAt(revoked.at)?.received,
        revokedBy: operator,
        reason: revoked.reason,
        compromisedSince: revoked.compromisedSince,
      },
    })
    expect(two).toMatchObject({
      kid: second.kid,
      algorithm: 'EdDSA',
      registered: { index: rotated, received: entryAt(rotated)?.received, vouchedBy: { party: 'commerce', kid: first.kid } },
    })
    expect(two?.revoked).toBeUndefined()
    const signedBy = (kid: string) =>
      all.filter(({ kind, entry }) => {
        if (kind !== 'event') return false
        const [header = ''] = String(JSON.parse(entry).jws).split('.')
        return JSON.parse(Buffer.from(header, 'base64url').toString()).kid === kid
      }).length
    expect(one?.signed).toEqual({ atLeast: signedBy(first.kid), atMost: signedBy(first.kid) })
    expect(signedBy(first.kid)).toBe(14)
    expect(two?.signed).toEqual({ atLeast: signedBy(second.kid), atMost: signedBy(second.kid) })
  })

  it('bounds what it reads to tell apart keys that were in force at once, and says how much is uncertain', async () => {
    const signed = async (most: number) =>
      (await keyHistory(gateway.database.raw, 'commerce', most)).map(({ signed: { atLeast, atMost } }) => [atLeast, atMost])
    const [[first] = [], [second] = []] = await signed(5)
    // five were signed while both were in force: three by the second key, two by the first
    expect(await signed(4)).toEqual([
      [Number(first) - 2, Number(first) + 3],
      [Number(second) - 3, Number(second) + 2],
    ])
  })

  it('is there for the first key, which vouches for itself, and for a key that signed nothing', async () => {
    const { keys } = await bodyOf(await get('/v1/log/parties/operator/keys'))
    const { kid } = gateway.key('operator')
    expect(objectsOf(keys)).toMatchObject([
      { kid, registered: { index: 1, vouchedBy: { party: 'operator', kid } }, signed: { atLeast: 0, atMost: 0 } },
    ])
  })

  it('is empty for a party without a key, and 404 for one that never was', async () => {
    expect(await bodyOf(await get('/v1/log/parties/statistics/keys'))).toEqual({ party: 'statistics', keys: [] })
    for (const party of ['nobody', 'Commerce', '%00', 'toString'])
      expect((await get(`/v1/log/parties/${party}/keys`)).status).toBe(404)
  })
})

describe('the history of catalogues', () => {
  it('says of each who applied it and why, and what it changed', async () => {
    const { catalogues } = await bodyOf(await get('/v1/log/catalogues'))
    const [first, second] = objectsOf(catalogues)
    const shipped = await readCatalogueFiles(shippedCatalogue)
    expect(first).toMatchObject({ index: 0, files: catalogueDigests(shipped) })
    expect(Object.keys(first ?? {}).filter((name) => ['appliedBy', 'reason', 'difference'].includes(name))).toEqual([])
    const none = { added: [], removed: [], changed: [] }
    expect(second).toMatchObject({
      index: applied,
      appliedBy: { party: 'operator', kid: gateway.key('operator').kid },
      reason: 'statistics joins',
      difference: {
        files: { added: ['offices.json', 'statistics-record.json'], removed: [], changed: ['catalogue.json'] },
        parties: { added: ['statistics'], removed: [], changed: ['local-tax'] },
        kinds: none,
        settings: none,
      },
    })
    expect(JSON.stringify(second?.difference)).toContain('"registration.changed.v1"')
  })

  it('comes in pages, each compared with the one before, and tells of what is taken away again', async () => {
    const index = await applyCatalogue(await readCatalogueFiles(shippedCatalogue), 'statistics leaves')
    const all: JsonObject[] = []
    for (let after = ''; ; ) {
      const page = await bodyOf(await get(`/v1/log/catalogues?limit=1&after=${after}`))
      all.push(...objectsOf(page.catalogues))
      if (typeof page.next !== 'string') break
      after = page.next
    }
    expect(all.map((one) => one.index)).toEqual([0, applied, index])
    expect(all[2]).toMatchObject({
      reason: 'statistics leaves',
      difference: {
        files: { added: [], removed: ['offices.json', 'statistics-record.json'], changed: ['catalogue.json'] },
        parties: { added: [], removed: ['statistics'], changed: ['local-tax'] },
      },
    })
    for (const query of ['limit=0', 'limit=101', 'after=x']) expect((await get(`/v1/log/catalogues?${query}`)).status).toBe(400)
  })
})
