import { rm } from 'node:fs/promises'
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
