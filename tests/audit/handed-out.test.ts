import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { evidenceFormats } from '../../src/audit/evidence/evidence.ts'
import { writeZip } from '../../src/audit/evidence/write-evidence.ts'
import { zipSource } from '../../src/audit/source-zip.ts'
import { readFormedEntry } from '../../src/audit/verify/entry-form.ts'
import { verifyLog } from '../../src/audit/verify/verify.ts'
import { payloadOfLogged, splitCompact } from '../../src/identity/compact.ts'
import { parseVkey } from '../../src/log/note.ts'
import { decodeBundle } from '../../src/log/tile.ts'
import { rebuildChanges } from '../../src/operations/rebuild-acts.ts'
import { replayChanges } from '../../src/operations/replay-acts.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { customsExamples } from '../support/customs-catalogue.ts'
import { examples } from '../support/examples.ts'
import { lianban } from '../support/lianban.ts'
import { newFolder } from './log-prefix.ts'
import { unzipped } from './verify-by-hand.ts'

// Whoever breaks one of these has made files worthless that people keep. The files stay as they are; their README says more.

const handedOut = (name: string) => join(import.meta.dirname, '..', 'fixtures', 'handed-out', name)
const subject = '91210203T00005005M'
const vkey = (await readFile(handedOut('vkey'), 'utf8')).trim()
const operator = (await readFile(handedOut('operator'), 'utf8')).trim()
const check = (file: string) => audit('evidence', '--check', file, '--vkey', vkey, '--operator', operator)

describe('evidence that was handed out', () => {
  it.each(evidenceFormats.map((_, before) => before + 1))(
    'in edition %i is good for ever: if this fails, add an edition to contents.ts with the change in it, and leave this one as it was',
    async (edition) => {
      const ran = await check(handedOut(`evidence-${edition}.zip`))
      expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(`7 events about ${subject}`) })
    },
  )

  it.each([
    { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8' },
    { TZ: 'America/St_Johns', LC_ALL: 'ar_EG.UTF-8' },
  ])('is the same wherever on earth, and in whatever language, it is looked at: $TZ', async (env) => {
    await built()
    const ran = await lianban(['audit', 'evidence', '--check', handedOut('evidence-1.zip'), '--vkey', vkey], { env })
    expect(ran, ran.stderr).toMatchObject({ code: 0 })
  })

  it.each([
    [2, `lianban-evidence@${evidenceFormats.length + 1}`, 'check it with a newer version'],
    [1, 'lianban-evidence@0', 'is not of the format lianban-evidence@1'],
    [1, 'somebody-else@7', 'is not of the format lianban-evidence@1'],
  ])('ends with %i where its manifest says %s', async (code, format, says) => {
    const files = await unzipped(handedOut('evidence-1.zip'))
    files.set('manifest.json', Buffer.from(String(files.get('manifest.json')).replace('lianban-evidence@1', format)))
    const file = join(await newFolder(), 'other.zip')
    await writeZip(file, files, '2026-11-27T00:00:00Z')
    expect(await check(file)).toMatchObject({ code, stderr: expect.stringContaining(says) })
  })
})

describe('a log that was handed out', () => {
  it('is found good for ever: a rule that judges what was logged before by a new standard needs a version of the rules', async () => {
    const source = await zipSource(handedOut('log.zip'))
    const report = await verifyLog(source, { log: parseVkey(vkey), vkey, operator, workers: 0 })
    await source.close()
    expect(report.findings).toEqual({ listed: [], counts: {} })
    expect(report).toMatchObject({ checkpoint: { size: 263 }, keys: 13, catalogues: 2, only: undefined })
    expect(report.doubtful).toMatchObject([{ events: 3, indexes: [33, 34, 38] }])
  })

  it('gives the evidence that was handed out, in today’s edition', async () => {
    const file = join(await newFolder(), 'evidence.zip')
    const log = handedOut('log.zip')
    expect(await audit('evidence', '--subject', subject, '--from', log, '--out', file, '--vkey', vkey)).toMatchObject({ code: 0 })
    expect(await check(file)).toMatchObject({ code: 0, stdout: (await check(handedOut('evidence-1.zip'))).stdout })
  })

  it('has entries of every kind in it, every type, algorithm and action, so that the promise is about all of them', async () => {
    const source = await zipSource(handedOut('log.zip'))
    const entries = [...decodeBundle(await source.bundle(0, 256), 256), ...decodeBundle(await source.bundle(1, 7), 7)]
    await source.close()
    const seen = { kinds: new Set(), types: new Set(), algorithms: new Set(), actions: new Set(), problems: new Set() }
    for (const formed of entries.map((bytes) => readFormedEntry(bytes))) {
      seen.kinds.add(formed.kind)
      if (formed.kind === 'event') seen.types.add(payloadOfLogged(formed.jws).type)
      if (formed.kind === 'event') seen.algorithms.add(JSON.parse(splitCompact(formed.jws).header.toString()).alg)
      if (formed.kind === 'refusal') seen.problems.add(formed.refusal.problem)
      if (formed.kind === 'key') seen.actions.add(formed.entry.action)
      if (formed.kind === 'operation') seen.actions.add(formed.action)
    }
    expect(seen.kinds).toEqual(new Set(['catalogue', 'event', 'key', 'operation', 'refusal']))
    expect(seen.algorithms).toEqual(new Set(['EdDSA', 'ES256', 'PS256', 'RS256']))
    for (const { type } of [...examples(), ...(await customsExamples())]) expect(seen.types).toContain(type)
    expect(seen.actions).toEqual(new Set([...keyActions, ...acts]))
    for (const problem of ['invalid-event', 'sender-not-allowed', 'unknown-type', 'duplicate-id', 'not-active'])
      expect(seen.problems).toContain(problem)
  })
})

const keyActions = ['register', 'revoke']
const acts = [
  'read-entries',
  'plan-replay',
  ...replayChanges,
  'dismiss',
  'approve',
  'rebuild-view',
  ...rebuildChanges,
  'check-view',
  'republish',
  'new-origin',
]
