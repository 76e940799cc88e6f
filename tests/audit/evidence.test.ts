import { execFile } from 'node:child_process'
import { constants, generateKeyPairSync, sign } from 'node:crypto'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectWithinBounds } from '../../src/audit/evidence/bounds.ts'
import { writeZip } from '../../src/audit/evidence/write-evidence.ts'
import { nameOf } from '../../src/audit/export/subject-index.ts'
import { openZip } from '../../src/audit/zip-reading.ts'
import { audit } from '../support/audit-command.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'
import { type StaticLog, serveStatic } from '../support/static-log.ts'
import { filesOf, newFolder } from './log-prefix.ts'
import { commandsOf, unpacked, unzipped, verifiedByHand } from './verify-by-hand.ts'

const run = promisify(execFile)
const p1363 = { dsaEncoding: 'ieee-p1363' } as const
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
let made: MadeLog
let exported: string
let subject: string
let file: string
let server: StaticLog
/** what each entry of the log is found by */
let names: readonly (string | undefined)[]

beforeAll(async () => {
  made = await makeLog({ events: 1500, subjects: 150, keepEntries: true })
  names = made.entries.map((entry) => nameOf(Buffer.from(entry)))
  exported = await newFolder()
  expect(await audit('export', made.dir, '--out', exported, '--vkey', made.vkey)).toMatchObject({ code: 0, stderr: '' })
  server = await serveStatic(made.dir)
  // one that has events under both catalogues and both keys of commerce
  subject = made.subjects.toSorted((a, b) => eventsOf(b).length - eventsOf(a).length)[0] ?? ''
  file = join(await newFolder(), 'evidence.zip')
  expect(await evidence('--from', exported, '--out', file)).toMatchObject({ code: 0, stderr: '' })
})
afterAll(() => server.stop())

const evidence = (...args: string[]) => audit('evidence', '--subject', subject, '--vkey', made.vkey, ...args)
const checked = (path: string, vkey = made.vkey) => audit('evidence', '--check', path, '--vkey', vkey)
const eventsOf = (code: string) => names.flatMap((name, index) => (name === `subject:${code}` ? [index] : []))

/** Answers the exchange's search from the made log, in pages of three. */
function searchOf(path: string) {
  const url = new URL(path, server.url)
  if (url.pathname !== '/v1/log/entries') return undefined
  const [wanted] = [...url.searchParams].map(([by, value]) => `${by}:${value}`)
  const after = Number(url.searchParams.get('after') ?? -1)
  const found = made.entries.flatMap((entry, index) => (names[index] === wanted && index > after ? [{ index, entry }] : []))
  const entries = found.slice(0, 3)
  return { status: 200, body: JSON.stringify({ entries, ...(found.length > 3 ? { next: String(entries.at(-1)?.index) } : {}) }) }
}

describe('evidence', () => {
  it('holds every event about the subject, all keys and rules, and is good', async () => {
    const files = await unzipped(file)
    const numbers = [...files.keys()].filter((name) => /^events\/.*entry$/.test(name)).map((name) => Number(name.slice(7, 19)))
    expect(numbers).toEqual(eventsOf(subject))
    for (const index of numbers)
      expect(files.get(`events/${String(index).padStart(12, '0')}.entry`)?.toString()).toBe(made.entries[index])
    const ran = await checked(file)
    expect(ran).toMatchObject({ code: 0 })
    expect(ran.stdout).toContain(`${numbers.length} events about ${subject}`)
  })

  it('has no byte of any other subject in it', async () => {
    const all = Buffer.concat([...(await unzipped(file)).values()])
    const text = all.toString('latin1')
    expect(text).toContain(subject)
    for (const other of made.subjects) if (other !== subject) expect(text.includes(other), other).toBe(false)
    // nor in what is signed
    for (const [index, entry] of made.entries.entries()) {
      const name = names[index]
      if (!name?.startsWith('subject:') || name === `subject:${subject}`) continue
      expect(
        text.includes(JSON.parse(entry).jws.split('.')[1].slice(200, 260)) && !samePayloadPart(index),
        `entry ${index}`,
      ).toBe(false)
    }
  })

  const samePayloadPart = (index: number) => {
    const part = JSON.parse(made.entries[index] ?? '{}')
      .jws.split('.')[1]
      .slice(200, 260)
    return eventsOf(subject).some((own) => JSON.parse(made.entries[own] ?? '{}').jws.includes(part))
  }

  it('is the same from the index of an export, from its bundles alone, and from an exchange’s search', async () => {
    const expected = await unzipped(file)
    const folder = await newFolder()
    for (const [name, from] of [
      ['made', made.dir],
      ['static', server.url],
      ['search', server.url],
    ] as const) {
      server.intercept(name === 'search' ? searchOf : undefined)
      const out = join(folder, `${name}.zip`)
      expect(await evidence('--from', from, '--out', out), name).toMatchObject({ code: 0 })
      const found = await unzipped(out)
      expect([...found.keys()]).toEqual([...expected.keys()])
      for (const [path, content] of found)
        if (!['manifest.json', 'SHA256SUMS', 'history.html'].includes(path))
          expect(content.equals(expected.get(path) ?? Buffer.alloc(0)), path).toBe(true)
    }
    server.intercept(undefined)
  })

  it('reads no more than what the index names, of a served export and of a zip of one as of its folder', async () => {
    const few = made.subjects
      .toSorted((a, b) => eventsOf(a).length - eventsOf(b).length)
      .find((code) => eventsOf(code).length > 0)
    const needed = names.flatMap((name, index) =>
      name === `subject:${few}` || name?.startsWith('kind:') ? [Math.floor(index / 256)] : [],
    )
    const about = ['--subject', few ?? '', '--vkey', made.vkey, '--out', join(await newFolder(), 'few.zip')]
    server.serve(exported)
    const before = server.asked.length
    expect(await audit('evidence', ...about, '--from', server.url)).toMatchObject({ code: 0 })
    server.serve(made.dir)
    const asked = server.asked.slice(before).filter((path) => path.startsWith('/tile/entries/'))
    expect(new Set(asked.map((path) => Number(path.split('/')[3]?.slice(0, 3))))).toEqual(new Set(needed))
    expect(new Set(needed).size).toBeLessThan(Math.ceil(made.size / 256))
    const zip = join(await newFolder(), 'log.zip')
    const unneeded = (path: string) => /^tile\/entries\/\d+/.test(path) && !needed.includes(Number(path.slice(13, 16)))
    const paths = Object.keys(await filesOf(exported)).filter((path) => !unneeded(path))
    const contents = paths.map(async (path) => [path, await readFile(join(exported, path))] as const)
    await writeZip(zip, new Map(await Promise.all(contents)), '2026-11-23T00:00:00Z')
    expect(await audit('evidence', ...about, '--from', zip)).toMatchObject({ code: 0 })
  })

  it('is verified by the commands that it documents, and by these alone; not once a byte is changed', async () => {
    const code = briefest()
    const out = join(await newFolder(), 'brief.zip')
    const about = ['--subject', code, '--vkey', made.vkey, '--from', exported, '--out', out]
    expect(await audit('evidence', ...about)).toMatchObject({ code: 0, stderr: '' })
    const folder = await unpacked(await unzipped(out))
    const by = (vkey: string, operator?: string) => verifiedByHand(folder, vkey, operator)
    expect(await by(made.vkey, made.operatorThumbprint)).toMatch(/VERIFIED\n$/)
    await expect(by(made.vkey, 'x'.repeat(43))).rejects.toThrow(`the operator's key is ${made.operatorThumbprint}`)
    const other = await makeLog({ events: 5 })
    await expect(by(other.vkey)).rejects.toMatchObject({
      stderr: expect.stringMatching(/^REFUSED: .+ not signed with the key of this vkey$/m),
    })
    const index = String(eventsOf(code)[1]).padStart(12, '0')
    for (const changed of [`events/${index}.entry`, `events/${index}.tlog-proof`, 'keys/000000000002.pem']) {
      const path = join(folder, changed)
      const before = await readFile(path)
      await writeFile(
        path,
        before.map((byte, at) => (at === Math.floor(before.length / 2) ? byte ^ 2 : byte)),
      )
      expect((await readFile(path)).equals(before)).toBe(false)
      await expect(by(made.vkey), changed).rejects.toMatchObject({
        stderr: expect.stringContaining('REFUSED: a file was changed'),
      })
      await writeFile(path, before)
    }
    // as it was, and without a pinned operator
    expect(await by(made.vkey)).toMatch(/VERIFIED\n$/)
  })

  /** Whose events are signed by both keys of commerce, and few: the commands take some hundred processes for each. */
  function briefest(): string {
    const both = [made.revoked, made.keys.get('commerce')].map((key) => key?.signing.kid)
    const signerOf = (index: number) => {
      const [header = ''] = JSON.parse(made.entries[index] ?? '').jws.split('.')
      return JSON.parse(String(Buffer.from(header, 'base64url'))).kid
    }
    const found = made.subjects
      .toSorted((a, b) => eventsOf(a).length - eventsOf(b).length)
      .find((code) => both.every((kid) => eventsOf(code).map(signerOf).includes(kid)))
    if (found === undefined) throw new Error('no company has events by both keys of commerce')
    return found
  }

  it('documents commands that hold for every algorithm a bureau may sign with', async () => {
    const folder = await unpacked(await unzipped(file))
    // all but the last block, which goes through the entries
    const functions = (await commandsOf(folder)).slice(3, -1).join('')
    const ed25519 = generateKeyPairSync('ed25519')
    const cases = [
      { alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }), hash: 'sha256', options: p1363 },
      { alg: 'EdDSA', ...ed25519, hash: null, options: {} },
      { alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256', options: {} },
      { alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 4096, publicExponent: 3 }), hash: 'sha256', options: {} },
      { alg: 'PS256', ...generateKeyPairSync('rsa', { modulusLength: 3072 }), hash: 'sha256', options: pss },
    ] as const
    for (const { alg, publicKey, privateKey, hash, options } of cases) {
      const jwk = { ...publicKey.export({ format: 'jwk' }), alg }
      const pem = publicKey.export({ type: 'spki', format: 'pem' })
      const print = await calculateJwkThumbprint(jwk)
      // many, since a number of a signature may be short or have its first bit set
      for (let n = 0; n < 4; n++) {
        const payload = `{ "name" : "\\"said\\":", "in" : [ { "said" : 9 } ], "said" : ${n} }`
        const head = { alg, kid: 'k', typ: 'event+jws' }
        const signed = `${Buffer.from(JSON.stringify(head)).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`
        const jws = `${signed}.${sign(hash, Buffer.from(signed), { key: privateKey, ...options }).toString('base64url')}`
        const by = async (text: string, typ = 'event+jws') => {
          const script =
            `set -euo pipefail; export LC_ALL=C; work=$(mktemp -d) entry=e\nrefuse() { echo "$1" >&2; exit 1; }\n${functions}\n` +
            `public_key "$1" > k.pem; cat k.pem; thumbprint "$1"; pem["kid k"]=k.pem algorithm["kid k"]=${alg}\n` +
            `signature "$2" ${typ}; says said ${n}`
          return (await run('bash', ['-c', script, 'bash', JSON.stringify(jwk), text], { cwd: folder })).stdout
        }
        expect(await by(jws), alg).toBe(`${pem}${print}`)
        await expect(by(jws, 'key-voucher+jws'), alg).rejects.toThrow('for something else than key-voucher+jws')
        await expect(by(jws.replace(signed, `${signed}x`.slice(0, -5))), alg).rejects.toThrow('the signature by k is not good')
      }
    }
  })

  it('tells a history that people read, in both languages, and lets no data become markup', async () => {
    const page = String((await unzipped(file)).get('history.html'))
    for (const part of [
      'lang="zh"',
      '设立登记',
      'Establishment',
      '@media print',
      subject,
      '统一社会信用代码',
      'Unified social credit code',
    ])
      expect(page).toContain(part)
    expect(page).not.toMatch(/<script|<img|<link|https?:\/\//i)
  })
})

describe('a changed evidence file', () => {
  const repacked = async (change: (files: Map<string, Buffer>) => void) => {
    const files = await unzipped(file)
    change(files)
    const path = join(await newFolder(), 'changed.zip')
    await writeZip(path, files, '2026-11-23T00:00:00Z')
    return path
  }
  const event = () => `events/${String(eventsOf(subject)[1]).padStart(12, '0')}`

  it.each<[string, (files: Map<string, Buffer>) => void, string]>([
    ['with another page', (files) => files.set('history.html', Buffer.from('<h1>nothing happened</h1>')), 'history.html'],
    ['with other instructions', (files) => files.set('VERIFY.md', Buffer.from('trust us')), 'VERIFY.md'],
    ['with one entry changed', (files) => files.set(`${event()}.entry`, Buffer.from('{}')), '.entry: it does not say'],
    ['with one file more', (files) => files.set('events/readme.txt', Buffer.from('x')), 'events/readme.txt'],
    ['without an event in the middle', (files) => [files.delete(`${event()}.entry`), files.delete(`${event()}.tlog-proof`)], ''],
    ['without a key', (files) => files.delete('keys/000000000002.tlog-proof'), 'key'],
    ['without the rules', (files) => files.delete('catalogues/000000000000.tlog-proof'), 'catalogue'],
    ['without a manifest', (files) => files.delete('manifest.json'), 'manifest.json'],
    [
      'about somebody else',
      (files) => files.set('manifest.json', Buffer.from(String(files.get('manifest.json')).replaceAll(subject, 'X'))),
      'not about X',
    ],
    [
      'with a receipt that says another index',
      (files) =>
        files.set(
          `${event()}.tlog-proof`,
          Buffer.from(String(files.get(`${event()}.tlog-proof`)).replace(/^index \d+/m, 'index 3')),
        ),
      'does not prove',
    ],
    [
      'with a file of the rules changed',
      (files) => files.set([...files.keys()].find((name) => name.startsWith('blobs/')) ?? '', Buffer.from('{}')),
      'SHA-256',
    ],
  ])('%s is found out', async (_, change, says) => {
    const ran = await checked(await repacked(change))
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain(says)
  })

  it('is nothing to another log’s key', async () => {
    const other = await makeLog({ events: 5 })
    expect((await checked(file, other.vkey)).code).toBe(1)
  })

  it.each<[string, (zip: Buffer) => Buffer, string]>([
    ['../', (zip) => renamed(zip, 'history.html', '../story.html'.slice(0, 12)), ''],
    ['an absolute path', (zip) => renamed(zip, 'history.html', '/istory.html'), 'absolute'],
    ['a drive', (zip) => renamed(zip, 'history.html', 'C:story.html'), ''],
    ['a backslash', (zip) => renamed(zip, 'history.html', 'a\\tory.html'), ''],
    ['a size that is not true', (zip) => sized(zip, 'history.html', 10), ''],
    ['a size beyond every bound', (zip) => sized(zip, 'history.html', 0xfffffff0), 'unpacks to more'],
    ['an end that is missing', (zip) => zip.subarray(0, -30), ''],
  ])('with %s is refused', async (_, change, says) => {
    const path = join(await newFolder(), 'hostile.zip')
    await writeFile(path, change(await readFile(file)))
    const ran = await checked(path)
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('the evidence is not good')
    expect(ran.stderr).toContain(says)
  })

  it('with two files of one name, or too many of them, is refused before any is read', async () => {
    const twice = join(await newFolder(), 'twice.zip')
    await writeZip(
      twice,
      new Map([
        ['a.txt', Buffer.from('a')],
        ['b.txt', Buffer.from('b')],
      ]),
      '2026-11-23T00:00:00Z',
    )
    await writeFile(twice, renamed(await readFile(twice), 'b.txt', 'a.txt'))
    expect((await checked(twice)).stderr).toContain('two files with the name a.txt')
    await expect(openZip(file, { maxFiles: 10, maxTotalBytes: 2 ** 28 })).rejects.toThrow('more than 10 files')
  })
})

it('about nobody is not made; the exit code says so', async () => {
  const ran = await audit(
    'evidence',
    '--subject',
    '91210203NOBODY000X',
    '--vkey',
    made.vkey,
    '--from',
    exported,
    '--out',
    join(exported, 'x.zip'),
  )
  expect(ran).toMatchObject({ code: 1 })
  expect(ran.stderr).toContain('no event about')
})

it('is not made of a search that lies about an entry', async () => {
  server.intercept((path) => {
    const answer = searchOf(path)
    return answer === undefined
      ? undefined
      : { ...answer, body: answer.body.replace(/"index":(\d+)/, (_, index) => `"index":${Number(index) + 1}`) }
  })
  const ran = await evidence('--from', server.url, '--out', join(exported, 'x.zip'))
  server.intercept(undefined)
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain('is not the one')
})

/** Writes another name of the same length wherever a zip has one, in its directory and before the file. */
function renamed(zip: Buffer, ...names: readonly string[]): Buffer {
  let text = zip.toString('latin1')
  for (let i = 0; i + 1 < names.length; i += 2) text = text.replaceAll(names[i] ?? '', names[i + 1] ?? '')
  return Buffer.from(text, 'latin1')
}

/** Writes another unpacked size into a file's record of the zip's directory. */
function sized(zip: Buffer, name: string, size: number): Buffer {
  const copy = Buffer.from(zip)
  const record = copy.lastIndexOf(name) - 46
  expect(copy.readUInt32LE(record)).toBe(0x02014b50)
  copy.writeUInt32LE(size, record + 24)
  return copy
}

describe('evidence from an export', () => {
  const whole = () => audit('evidence', '--subject', subject, '--vkey', made.vkey, '--from', exported, '--out', file)
  const damaged = async (change: (index: Buffer) => Buffer) => {
    const folder = await newFolder()
    await cp(exported, folder, { recursive: true })
    const index = join(folder, 'index/subjects/000000')
    await writeFile(index, change(await readFile(index)))
    return folder
  }
  const without = (index: number) => (records: Buffer) =>
    Buffer.concat(
      Array.from({ length: records.length / 16 }, (_, n) => records.subarray(n * 16, n * 16 + 16)).filter(
        (record) => record.readBigUInt64BE(8) !== BigInt(index),
      ),
    )

  it.each([
    ['ends before', ['--to', '256'], 'holds entries 0 to 255 only'],
    ['begins behind', ['--from', '256'], 'holds entries 256 to'],
    ['says to hold none of', undefined, 'holds no entries'],
  ])('that %s the log’s other entries is not made, and no answer about the subject is given', async (_, range, says) => {
    const part = await newFolder()
    expect(await audit('export', made.dir, '--out', part, '--vkey', made.vkey, ...(range ?? []))).toMatchObject({ code: 0 })
    const manifest = join(part, 'manifest.json')
    if (range === undefined) await writeFile(manifest, (await readFile(manifest, 'utf8')).replace(/"to": \d+/, '"to": 0'))
    server.serve(part)
    for (const from of [part, server.url]) {
      const ran = await evidence('--from', from, '--out', join(await newFolder(), 'x.zip'))
      expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining(says) })
    }
    server.serve(made.dir)
  })

  it('one of whose bundles was cut short is not made, and the sentence names it, from its folder and from a server', async () => {
    const cut = await newFolder()
    await cp(exported, cut, { recursive: true })
    const bundle = await readFile(join(cut, 'tile/entries/001'))
    await writeFile(join(cut, 'tile/entries/001'), bundle.subarray(0, 20_000))
    server.serve(cut)
    for (const from of [cut, server.url]) {
      const ran = await evidence('--from', from, '--no-index', '--out', join(await newFolder(), 'x.zip'))
      expect(ran).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^bundle 1 is damaged: entry \d+ of the bundle is cut off$/),
      })
    }
    server.serve(made.dir)
  })

  it('says what it rests on that there are no more events', async () => {
    expect((await whole()).stdout).toContain('rests on the index of the export')
    expect((await evidence('--from', exported, '--no-index', '--out', file)).stdout).toContain('every entry was read')
  })

  it('whose index is empty, or lacks an event beside another one, is not made; by reading every entry it is whole', async () => {
    const events = eventsOf(subject)
    const shared = events.find((index, i) => Math.floor(index / 256) === Math.floor((events[i + 1] ?? -1) / 256)) ?? 0
    for (const change of [() => Buffer.alloc(0), without(0), without(1), without(shared)]) {
      const folder = await damaged(change)
      const out = join(folder, 'evidence.zip')
      const ran = await evidence('--from', folder, '--out', out)
      expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('is damaged: it is wrong about entry') })
      expect(await evidence('--from', folder, '--no-index', '--out', out)).toMatchObject({ code: 0 })
      expect((await checked(out)).stdout).toContain(`${events.length} events about ${subject}`)
    }
  })

  it('without a manifest that says what the index covers is made from every entry', async () => {
    const folder = await damaged(() => Buffer.alloc(0))
    await rm(join(folder, 'manifest.json'))
    const ran = await evidence('--from', folder, '--out', join(folder, 'evidence.zip'))
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining(`${eventsOf(subject).length} events about`) })
  })
})

describe('files that are not there', () => {
  it.each(['', '<html>login</html>', '{}'])('and such as are no zip say nothing about evidence (%j)', async (text) => {
    const path = join(await newFolder(), 'x.zip')
    await writeFile(path, text)
    expect(await checked(path)).toMatchObject({
      code: 2,
      stderr: `${path} is no zip and so no evidence; nothing could be checked`,
    })
  })

  it('are nothing that could be checked', async () => {
    const folder = await newFolder()
    const missing = join(folder, 'none.zip')
    expect(await checked(missing)).toMatchObject({ code: 2, stderr: expect.stringContaining(`there is no file ${missing}`) })
    expect(await checked(join(file, 'x.zip'))).toMatchObject({ code: 2, stderr: expect.stringContaining("can't be read") })
    const ofFolder = await checked(folder)
    expect(ofFolder).toMatchObject({ code: 2, stderr: expect.stringContaining(`${folder} is no file`) })
    expect(ofFolder.stderr).not.toContain('not good')
  })

  it('and folders are nothing to write evidence to', async () => {
    const folder = await newFolder()
    const nowhere = join(folder, 'none', 'x.zip')
    for (const [out, says] of [
      [folder, `${folder} can't be written: it is a folder; name a file`],
      [nowhere, `${nowhere} can't be written: ENOENT: no such file or directory; name a file`],
    ] as const) {
      const ran = await evidence('--from', exported, '--out', out)
      expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining(says) })
      expect(ran.stderr.trim().split('\n')).toHaveLength(1)
    }
    expect(await readdir(folder)).toEqual([])
  })
})

it('that nobody could unpack again is not written', () => {
  const contents = (count: number) => new Map(Array.from({ length: count }, (_, n) => [`events/${n}`, Buffer.from('12')]))
  expect(() => expectWithinBounds(contents(20_000))).not.toThrow()
  expect(() => expectWithinBounds(contents(20_001))).toThrow('20001 files of 40002 bytes in all, and --check takes at most 20000')
  expect(() => expectWithinBounds(contents(3), { maxFiles: 3, maxTotalBytes: 5 })).toThrow('3 files of 6 bytes')
})
