import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { writeZip } from '../../src/audit/evidence/write-evidence.ts'
import { folderSource } from '../../src/audit/source-folder.ts'
import { receiptText } from '../../src/log/receipt.ts'
import { inclusionProof } from '../../src/log/tile-proofs.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { lianban } from '../support/lianban.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'
import { rewritten, withFields } from './altered-log.ts'
import { newFolder } from './log-prefix.ts'
import { unzipped } from './verify-by-hand.ts'

/** Clears the screen, writes green, and turns the direction of writing. */
const hostile = '\u001b[2J\u001b[32mgood\u202e\u0085'
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const commanding = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/

let made: MadeLog
beforeAll(async () => {
  await built()
  made = await makeLog({ events: 60, subjects: 4, keepEntries: true })
})

/** A receipt of an entry that stands in the place of the last one. */
async function receiptOf(entry: string): Promise<string> {
  const index = made.size - 1
  const source = folderSource(await rewritten(made, made.entries.with(index, entry)))
  const proof = await inclusionProof(index, made.size, source.tile)
  const file = join(await newFolder(), 'a.tlog-proof')
  await writeFile(file, receiptText({ index, proof, checkpoint: await source.checkpoint(), extra: Buffer.from(entry) }))
  return file
}

it('what a refused request called itself commands no terminal where its receipt is looked at', async () => {
  const refusal = made.entries.find((entry) => entry.startsWith('{"kind":"refusal"')) ?? ''
  const ran = await audit('receipt', await receiptOf(withFields(refusal, { id: hostile, type: hostile })), '--vkey', made.vkey)
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('[32mgood') })
  expect(ran.stdout).not.toMatch(commanding)
})

it('an entry that nobody can read is in the log all the same, and said to be no good', async () => {
  const ran = await audit('receipt', await receiptOf('nothing'), '--vkey', made.vkey)
  expect(ran).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/proved +this entry is in the log[\s\S]*entry +it can't be read/),
  })
})

it('nor does what the manifest of evidence says, where the evidence is refused', async () => {
  const folder = await newFolder()
  const file = join(folder, 'evidence.zip')
  const subject = made.subjects[0] ?? ''
  await audit('evidence', '--subject', subject, '--from', made.dir, '--out', file, '--vkey', made.vkey)
  const files = await unzipped(file)
  files.set('manifest.json', Buffer.from(JSON.stringify({ ...JSON.parse(String(files.get('manifest.json'))), subject: hostile })))
  await writeZip(file, files, '2026-11-23T00:00:00Z')
  const ran = await lianban(['audit', 'evidence', '--check', file, '--vkey', made.vkey])
  expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining(`it is about ${subject}, not about`) })
  expect(ran.stderr).not.toMatch(commanding)
})
