import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { lookUp, nameOf } from '../../src/audit/export/subject-index.ts'
import { folderSource } from '../../src/audit/source-folder.ts'
import { openCheckpoint } from '../../src/log/checkpoint.ts'
import { decodeBundle, tilesOf } from '../../src/log/tile.ts'
import { rootFromTiles } from '../../src/log/tile-proofs.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { eventually } from '../support/eventually.ts'
import { cleanEnv, mainFile } from '../support/lianban.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'
import { type StaticLog, serveStatic } from '../support/static-log.ts'
import { verified } from './altered-log.ts'
import { filesOf, forked, newFolder, writeLog } from './log-prefix.ts'

let made: MadeLog
let server: StaticLog
let vkeyFile: string

beforeAll(async () => {
  await built()
  made = await makeLog({ events: 2500, subjects: 400, keepEntries: true })
  server = await serveStatic(made.dir)
  vkeyFile = join(made.dir, 'vkey')
})
afterEach(() => {
  server.serve(made.dir)
  server.intercept(undefined)
})
afterAll(async () => {
  await server.stop()
  await rm(made.dir, { recursive: true, force: true })
})

const exportTo = (out: string, ...more: string[]) => audit('export', server.url, '--out', out, '--vkey', vkeyFile, ...more)

/** Paths of the log alone: what any tlog-tiles client asks for. */
const logFiles = async (folder: string) =>
  Object.fromEntries(Object.entries(await filesOf(folder)).filter(([path]) => /^(checkpoint$|vkey$|tile\/|blob\/)/.test(path)))

/** The root of an export, from nothing but its own tiles. */
async function expectWhole(folder: string, size: number): Promise<void> {
  const source = folderSource(folder)
  const checkpoint = openCheckpoint(await source.checkpoint(), made.logKey.verifier)
  expect(checkpoint.size).toBe(size)
  expect(await rootFromTiles(size, source.tile)).toEqual(checkpoint.root)
}

describe('an export', () => {
  it('is the log, file by file, with an index and nothing left over', async () => {
    const out = await newFolder()
    const ran = await exportTo(out)
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(await logFiles(out)).toEqual(await logFiles(made.dir))
    await expectWhole(out, made.size)
    expect(JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'))).toMatchObject({
      format: 'lianban-export@1',
      origin: made.origin,
      from: 0,
      to: made.size,
      size: made.size,
    })
    expect(Object.keys(await filesOf(out)).filter((path) => path.startsWith('.'))).toEqual([])
  })

  it('finds every entry of a subject, of keys and of catalogues by its index', async () => {
    const out = await newFolder()
    await exportTo(out)
    const names = made.entries.map((entry) => nameOf(Buffer.from(entry)))
    for (const name of new Set(names)) {
      if (name === undefined) continue
      const expected = names.flatMap((each, index) => (each === name ? [index] : []))
      expect(await lookUp(folderSource(out), name, made.size), name).toEqual(expected)
    }
    expect(await lookUp(folderSource(out), 'subject:nobody', made.size)).toEqual([])
  })

  it('is added to by a second one, which takes away partial tiles when there is the full one, and no sooner', async () => {
    const out = await newFolder()
    const former: string[] = []
    for (const size of [1, 255, 256, 300, 310, 310, 1024, made.size]) {
      const part = await writeLog(made, made.entries.slice(0, size))
      server.serve(part)
      expect(await exportTo(out)).toMatchObject({ code: 0, stderr: '' })
      // what comes from a source that has more catalogue files than its entries name is those that they name
      const [held, asked] = [tilesAmong(await logFiles(out)), tilesAmong(await logFiles(part))]
      expect(held).toMatchObject(asked)
      former.push(...Object.keys(asked))
      expect(Object.keys(held), 'what was ever asked for, until there is the full tile').toEqual(
        [...new Set(former)].filter((path) => !(path.replace(/\.p\/\d+$/, '') in asked) || path in asked).sort(),
      )
      await rm(part, { recursive: true })
    }
    server.serve(made.dir)
    const whole = await newFolder()
    await exportTo(whole)
    const { 'manifest.json': _one, ...first } = await filesOf(whole)
    const { 'manifest.json': _other, ...second } = await filesOf(out)
    expect(second).toMatchObject(first)
  })

  it('of a part holds all tiles and whole bundles of what was asked for, and grows at its end only', async () => {
    const out = await newFolder()
    expect(await exportTo(out, '--from', '300', '--to', '700')).toMatchObject({ code: 0 })
    await expectWhole(out, made.size)
    const bundles = async () => Object.keys(await filesOf(out)).filter((path) => path.startsWith('tile/entries'))
    expect(await bundles()).toEqual(['tile/entries/001', 'tile/entries/002'])
    expect(JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'))).toMatchObject({ from: 256, to: 768 })
    const gap = await exportTo(out, '--from', '1300')
    expect(gap.code).toBe(2)
    expect(gap.stderr).toContain('there would be a gap')
    expect(await exportTo(out, '--from', '0')).toMatchObject({ code: 2 })
    expect(await exportTo(out, '--to', '99999')).toMatchObject({ code: 2 })
    expect(await exportTo(out, '--from', '768', '--to', '1025')).toMatchObject({ code: 0 })
    expect(await bundles()).toEqual(['tile/entries/001', 'tile/entries/002', 'tile/entries/003', 'tile/entries/004'])
  })

  it('of no entry is refused as by verify, and nothing is written', async () => {
    const out = await newFolder()
    for (const [range, says] of [
      [['--from', '10', '--to', '5'], '--from 10 is not below --to 5, so there is no entry to copy'],
      [['--from', '5', '--to', '5'], '--from 5 is not below --to 5'],
      [['--to', '0'], '--from 0 is not below --to 0'],
      [['--from', String(made.size)], `--from ${made.size} is beyond the log, which has ${made.size} entries`],
      [['--to', String(made.size + 1)], 'is beyond the log'],
    ] as const)
      expect(await exportTo(out, ...range)).toMatchObject({ code: 2, stderr: expect.stringContaining(says) })
    expect(await filesOf(out)).toEqual({})
    expect(await exportTo(out, '--from', '256', '--to', '300')).toMatchObject({ code: 0 })
    expect(await exportTo(out, '--to', '256'), 'what is held begins there').toMatchObject({ code: 2 })
    expect(await exportTo(out, '--to', '300'), 'nothing new').toMatchObject({ code: 0 })
    expect(await exportTo(out), 'all that follows').toMatchObject({ code: 0 })
    expect(await exportTo(out, '--from', String(made.size)), 'nothing new either').toMatchObject({ code: 0 })
  })

  it('of a part is a source of that part; asked for more, it says what it holds, and how to say that', async () => {
    const part = await newFolder()
    expect(await exportTo(part, '--from', '256', '--to', '768')).toMatchObject({ code: 0 })
    const again = (out: string, ...more: string[]) => audit('export', part, '--out', out, '--vkey', vkeyFile, ...more)
    const out = await newFolder()
    for (const range of [[], ['--from', '256'], ['--from', '512'], ['--to', '512']])
      expect(await again(out, ...range), range.join(' ')).toMatchObject({
        code: 2,
        stderr: `${part} is a copy that holds entries 256 to 767 only: export these with --from 256 --to 768, or from a copy that holds more`,
      })
    expect(await again(out, '--from', '256', '--to', '768')).toMatchObject({ code: 0 })
    expect(await logFiles(out)).toEqual(await logFiles(part))
    await rm(join(part, 'tile/entries/002'))
    expect((await again(await newFolder(), '--from', '256', '--to', '768')).stderr).toContain('has no tile/entries/002')
    const none = await newFolder()
    expect(await exportTo(none, '--to', '256')).toMatchObject({ code: 0 })
    const manifest = join(none, 'manifest.json')
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"to": 256', '"to": 0'))
    await rm(join(none, 'tile/entries/000'))
    const empty = await audit('export', none, '--out', await newFolder(), '--vkey', vkeyFile)
    expect(empty).toMatchObject({ code: 2, stderr: `${none} is a copy that holds no entry: take another one` })
  })

  it('can be exported again, from its folder', async () => {
    const out = await newFolder()
    const ran = await audit('export', made.dir, '--out', out, '--vkey', made.vkey)
    expect(ran).toMatchObject({ code: 0 })
    expect(await logFiles(out)).toEqual(await logFiles(made.dir))
  })

  it('continues after kill -9 in the middle, at whatever place', async () => {
    const out = await newFolder()
    for (const bundles of [1, 5]) {
      let answered = 0
      server.intercept((path) => {
        if (path.includes('tile/entries')) answered++
        return answered > bundles ? { status: 503, headers: { 'retry-after': '60' } } : undefined
      })
      const child = spawn(process.execPath, [mainFile, 'audit', 'export', server.url, '--out', out, '--vkey', vkeyFile], {
        env: cleanEnv(),
        stdio: 'ignore',
      })
      await eventually(async () => answered > bundles)
      child.kill('SIGKILL')
      await once(child, 'exit')
      await expect(folderSource(out).checkpoint(), 'it is no export before it is whole').rejects.toThrow('has no checkpoint')
    }
    server.intercept(undefined)
    const before = server.asked.length
    expect(await exportTo(out)).toMatchObject({ code: 0 })
    const again = server.asked.slice(before).filter((path) => path.includes('tile/entries'))
    expect(again.length, 'what was there is not fetched again').toBeLessThan(tilesIn(made.size) - 3)
    expect(await logFiles(out)).toEqual(await logFiles(made.dir))
    expect(Object.keys(await filesOf(out)).filter((path) => path.startsWith('.'))).toEqual([])
  })

  it('is made by one process at a time; whoever comes second is told whom to wait for', async () => {
    const out = await newFolder()
    let isAsked = false
    server.intercept((path) => {
      isAsked ||= path.includes('tile/entries')
      return path.includes('tile/entries') ? { status: 503, headers: { 'retry-after': '60' } } : undefined
    })
    const args = ['audit', 'export', server.url, '--out', out, '--vkey', vkeyFile]
    const first = spawn(process.execPath, [mainFile, ...args], { env: cleanEnv(), stdio: 'ignore' })
    await eventually(async () => isAsked)
    const before = await filesOf(out)
    const refused = { code: 2, stderr: expect.stringContaining(`the process ${first.pid}, is working in ${out}: wait for it`) }
    expect(await exportTo(out)).toMatchObject(refused)
    expect(await audit('mirror', server.url, '--out', out, '--vkey', vkeyFile, '--once')).toMatchObject(refused)
    expect(await filesOf(out)).toEqual(before)
    server.intercept(undefined)
    first.kill('SIGKILL')
    await once(first, 'exit')
    expect(await exportTo(out)).toMatchObject({ code: 0 })
    expect(await logFiles(out)).toEqual(await logFiles(made.dir))
  })

  it.each([1024, 1100])('that has lost files, or their ends, is whole again after another export (%i entries)', async (size) => {
    const out = await newFolder()
    const part = await writeLog(made, made.entries.slice(0, size))
    server.serve(part)
    await exportTo(out)
    const { 'manifest.json': _, ...whole } = await filesOf(out)
    const damage = async () => {
      await truncate(join(out, 'tile/0/000'))
      await truncate(join(out, 'tile/entries/001'))
      await rm(join(out, 'tile/entries/002'))
      await rm(join(out, 'tile/entries/004.p'), { recursive: true, force: true })
    }
    const onlyLast = () => rm(join(out, 'tile/entries/004.p'), { recursive: true, force: true })
    for (const lose of [damage, onlyLast]) {
      await lose()
      expect(await exportTo(out)).toMatchObject({ code: 0 })
      expect(await filesOf(out)).toMatchObject(whole)
    }
    await damage()
    server.serve(made.dir)
    expect(await exportTo(out)).toMatchObject({ code: 0 })
    expect(await logFiles(out)).toMatchObject(await logFiles(made.dir))
  })

  const first = 'index/subjects/000000'
  it.each([
    ['is missing', (out: string) => rm(join(out, 'index'), { recursive: true })],
    ['is empty', (out: string) => truncate(join(out, first))],
    ['ends within a record', (out: string) => truncate(join(out, first), 3000)],
    [
      'begins with zeros',
      async (out: string) => writeFile(join(out, first), (await readFile(join(out, first))).fill(0, 0, 4096)),
    ],
    ['is too large', (out: string) => truncate(join(out, first), 2 ** 21)],
  ])(
    'whose index %s has it again after another export, and after a round of a mirror, from the bundles that are there',
    async (_, damage) => {
      const whole = await newFolder()
      await exportTo(whole)
      const index = await readFile(join(whole, first))
      const part = await writeLog(made, made.entries.slice(0, 1100))
      const more = ['--out', '', '--vkey', vkeyFile, '--once']
      for (const again of [exportTo, (out: string) => audit('mirror', server.url, ...more.with(1, out))]) {
        const out = await newFolder()
        server.serve(part)
        await exportTo(out)
        await damage(out)
        server.serve(made.dir)
        const before = server.asked.length
        expect(await again(out)).toMatchObject({ code: 0 })
        expect(await readFile(join(out, first))).toEqual(index)
        expect(server.asked.slice(before), 'what is there is read there').not.toContain('/tile/entries/001')
      }
      await damage(whole)
      expect(await exportTo(whole), 'where nothing is new').toMatchObject({ code: 0 })
      expect(await readFile(join(whole, first))).toEqual(index)
    },
  )

  it('of more than one segment has each of its index again that was lost, full ones as well, also where it holds a part', async () => {
    const large = await writeLog(made, [...made.entries, ...new Array<string>(65_536).fill('nothing'), ...made.entries])
    server.serve(large)
    for (const range of [[], ['--from', '512']]) {
      const out = await newFolder()
      expect(await exportTo(out, ...range)).toMatchObject({ code: 0 })
      const { 'manifest.json': _, ...whole } = await filesOf(out)
      for (const lost of [first, 'index/subjects/000001']) {
        await rm(join(out, lost))
        expect(await exportTo(out)).toMatchObject({ code: 0 })
        expect(await filesOf(out)).toMatchObject(whole)
      }
    }
  })

  it.each([
    ['a file', async () => vkeyFile],
    ['below a file', async () => join(vkeyFile, 'x')],
    ['a link that leads to itself', linkToItself],
    ['where there can be no folder', async () => '/proc/x'],
  ])('to %s is refused in a sentence, by a mirror as well', async (_, place) => {
    const out = await place()
    const refused = { code: 2, stderr: expect.stringMatching(/^\S+ can't be (read: |written to \()E[^\n]*$/) }
    expect(await exportTo(out)).toMatchObject(refused)
    expect(await audit('mirror', server.url, '--out', out, '--vkey', vkeyFile)).toMatchObject(refused)
  })

  it('has every file again that is missing or was cut short, wherever its end was lost', async () => {
    const out = await newFolder()
    await exportTo(out)
    const whole = await logFiles(out)
    const blobs = Object.keys(whole).filter((path) => path.startsWith('blob/'))
    const bundle = (await readFile(join(out, 'tile/entries/002'))).length
    const cuts: [string, number][] = [0, 511, 513, bundle - 1].map((size) => ['tile/entries/002', size])
    cuts.push(['tile/0/003', 32], [blobs[0] ?? '', 10], [blobs.at(-1) ?? '', 0])
    for (const [path, size] of cuts) {
      await truncate(join(out, path), size)
      expect(await exportTo(out), path).toMatchObject({ code: 0 })
      expect(await logFiles(out), `${path} of ${size} bytes`).toEqual(whole)
      await rm(join(out, path))
      expect(await exportTo(out), path).toMatchObject({ code: 0 })
      expect(await logFiles(out), `no ${path}`).toEqual(whole)
    }
  })

  it('whose checkpoint was cut short says how to go on, and does', async () => {
    const out = await newFolder()
    await exportTo(out)
    const whole = await logFiles(out)
    for (const size of [0, 20, made.checkpoint.length - 20]) {
      await truncate(join(out, 'checkpoint'), size)
      expect(await exportTo(out)).toMatchObject({ code: 2, stderr: expect.stringContaining('remove it and say the same again') })
      await rm(join(out, 'checkpoint'))
      expect(await exportTo(out)).toMatchObject({ code: 0 })
      expect(await logFiles(out)).toEqual(whole)
    }
    const other = await makeLog({ events: 5 })
    await writeFile(join(out, 'checkpoint'), other.checkpoint)
    const refused = await exportTo(out)
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/known key.*; choose another folder$/) })
    await rm(other.dir, { recursive: true })
  })

  it('mends a bundle that an interruption left damaged', async () => {
    const out = await newFolder()
    await exportTo(out)
    const [whole] = [await logFiles(out)]
    await rm(join(out, 'checkpoint'))
    await appendFile(join(out, 'tile/entries/003'), 'x')
    expect(await exportTo(out)).toMatchObject({ code: 0 })
    expect(await logFiles(out)).toEqual(whole)
  })
})

async function linkToItself(): Promise<string> {
  const link = join(await newFolder(), 'link')
  await symlink(link, link)
  return link
}

const tilesAmong = (files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !path.startsWith('blob/')))
const tilesIn = (size: number) => [...tilesOf(size)].filter(({ level }) => level === 0).length

describe('a source that is not to be believed', () => {
  it('forked since the first export is found at once; the proof is kept and nothing is added any more', async () => {
    const out = await newFolder()
    const [short, fork, twin] = await Promise.all([
      writeLog(made, made.entries.slice(0, 700)),
      writeLog(made, forked(made.entries, 300)),
      writeLog(made, forked(made.entries.slice(0, 700), 300)),
    ])
    for (const other of [fork, twin]) {
      server.serve(short)
      expect(await exportTo(out)).toMatchObject({ code: 0 })
      const before = await filesOf(out)
      server.serve(other)
      const ran = await exportTo(out)
      expect(ran.code).toBe(1)
      expect(ran.stderr).toContain('FORK')
      const alarm = JSON.parse(await readFile(join(out, 'ALARM'), 'utf8'))
      expect(openCheckpoint(alarm.first.note, made.logKey.verifier).size).toBe(700)
      expect(alarm.second.note).toBe(await readFile(join(other, 'checkpoint'), 'utf8'))
      const { findings } = await verified(made, out)
      expect(findings.listed).toEqual([
        { code: 'forked', index: null, cause: expect.stringMatching(/signed .* tree.*; its file ALARM proves it$/) },
      ])
      const { ALARM: _, ...after } = await filesOf(out)
      expect(after).toEqual(before)
      server.serve(made.dir)
      expect((await exportTo(out)).code).toBe(1)
      const twice = { ...alarm, first: alarm.second }
      for (const nothing of [{}, twice, { ...alarm, first: { note: alarm.first.note.replace('\n700\n', '\n699\n') } }, 7]) {
        await writeFile(join(out, 'ALARM'), JSON.stringify(nothing))
        expect((await verified(made, out)).findings.counts, 'what proves nothing').toEqual({})
      }
      await rm(join(out, 'ALARM'))
    }
    server.serve(made.dir)
  })

  it('that shows an older checkpoint of the same log is behind, and no fork; of another log it is one', async () => {
    const out = await newFolder()
    await exportTo(out)
    server.serve(await writeLog(made, made.entries.slice(0, 700)))
    const behind = await exportTo(out)
    expect(behind.code).toBe(2)
    expect(behind.stderr).toContain('an older one')
    server.serve(await writeLog(made, forked(made.entries.slice(0, 700), 699)))
    const fork = await exportTo(out)
    expect(fork.code).toBe(1)
    expect(fork.stderr).toContain('FORK')
    server.serve(made.dir)
  })

  const bundle = async () => readFile(join(made.dir, 'tile/entries/002'))
  it.each<[string, string, () => Promise<Buffer>, string]>([
    ['an entry with one bit changed', '/tile/entries/002', async () => flipped(await bundle(), 500), 'entry 512'],
    [
      'a bundle with bytes after its end',
      '/tile/entries/002',
      async () => Buffer.concat([await bundle(), Buffer.of(0)]),
      'bundle 2',
    ],
    ['a bundle that ends early', '/tile/entries/002', async () => (await bundle()).subarray(0, -1), 'bundle 2'],
    ['an empty bundle', '/tile/entries/002', async () => Buffer.alloc(0), 'bundle 2'],
    [
      'a leaf hash with one bit changed',
      '/tile/0/004',
      async () => flipped(await readFile(join(made.dir, 'tile/0/004')), 77),
      'tile 0/4',
    ],
    ['a tile that is too short', '/tile/0/004', async () => Buffer.alloc(32), 'tile 0/4'],
    ['a tile that is too long', '/tile/0/004', async () => Buffer.alloc(8224), 'tile 0/4'],
    ['another checkpoint', '/checkpoint', async () => flipped(await readFile(join(made.dir, 'checkpoint')), 40), 'checkpoint'],
  ])('is told by %s', async (_, path, body, says) => {
    const out = await newFolder()
    const bytes = await body()
    server.intercept((asked) => (asked === path ? { status: 200, body: bytes } : undefined))
    const ran = await exportTo(out)
    server.intercept(undefined)
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain(says)
    await expect(folderSource(out).checkpoint()).rejects.toThrow('has no checkpoint')
  })

  it.each<[string, Parameters<StaticLog['intercept']>[0], string]>([
    [
      'sends elsewhere',
      (path) => (path === '/tile/0/001' ? { status: 302, headers: { location: '/tile/0/002' } } : undefined),
      'sends elsewhere',
    ],
    [
      'answers without end',
      (path) => (path === '/tile/0/001' ? { status: 200, body: Buffer.alloc(100_000) } : undefined),
      'more than',
    ],
    ['has a hole', (path) => (path === '/tile/entries/001' ? { status: 404 } : undefined), 'has no tile/entries/001'],
    [
      'asks for a key',
      (path) => (path === '/tile/entries/001' ? { status: 401, body: '{"detail":"send a token"}' } : undefined),
      'send a token',
    ],
  ])('that %s could not be checked', async (_, answer, says) => {
    server.intercept(answer)
    const ran = await exportTo(await newFolder())
    server.intercept(undefined)
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain(says)
  })

  it('is asked again when it stumbles', async () => {
    const stumbled = new Set<string>()
    server.intercept((path) => {
      if (!/tile\/(0\/003|entries\/00[45])$/.test(path) || stumbled.has(path)) return undefined
      stumbled.add(path)
      return stumbled.size % 2 === 0 ? { status: 503 } : { status: 200, body: 'x'.repeat(8192), cutAfter: 100 }
    })
    const out = await newFolder()
    expect(await exportTo(out)).toMatchObject({ code: 0 })
    server.intercept(undefined)
    expect(stumbled.size).toBe(3)
    expect(await logFiles(out)).toEqual(await logFiles(made.dir))
  })

  it('whose partial tiles gave way to full ones is read all the same', async () => {
    const old = await writeLog(made, made.entries.slice(0, 700))
    const checkpoint = await readFile(join(old, 'checkpoint'), 'utf8')
    server.intercept((path) => (path === '/checkpoint' ? { status: 200, body: checkpoint } : undefined))
    const out = await newFolder()
    const ran = await exportTo(out)
    server.intercept(undefined)
    // tile/1/000 never becomes full in a log this short
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain('tile/1/000')
    const part = folderSource(made.dir)
    expect(decodeBundle(await part.bundle(2, 188), 188).map(String)).toEqual(made.entries.slice(512, 700))
    expect(await part.tile(0, 2, 188)).toEqual(await folderSource(old).tile(0, 2, 188))
  })
})

it('without the log’s key nothing is exported, and the message says why', async () => {
  const ran = await audit('export', server.url, '--out', await newFolder())
  expect(ran.code).toBe(2)
  expect(ran.stderr).toContain('--vkey is missing')
  const wrong = join(await newFolder(), 'vkey')
  await writeFile(wrong, 'nonsense')
  expect((await audit('export', server.url, '--out', await newFolder(), '--vkey', wrong)).code).toBe(2)
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
