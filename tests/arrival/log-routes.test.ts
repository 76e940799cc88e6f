import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signEvent } from '../../src/identity/sign.ts'
import type { Appended } from '../../src/log/appendable.ts'
import { openCheckpoint } from '../../src/log/checkpoint.ts'
import { leafHash } from '../../src/log/merkle.ts'
import { decodeBundle } from '../../src/log/tile.ts'
import { establishment, type Gateway, openGateway } from '../support/gateway.ts'

let gateway: Gateway
let size: number
const leaves: Buffer[] = []

beforeAll(async () => {
  gateway = await openGateway({ consume: false })
  await Promise.all(
    Array.from({ length: 300 }, async (_, n) => gateway.send(await signEvent(gateway.key('commerce'), establishment(n)))),
  )
  size = await gateway.parts.log.size()
  for (let i = 0; i < size; i++) leaves.push(leafHash((await gateway.parts.log.entry(i))?.entry ?? ''))
})
afterAll(() => gateway.stop())

const bytesAt = async (path: string, party?: string) => Buffer.from(await (await gateway.get(path, party)).arrayBuffer())

describe('what everybody may read', () => {
  it('a checkpoint that covers all that was answered, never from a cache', async () => {
    const response = await gateway.get('/log/checkpoint')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    expect(openCheckpoint(await response.text(), gateway.logKey.verifier).size).toBe(size)
    expect(await (await gateway.get('/log/vkey')).text()).toBe(`${gateway.logKey.vkey}\n`)
  })

  it('tiles of every width that the log has, each 32 bytes for each leaf, the same for ever', async () => {
    const full = await gateway.get('/log/tile/0/000')
    expect(full.headers.get('content-type')).toBe('application/octet-stream')
    expect(full.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(Buffer.from(await full.arrayBuffer())).toEqual(Buffer.concat(leaves.slice(0, 256)))
    for (const width of [1, 2, 3, 127, 128, 255])
      expect(await bytesAt(`/log/tile/0/000.p/${width}`), String(width)).toEqual(Buffer.concat(leaves.slice(0, width)))
    for (let width = 1; width <= size - 256; width++)
      expect(await bytesAt(`/log/tile/0/001.p/${width}`), String(width)).toEqual(Buffer.concat(leaves.slice(256, 256 + width)))
    expect(await bytesAt('/log/tile/1/000.p/1')).toHaveLength(32)
  })

  it.each([
    [
      'beyond the size',
      ['0/002', '0/001', '1/000', '1/000.p/2', '2/000.p/1', '6/000.p/1', '0/x001/000', '0/x999/x999/x999/x999/999'],
    ],
    [
      'spelt otherwise',
      [
        '0/0',
        '0/00',
        '0/0000',
        '0/000/',
        '0//000',
        '00/000',
        '7/000',
        '0/000.p/',
        '0/000.p/0',
        '0/000.p/256',
        '0/000.p/01',
        '0/000.p/1/',
        '0/x000/000',
        '0/001.p/1x',
        '-1/000',
        'data/000',
        '0/000.P/1',
        '0',
        '',
      ],
    ],
  ])('no tile %s, and that answer is kept by no cache', async (_, paths) => {
    for (const path of paths) {
      const response = await gateway.get(`/log/tile/${path}`)
      expect(response.status, path).toBe(404)
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
    const response = await gateway.get(`/log/tile/0/001.p/${size - 256 + 1}`)
    expect(response.status).toBe(404)
  })
})

describe('what only auditors may read', () => {
  it('entries, as they were hashed', async () => {
    const entries = [
      ...decodeBundle(await bytesAt('/log/tile/entries/000', 'auditor'), 256),
      ...decodeBundle(await bytesAt(`/log/tile/entries/001.p/${size - 256}`, 'auditor'), size - 256),
    ]
    expect(entries.map((entry) => leafHash(entry))).toEqual(leaves)
    const some = await gateway.get('/log/tile/entries/000.p/7', 'auditor')
    expect(some.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
    expect(some.headers.get('vary')).toContain('authorization')
  })

  it('the catalogue’s files, by digest', async () => {
    const catalogue = JSON.parse((await gateway.parts.log.entry(0))?.entry ?? '{}')
    for (const digest of Object.values<string>(catalogue.files)) {
      const content = await bytesAt(`/log/blob/${digest}`, 'auditor')
      expect(createHash('sha256').update(content).digest('hex')).toBe(digest)
    }
    for (const wrong of ['0'.repeat(64), 'catalogue.json', '', 'A'.repeat(64)])
      expect((await gateway.get(`/log/blob/${wrong}`, 'auditor')).status, wrong).toBe(404)
  })

  it('is 401 without a token and 403 for others, whether it is there or not', async () => {
    for (const path of ['/log/tile/entries/000', '/log/tile/entries/999', `/log/blob/${'0'.repeat(64)}`]) {
      expect((await gateway.get(path)).status, path).toBe(401)
      for (const party of ['commerce', 'operator']) expect((await gateway.get(path, party)).status, path).toBe(403)
    }
    expect((await gateway.get('/log/tile/entries/999', 'auditor')).status).toBe(404)
  })

  it('is put on record once for a token, before the first byte; what is refused is not', async () => {
    const before = await gateway.parts.log.size()
    await gateway.get('/log/tile/entries/000', 'commerce')
    await gateway.get('/log/tile/entries/999', 'auditor')
    expect(await gateway.parts.log.size()).toBe(before)
    const headers = await gateway.authorization('auditor')
    const read = () => gateway.request('/log/tile/entries/000.p/5', { headers })
    await Promise.all([read(), read(), read()])
    expect(await gateway.parts.log.size()).toBe(before + 1)
    // another gateway, or this one after a restart, remembers nothing but asks the log
    gateway.parts.readings.clear()
    await read()
    expect(await gateway.parts.log.size()).toBe(before + 1)
    await gateway.get('/log/tile/entries/000.p/5', 'auditor')
    expect(await gateway.parts.log.size(), 'another token is another reading').toBe(before + 2)
  })

  it.each([
    ['failed', () => Promise.reject(new Error('not durable'))],
    ['was refused', () => Promise.resolve(notStorable)],
  ] as const)('is not answered, first or later, when putting it on record %s', async (_, append) => {
    const failing = await openGateway({ beside: gateway, consume: false, parts: { append } })
    try {
      const headers = await failing.authorization('auditor')
      for (const _time of ['first', 'later'])
        expect((await failing.request('/log/tile/entries/000', { headers })).status).toBe(500)
    } finally {
      await failing.stop()
    }
  })
})

const notStorable: Appended = {
  outcome: 'refused',
  refusal: { code: 'invalid-event', detail: { en: 'the database cannot hold it', zh: '数据库无法保存' } },
  index: undefined,
}
