import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { folderSource } from '../../src/audit/source-folder.ts'
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
  expect(part.only).toEqual({ from: 256, to: log.size, withRules: false })
  await cp(join(log.dir, 'tile/entries/000'), join(dir, 'tile/entries/000'))
  await rm(join(dir, 'tile/entries/001'))
  const beginning = await verify({ from: 0, to: 256 })
  expect(beginning.findings.counts).toEqual({})
  expect(beginning.types['registration.established.v1']).toBeGreaterThan(0)
  await rm(dir, { recursive: true })
})
