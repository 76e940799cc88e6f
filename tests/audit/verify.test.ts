import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { textReport } from '../../src/audit/report/text-report.ts'
import { folderSource } from '../../src/audit/source-folder.ts'
import type { EntryRange } from '../../src/audit/verify/files-under-audit.ts'
import type { VerifyOptions } from '../../src/audit/verify/options.ts'
import { PartInvalid } from '../../src/audit/verify/part.ts'
import { writeState } from '../../src/audit/verify/state-file.ts'
import { verifyLog } from '../../src/audit/verify/verify.ts'
import { parseVkey } from '../../src/log/note.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'

let log: MadeLog

beforeAll(async () => {
  log = await makeLog({ events: 700, subjects: 60 })
})
afterAll(() => rm(log.dir, { recursive: true, force: true }))

test('a genuine log has no finding, and the report says what was checked', async () => {
  const report = await verifyLog(folderSource(log.dir), { log: parseVkey(log.vkey), vkey: log.vkey, workers: 0 })
  expect(report.findings).toEqual({ listed: [], counts: {} })
  expect(report.kinds).toEqual(log.counts)
  expect(report.operator).toEqual({ thumbprint: log.operatorThumbprint, pinned: false })
  expect(report.checkpoint?.size).toBe(log.size)
})

test('a copy without its first or last entries is a finding, unless the auditor asked for no more than it holds', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lianban-part-'))
  await cp(log.dir, dir, { recursive: true })
  await rm(join(dir, 'tile/entries/000'))
  const verify = (entries?: { from: number; to: number }) =>
    verifyLog(folderSource(dir), { log: parseVkey(log.vkey), vkey: log.vkey, workers: 0, ...(entries && { entries }) })
  expect((await verify()).findings.counts).toHaveProperty('missing')
  const part = await verify({ from: 256, to: log.size })
  expect(part.findings.counts).toEqual({})
  expect(part.only).toEqual({ from: 256, to: log.size, withRules: false, endToldBy: 'auditor' })
  expect((await verify({ from: 300, to: 301 })).only).toEqual({ from: 256, to: 512, withRules: false, endToldBy: 'auditor' })
  await cp(join(log.dir, 'tile/entries/000'), join(dir, 'tile/entries/000'))
  await rm(join(dir, 'tile/entries/001'))
  const beginning = await verify({ from: 0, to: 256 })
  expect(beginning.findings.counts).toEqual({})
  expect(beginning.types['registration.established.v1']).toBeGreaterThan(0)
  await rm(dir, { recursive: true })
})

test('a part is what was read, whole bundles, and judged by the rules when these begin the log', async () => {
  const { only, kinds, types, findings } = await verifyPart({ from: 10, to: 12 })
  expect(only).toEqual({ from: 0, to: 256, withRules: true, endToldBy: 'auditor' })
  expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(256)
  expect(types['registration.established.v1']).toBeGreaterThan(0)
  expect(findings.counts).toEqual({})
  const all = await verifyPart({ from: 10, to: log.size + 5 })
  expect(all).toMatchObject({ only: undefined, kinds: log.counts })
})

test('a part without an entry is no good log, but a question that says nothing', async () => {
  await expect(verifyPart({ from: log.size, to: log.size + 1 })).rejects.toThrow(
    `--from ${log.size} is beyond the log, which has ${log.size} entries`,
  )
  await expect(verifyPart({ from: 10, to: 5 })).rejects.toThrow('--from 10 is not below --to 5, so there is no entry to check')
  await expect(verifyPart({ from: 5, to: 5 })).rejects.toBeInstanceOf(PartInvalid)
})

test('a log that became shorter is found, whatever part was asked for', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lianban-state-'))
  const stateFile = join(dir, 'state.json')
  await writeState(stateFile, log.logKey.signCheckpoint(5000, Buffer.alloc(32)), '2026-11-20T00:00:00.000Z')
  const report = await verifyPart({ from: 4000, to: 5000 }, { stateFile })
  expect(report.findings.counts).toEqual({ shrunk: 1 })
  expect(textReport(report)).toContain('No entry was read')
  await rm(dir, { recursive: true })
})

function verifyPart(entries: EntryRange, more: Partial<VerifyOptions> = {}) {
  return verifyLog(folderSource(log.dir), { log: parseVkey(log.vkey), vkey: log.vkey, workers: 0, entries, ...more })
}
