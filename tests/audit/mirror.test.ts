import { appendFile, mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { followLog } from '../../src/audit/mirror/follow-log.ts'
import { SeenCheckpoints } from '../../src/audit/seen-checkpoints.ts'
import { openCheckpoint } from '../../src/log/checkpoint.ts'
import { nodeHash } from '../../src/log/merkle.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { eventually } from '../support/eventually.ts'
import { onFullDisk } from '../support/full-disk.ts'
import { lianban } from '../support/lianban.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'
import { madeWitness } from '../support/made-witness.ts'
import { type StaticLog, serveStatic } from '../support/static-log.ts'
import { forked, newFolder, writeLog } from './log-prefix.ts'

let made: MadeLog
let server: StaticLog

beforeAll(async () => {
  await built()
  made = await makeLog({ events: 900, subjects: 150, keepEntries: true })
  server = await serveStatic(made.dir)
})
afterEach(() => {
  server.serve(made.dir)
  server.intercept(undefined)
})
afterAll(() => server.stop())

const once = (out: string, ...more: string[]) => audit('mirror', server.url, '--out', out, '--vkey', made.vkey, '--once', ...more)
const prefix = (size: number) => writeLog(made, made.entries.slice(0, size))
const seenIn = async (folder: string) =>
  (await readFile(join(folder, 'checkpoints.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).size)

it('a mirror copies what is new in each round and keeps every checkpoint that it saw, once', async () => {
  const out = await newFolder()
  for (const size of [100, 300, 300, 700]) {
    server.serve(await prefix(size))
    expect(await once(out)).toMatchObject({ code: 0 })
    expect(openCheckpoint(await readFile(join(out, 'checkpoint'), 'utf8'), made.logKey.verifier).size).toBe(size)
  }
  expect(await seenIn(out)).toEqual([100, 300, 700])
})

it('a round, or an export, that brings nothing new leaves every file as it is', async () => {
  const out = await newFolder()
  for (const size of [256, 300]) {
    server.serve(await prefix(size))
    await once(out)
    // whatever is written comes in the place of the file before
    const files = async () => {
      const paths = [
        'checkpoint',
        'manifest.json',
        'vkey',
        'index/subjects/000000',
        'checkpoints.jsonl',
        `tile/0/00${size === 256 ? '0' : '1.p/44'}`,
      ]
      return Promise.all(paths.map(async (path) => [path, (await stat(join(out, path))).ino]))
    }
    const before = await files()
    expect(await once(out)).toMatchObject({ code: 0, stdout: '' })
    expect(await audit('export', server.url, '--out', out, '--vkey', made.vkey)).toMatchObject({ code: 0 })
    expect(await files(), `of ${size} entries`).toEqual(before)
  }
})

it('a mirror that was cut off while it wrote goes on with what it knows', async () => {
  const out = await newFolder()
  server.serve(await prefix(300))
  await once(out)
  await appendFile(join(out, 'checkpoints.jsonl'), '{"seen":"2026')
  server.serve(await prefix(700))
  expect(await once(out)).toMatchObject({ code: 0 })
  const lines = (await readFile(join(out, 'checkpoints.jsonl'), 'utf8')).trim().split('\n')
  expect(JSON.parse(lines.at(-1) ?? '').size).toBe(700)
  expect(lines).toHaveLength(3)
})

it('a fork is an alarm: exit code, metric, and a file that proves it to everybody', async () => {
  const out = await newFolder()
  const metrics = join(out, 'mirror.prom')
  server.serve(await prefix(700))
  expect(await once(out, '--metrics', metrics)).toMatchObject({ code: 0 })
  expect(await readFile(metrics, 'utf8')).toMatch(/^lianban_mirror_alarm 0$/m)
  server.serve(await writeLog(made, forked(made.entries, 650)))
  const ran = await once(out, '--metrics', metrics)
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain('FORK')
  const text = await readFile(metrics, 'utf8')
  expect(text).toMatch(/^lianban_mirror_alarm 1$/m)
  expect(text).toMatch(/^lianban_mirror_rounds_total\{result="alarm"\} 1$/m)
  const alarm = JSON.parse(await readFile(join(out, 'ALARM'), 'utf8'))
  const [first, second] = [alarm.first, alarm.second].map(({ note }) => openCheckpoint(note, made.logKey.verifier))
  expect(first?.size).toBe(700)
  expect(second?.size).toBe(made.size)
  expectProof(700, made.size, alarm, second?.root)
  expect(alarm.rootInSecond).not.toBe(first?.root.toString('base64'))
  expect(await seenIn(out)).toEqual([700, made.size])
  // it does not go on as if nothing had been
  server.serve(await prefix(700))
  await rm(metrics)
  expect((await once(out, '--metrics', metrics)).code).toBe(1)
  expect(await readFile(metrics, 'utf8'), 'whoever reads no more than the metrics sees it, too').toMatch(
    /^lianban_mirror_alarm 1$/m,
  )
  const exported = await audit('export', server.url, '--out', out, '--vkey', made.vkey)
  expect(exported).toMatchObject({ code: 1, stderr: expect.stringContaining('ALARM proves that this log was forked') })
})

it('an ALARM that proves nothing is told and passed over, as audit verify does', async () => {
  for (const nothing of ['', 'x', '{"first":{}}']) {
    const out = await newFolder()
    const metrics = join(out, 'mirror.prom')
    await writeFile(join(out, 'ALARM'), nothing)
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const ran = [
      await once(out, '--metrics', metrics),
      await audit('export', server.url, '--out', out, '--vkey', made.vkey),
      await lianban(['audit', 'verify', out, '--vkey', made.vkey, '--workers', '1']),
    ]
    const told = said.mock.calls.map(([text]) => String(text))
    said.mockRestore()
    expect(ran.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(told).toEqual(Array(2).fill(expect.stringContaining('ALARM proves no fork of this log, as far as it can be read')))
    expect(await readFile(metrics, 'utf8')).toMatch(/^lianban_mirror_alarm 0$/m)
  }
})

/** The proof leads to the root of the second checkpoint and, for the first size, to another root than the first's. */
function expectProof(
  size1: number,
  size2: number,
  alarm: { proof: string[]; rootInSecond: string },
  root: Buffer | undefined,
): void {
  const hashes = alarm.proof.map((hash) => Buffer.from(hash, 'base64'))
  let [fn, sn] = [size1 - 1, size2 - 1]
  for (; fn % 2 === 1; fn = (fn - 1) / 2) sn = Math.floor(sn / 2)
  let fr: Buffer = hashes[0] ?? Buffer.alloc(32)
  let sr: Buffer = fr
  for (const hash of hashes.slice(1)) {
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(hash, fr)
      sr = nodeHash(hash, sr)
      for (; fn % 2 === 0 && fn !== 0; fn /= 2) sn = Math.floor(sn / 2)
    } else sr = nodeHash(sr, hash)
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  expect(fr.toString('base64')).toBe(alarm.rootInSecond)
  expect(sr).toEqual(root)
}

it('a fork is found even against a checkpoint whose entries were never copied', async () => {
  const out = await newFolder()
  server.serve(await prefix(300))
  await once(out)
  server.serve(await prefix(700))
  server.intercept((path) => (path.includes('tile/') ? { status: 404 } : undefined))
  expect((await once(out)).code).toBe(2)
  server.intercept(undefined)
  server.serve(await writeLog(made, forked(made.entries, 650)))
  const ran = await once(out)
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain('700 entries')
})

describe('a fork that is shorter than what was seen', () => {
  const unsigned = ['--witness-vkey', madeWitness('w.example/one').vkey]
  /** Copies 100 entries, and then sees checkpoints that no witness stands by. */
  const mirrorThatSaw = async (...sizes: readonly number[]) => {
    const out = await newFolder()
    server.serve(await prefix(100))
    await once(out)
    for (const size of sizes) {
      server.serve(await prefix(size))
      expect((await once(out, ...unsigned)).code).toBe(1)
    }
    return out
  }
  const told = { code: 1, stderr: expect.stringMatching(/^FORK/) }

  it('is told by what was copied, and by what was seen between the two', async () => {
    const out = await mirrorThatSaw(300)
    server.serve(await writeLog(made, forked(made.entries.slice(0, 200), 50)))
    expect(await once(out)).toMatchObject(told)
    const other = await mirrorThatSaw(150, 300)
    server.serve(await writeLog(made, forked(made.entries.slice(0, 200), 120)))
    expect(await once(other)).toMatchObject(told)
  })

  it('is told by the tiles of the log where they reach further', async () => {
    const out = await mirrorThatSaw(300)
    const fork = await writeLog(made, forked(made.entries.slice(0, 200), 150))
    const checkpoint = await readFile(join(fork, 'checkpoint'), 'utf8')
    server.serve(await prefix(300))
    server.intercept((path) => (path === '/checkpoint' ? { status: 200, body: checkpoint } : undefined))
    expect(await once(out)).toMatchObject(told)
  })

  it('is told by the next longer checkpoint at the latest', async () => {
    const out = await mirrorThatSaw(300)
    server.serve(await writeLog(made, forked(made.entries.slice(0, 200), 150)))
    expect(await once(out)).toMatchObject({ code: 2, stderr: expect.stringContaining('an older one') })
    server.serve(await prefix(400))
    expect(await once(out)).toMatchObject(told)
  })
})

describe('an export into the folder of a mirror', () => {
  const exportTo = (out: string) => audit('export', server.url, '--out', out, '--vkey', made.vkey)

  it('is held against every checkpoint that the mirror saw, also where it copied none of its entries', async () => {
    const out = await newFolder()
    server.serve(await prefix(300))
    await once(out)
    server.serve(await writeLog(made, forked(made.entries.slice(0, 700), 650)))
    server.intercept((path) => (path.startsWith('/tile/entries') ? { status: 404 } : undefined))
    expect(await once(out)).toMatchObject({ code: 2 })
    expect(await seenIn(out)).toEqual([300, 700])
    server.serve(made.dir)
    server.intercept(undefined)
    expect(await exportTo(out)).toMatchObject({ code: 1, stderr: expect.stringContaining('FORK') })
    const alarm = JSON.parse(await readFile(join(out, 'ALARM'), 'utf8'))
    expect([alarm.first.size, alarm.second.size]).toEqual([700, made.size])
    expectProof(700, made.size, alarm, openCheckpoint(alarm.second.note, made.logKey.verifier).root)
    expect(await seenIn(out), 'both are kept').toEqual([300, 700, made.size])
    expect(openCheckpoint(await readFile(join(out, 'checkpoint'), 'utf8'), made.logKey.verifier).size).toBe(300)
  })

  it('that shows less than the mirror saw is behind', async () => {
    const out = await newFolder()
    await once(out)
    server.serve(await prefix(700))
    expect(await exportTo(out)).toMatchObject({ code: 2, stderr: expect.stringContaining('an older one') })
  })

  it('is known to the mirror afterwards; an export of its own keeps no such list', async () => {
    const out = await newFolder()
    server.serve(await prefix(300))
    await once(out)
    server.serve(await prefix(700))
    expect(await exportTo(out)).toMatchObject({ code: 0 })
    expect(await seenIn(out)).toEqual([300, 700])
    server.serve(await writeLog(made, forked(made.entries, 650)))
    expect(await once(out)).toMatchObject({ code: 1, stderr: expect.stringContaining('FORK') })
    const alone = await newFolder()
    server.serve(await prefix(700))
    expect(await exportTo(alone)).toMatchObject({ code: 0 })
    await expect(seenIn(alone)).rejects.toThrow('ENOENT')
    server.serve(await writeLog(made, forked(made.entries, 650)))
    expect(await once(alone), 'a mirror in its folder').toMatchObject({ code: 1, stderr: expect.stringContaining('FORK') })
  })
})

it('the longest checkpoint is known after any number of shorter ones', async () => {
  const out = await newFolder()
  const noteOf = async (size: number) => readFile(join(await prefix(size), 'checkpoint'), 'utf8')
  const [short, other] = [await noteOf(100), await noteOf(200)]
  const line = (note: string) => `${JSON.stringify({ seen: '2026-11-26T00:00:00Z', note })}\n`
  const many = Array.from({ length: 1000 }, () => line(short) + line(other)).join('')
  await writeFile(join(out, 'checkpoints.jsonl'), line(await noteOf(300)) + many)
  const seen = await SeenCheckpoints.open(out, made.logKey.verifier)
  expect(seen.held.map(({ size }) => size)).toEqual([100, 200, 300])
})

it('a fork is told whatever becomes of the metrics', async () => {
  const out = await newFolder()
  const nowhere = join(out, 'no', 'x.prom')
  server.serve(await prefix(300))
  const first = await once(out, '--metrics', nowhere)
  expect(first).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^the metrics file .*x\.prom can't be written \(ENOENT[^\n]*$/),
  })
  expect(openCheckpoint(await readFile(join(out, 'checkpoint'), 'utf8'), made.logKey.verifier).size, 'copied').toBe(300)
  server.serve(await writeLog(made, forked(made.entries.slice(0, 400), 50)))
  const ran = await once(out, '--metrics', nowhere)
  expect(ran).toMatchObject({ code: 1, stderr: expect.stringMatching(/^FORK/) })
  expect(ran.stdout).toContain('x.prom')
})

it('the metrics of single rounds go on from one to the next', async () => {
  const out = await newFolder()
  const metrics = join(out, 'm.prom')
  server.serve(await prefix(300))
  await once(out, '--metrics', metrics)
  await once(out, '--metrics', metrics)
  const success = /^lianban_mirror_last_success_timestamp_seconds \d{10}$/m.exec(await readFile(metrics, 'utf8'))?.[0]
  server.intercept(() => ({ status: 403 }))
  expect((await once(out, '--metrics', metrics)).code).toBe(2)
  const lines = (await readFile(metrics, 'utf8')).split('\n')
  expect(lines).toContain(success)
  expect(lines).toContain('lianban_mirror_entries 300')
  expect(lines).toContain('lianban_mirror_checkpoint_entries 300')
  expect(lines.filter((line) => line.startsWith('lianban_mirror_rounds_total')).sort()).toEqual([
    'lianban_mirror_rounds_total{result="away"} 1',
    'lianban_mirror_rounds_total{result="copied"} 1',
    'lianban_mirror_rounds_total{result="unchanged"} 1',
  ])
})

it('a fork is told on a full disk, with the proof itself; without one a full disk is a failed round', async () => {
  const out = await newFolder()
  server.serve(await prefix(300))
  await once(out)
  const full = () => onFullDisk(['audit', 'mirror', server.url, '--out', out, '--vkey', made.vkey, '--once'])
  const grown = await prefix(400)
  server.serve(grown)
  const ran = await full()
  expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(/^lianban: .*can't be written to \(EFBIG[^\n]*\n$/) })
  const fork = await writeLog(made, forked(made.entries.slice(0, 400), 50))
  server.serve(fork)
  const told = await full()
  expect(told).toMatchObject({ code: 1, stderr: expect.stringMatching(/^lianban: FORK: .*ALARM can't be written/) })
  const alarm = JSON.parse(told.stderr.slice(told.stderr.indexOf('\n')))
  expect(alarm.second.note).toBe(await readFile(join(fork, 'checkpoint'), 'utf8'))
  server.serve(grown)
  expect(await once(out), 'there is room again').toMatchObject({ code: 0 })
  expect(await seenIn(out)).toEqual([300, 400])
})

/** Mirrors in rounds of 50 ms until it is stopped. */
function follow(folder: string, metricsFile: string) {
  const stop = new AbortController()
  const said: string[] = []
  const following = followLog({
    target: server.url,
    folder,
    log: made.logKey.verifier,
    vkey: made.vkey,
    everySeconds: 0.05,
    metricsFile,
    signal: stop.signal,
    say: (line) => said.push(line),
  })
  return { following, said, stop }
}

it('a folder that takes no files for a while is tried again in the next round', async () => {
  const out = await newFolder()
  const metrics = join(await newFolder(), 'm.prom')
  server.serve(await prefix(300))
  await once(out)
  const { following, said, stop } = follow(out, metrics)
  const text = () => readFile(metrics, 'utf8').catch(() => '')
  await eventually(async () => (await text()).includes('result="unchanged"'))
  await rm(join(out, 'checkpoints.jsonl'))
  await mkdir(join(out, 'checkpoints.jsonl'))
  server.serve(await prefix(700))
  await eventually(async () => (await text()).includes('result="unwritable"'))
  await rmdir(join(out, 'checkpoints.jsonl'))
  await eventually(async () => (await text()).includes('result="copied"'))
  stop.abort()
  await following
  expect(said.join('\n')).toMatch(/can't be written to \(EISDIR/)
})

it('a server that is away, behind or damaged is no alarm, and the next round goes on', async () => {
  const out = await newFolder()
  const metrics = join(await newFolder(), 'm.prom')
  server.serve(await prefix(700))
  const { following, said, stop } = follow(out, metrics)
  const counted = (result: string) =>
    eventually(async () => new RegExp(`result="${result}"\\} [1-9]`).test(await readFile(metrics, 'utf8').catch(() => '')))
  await counted('copied')
  await counted('unchanged')
  server.serve(await prefix(300))
  await counted('behind')
  server.serve(made.dir)
  server.intercept((path) => (path.includes('tile/') ? { status: 403 } : undefined))
  await counted('away')
  server.intercept((path) => (path.includes('tile/0/') ? { status: 200, body: 'x'.repeat(32) } : undefined))
  await counted('unverifiable')
  server.intercept(undefined)
  await eventually(async () => (await readFile(join(out, 'manifest.json'), 'utf8')).includes(`"size": ${made.size}`))
  stop.abort()
  await following
  expect(said.length).toBeGreaterThan(3)
  expect(await seenIn(out)).toContain(made.size)
})

it('a page in the place of a checkpoint is nobody’s log: nothing could be checked, by any command', async () => {
  const out = await newFolder()
  await once(out)
  for (const body of ['<html>login</html>', '', '{"size":7}\n\n']) {
    server.intercept(() => ({ status: 200, body }))
    const of = [server.url, '--vkey', made.vkey]
    const ran = [
      await lianban(['audit', 'verify', ...of]),
      await audit('export', ...of, '--out', out),
      await once(out),
      await audit('evidence', '--from', ...of, '--subject', made.subjects[0] ?? '', '--out', join(out, 'x.zip')),
    ]
    const says = expect.stringContaining("answers with something else than a log's checkpoint")
    for (const each of ran) expect(each).toMatchObject({ code: 2, stderr: says })
  }
  const unsigned = made.checkpoint.split('\n\n')[0] ?? ''
  for (const body of [`${unsigned}\n`, made.checkpoint.replace(`\n${made.size}\n`, '\n7\n')]) {
    server.intercept(() => ({ status: 200, body }))
    expect((await lianban(['audit', 'verify', server.url, '--vkey', made.vkey])).code, 'a bad one is a finding').toBe(1)
  }
})

it('a receipt is held against the log of today, wherever that is', async () => {
  const folder = await newFolder()
  const [short, fork, twin] = await Promise.all([
    prefix(700),
    writeLog(made, forked(made.entries, 650)),
    writeLog(made, forked(made.entries.slice(0, 700), 650)),
  ])
  const zip = join(folder, 'e.zip')
  const subject = made.subjects[0] ?? ''
  await audit('evidence', '--subject', subject, '--from', short, '--out', zip, '--vkey', made.vkey)
  const { openZip } = await import('../../src/audit/zip-reading.ts')
  const opened = await openZip(zip, { maxFiles: 1000, maxTotalBytes: 2 ** 28 })
  const name = opened.names.find((each) => /^events\/.*proof$/.test(each)) ?? ''
  const file = join(folder, 'a.tlog-proof')
  await writeFile(file, (await opened.read(name, 2 ** 20)) ?? '')
  opened.close()
  const ask = (...more: string[]) => audit('receipt', file, '--vkey', made.vkey, ...more)
  expect(await ask()).toMatchObject({ code: 0 })
  for (const log of [made.dir, short, server.url]) {
    const ran = await ask('--log', log)
    expect(ran, log).toMatchObject({ code: 0 })
    expect(ran.stdout).toContain('it begins with the log of the receipt')
  }
  for (const log of [fork, twin]) {
    const ran = await ask('--log', log)
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('FORK')
  }
  const older = await ask('--log', await prefix(300))
  expect(older.code).toBe(2)
  expect(older.stderr).toContain('older copy')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(/^index \d+/m, 'index 5'))
  const wrong = await ask()
  expect(wrong.code).toBe(1)
  expect(wrong.stderr).toContain('proves nothing')
  await writeFile(file, 'nonsense')
  expect((await ask()).code).toBe(1)
  await rm(folder, { recursive: true })
})
