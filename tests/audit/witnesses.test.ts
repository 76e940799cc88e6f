import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { folderSource } from '../../src/audit/source-folder.ts'
import { openCheckpoint } from '../../src/log/checkpoint.ts'
import { receiptText } from '../../src/log/receipt.ts'
import { inclusionProof } from '../../src/log/tile-proofs.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { lianban } from '../support/lianban.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'
import { madeWitness } from '../support/made-witness.ts'
import { serveStatic } from '../support/static-log.ts'
import { filesOf, forked, newFolder, writeLog } from './log-prefix.ts'

const [one, two] = [madeWitness('w.example/one'), madeWitness('w.example/two')]
const byTwo = ['--witness-vkey', one.vkey, '--witness-vkey', two.vkey]
let made: MadeLog

beforeAll(async () => {
  await built()
  made = await makeLog({ events: 20, keepEntries: true })
})
afterAll(() => rm(made.dir, { recursive: true, force: true }))

const publish = (checkpoint: string) => writeFile(join(made.dir, 'checkpoint'), checkpoint)
beforeEach(() => publish(made.checkpoint))

async function receiptFile(checkpoint: string): Promise<string> {
  const { tile } = folderSource(made.dir)
  const { size } = openCheckpoint(made.checkpoint, made.logKey.verifier)
  const file = join(await newFolder(), 'r.tlog-proof')
  const extra = Buffer.from(made.entries[9] ?? '')
  await writeFile(file, receiptText({ index: 9, proof: await inclusionProof(9, size, tile), checkpoint, extra }))
  return file
}

describe('an auditor who asks for witnesses', () => {
  it('verifies a log that the quorum stands by, and finds fault with one that it does not', async () => {
    const verify = (...more: string[]) => lianban(['audit', 'verify', made.dir, '--vkey', made.vkey, '--workers', '1', ...more])
    const lonely = await verify(...byTwo, '--quorum', '1')
    expect(lonely.stdout).toContain('0 of the 1 witnesses asked for cosigned')
    await publish(made.checkpoint + two.line(made.checkpoint))
    const byOne = await verify(...byTwo, '--quorum', '1')
    expect(byOne.stdout).not.toContain('witnesses asked for')
    expect(byOne.stdout).toMatch(/witnesses +1 of the 2 named: w\.example\/two at 20/)
    expect((await verify(...byTwo)).stdout).toContain('1 of the 2 witnesses asked for cosigned')
    await publish(made.checkpoint + one.line(made.checkpoint) + two.line(made.checkpoint))
    expect((await verify(...byTwo)).stdout).not.toContain('witnesses asked for')
  })

  it('takes a receipt whose checkpoint the quorum cosigned, is told who and when, and refuses others', async () => {
    const at = new Date('2026-11-24T08:00:00Z')
    const alone = await receiptFile(made.checkpoint)
    const cosigned = await receiptFile(made.checkpoint + one.line(made.checkpoint, at))
    const check = (file: string, ...more: string[]) => audit('receipt', file, '--vkey', made.vkey, ...more)
    const good = await check(cosigned, ...byTwo, '--quorum', '1')
    expect(good).toMatchObject({ code: 0 })
    expect(good.stdout).toContain('w.example/one, 2026-11-24T08:00:00.000Z')
    expect(await check(cosigned, ...byTwo)).toMatchObject({ code: 1, stderr: expect.stringContaining('not: w.example/two') })
    expect(await check(alone)).toMatchObject({ code: 0 })
    expect(await check(alone, '--witness-vkey', one.vkey)).toMatchObject({ code: 1 })
    const other = madeWitness('w.example/one')
    expect(await check(cosigned, '--witness-vkey', other.vkey)).toMatchObject({ code: 1 })
    // the log of today must have the quorum as well
    const today = ['--log', made.dir, '--witness-vkey', one.vkey]
    expect(await check(cosigned, ...today)).toMatchObject({ code: 1 })
    await publish(made.checkpoint + one.line(made.checkpoint))
    expect(await check(cosigned, ...today)).toMatchObject({ code: 0 })
  })

  it('exports what the quorum stands by, and nothing that it does not', async () => {
    const out = await newFolder()
    const copy = (...more: string[]) => audit('export', made.dir, '--out', out, '--vkey', made.vkey, ...more)
    await publish(made.checkpoint + two.line(made.checkpoint))
    const refused = await copy(...byTwo)
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('1 of the 2 witnesses asked for cosigned') })
    expect(refused.stderr).toContain('not: w.example/one')
    expect(Object.keys(await filesOf(out))).toEqual([])
    expect(await copy(...byTwo, '--quorum', '1')).toMatchObject({ code: 0 })
    expect(await readFile(join(out, 'checkpoint'), 'utf8'), 'with its cosignatures').toContain('— w.example/two ')
  })

  it('mirrors what the quorum stands by; it keeps and compares what only the log signed', async () => {
    const out = await newFolder()
    const server = await serveStatic(made.dir)
    const once = (...more: string[]) => audit('mirror', server.url, '--out', out, '--vkey', made.vkey, '--once', ...more)
    const byOne = ['--witness-vkey', one.vkey]
    const lonely = await once(...byOne, '--metrics', join(out, 'm'))
    expect(lonely).toMatchObject({ code: 1, stderr: expect.stringContaining('0 of the 1 witnesses asked for cosigned') })
    expect(await readFile(join(out, 'm'), 'utf8')).toContain('{result="unverifiable"} 1')
    await expect(folderSource(out).checkpoint(), 'nothing was copied').rejects.toThrow('has no checkpoint')
    const folder = await writeLog(made, forked(made.entries, made.size - 1))
    const fork = await readFile(join(folder, 'checkpoint'), 'utf8')
    await writeFile(join(folder, 'checkpoint'), fork + one.line(fork))
    server.serve(folder)
    // the witness would have to be in league with the log
    expect(await once(...byOne)).toMatchObject({ code: 1, stderr: expect.stringContaining('FORK') })
    await rm(join(out, 'ALARM'))
    await rm(join(out, 'checkpoints.jsonl'))
    server.serve(made.dir)
    await publish(made.checkpoint + one.line(made.checkpoint))
    expect(await once(...byOne)).toMatchObject({ code: 0 })
    expect(await readFile(join(out, 'checkpoint'), 'utf8')).toContain('— w.example/one ')
    await server.stop()
  })

  it('makes evidence of what the quorum stands by, whose receipts prove that to others', async () => {
    const file = join(await newFolder(), 'evidence.zip')
    const about = ['--subject', made.subjects[0] ?? '', '--from', made.dir, '--out', file]
    const make = (...more: string[]) => audit('evidence', ...about, '--vkey', made.vkey, ...more)
    const check = (...more: string[]) => audit('evidence', '--check', file, '--vkey', made.vkey, ...more)
    expect(await make('--witness-vkey', one.vkey)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('0 of the 1 witnesses asked for cosigned'),
    })
    expect(await make()).toMatchObject({ code: 0 })
    const lonely = await check('--witness-vkey', one.vkey)
    expect(lonely).toMatchObject({ code: 1 })
    expect(lonely.stderr.match(/0 of the 1 witnesses asked for cosigned/g), 'said once').toHaveLength(1)
    const at = new Date('2026-11-24T08:00:00Z')
    await publish(made.checkpoint + one.line(made.checkpoint, at))
    expect(await make('--witness-vkey', one.vkey)).toMatchObject({ code: 0 })
    const good = await check(...byTwo, '--quorum', '1')
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('w.example/one, 2026-11-24T08:00:00.000Z') })
    expect(await check(...byTwo)).toMatchObject({ code: 1, stderr: expect.stringContaining('not: w.example/two') })
    expect(await check('--witness-vkey', madeWitness('w.example/one').vkey)).toMatchObject({ code: 1 })
  })

  it.each([
    ['verify', 'x'],
    ['export', 'x', '--out', 'x'],
    ['mirror', 'http://127.0.0.1:9', '--once', '--out', 'x'],
    ['evidence', '--check', 'x'],
    ['evidence', '--subject', 'x', '--from', 'x', '--out', 'x'],
    ['receipt', 'x'],
  ])('%s refuses a quorum of more witnesses than were named, before it does anything', async (...command) => {
    const ran = await audit(...command, '--vkey', made.vkey, '--witness-vkey', one.vkey, '--quorum', '2')
    expect(ran).toMatchObject({ code: 2, stderr: '--quorum asks for 2 witnesses, and --witness-vkey names 1' })
    await expect(audit(...command, '--vkey', made.vkey, '--witness-vkey', one.vkey, '--quorum', '0')).rejects.toThrow(
      'It must be a whole number from 1 to 64',
    )
  })

  it('is told what is wrong with the witnesses that were named', async () => {
    const ask = (...more: string[]) => audit('verify', made.dir, '--vkey', made.vkey, ...more)
    expect(await ask('--quorum', '1')).toMatchObject({ code: 2, stderr: expect.stringContaining('--witness-vkey names 0') })
    expect(await ask('--witness-vkey', made.vkey)).toMatchObject({ code: 2, stderr: expect.stringContaining("is no witness's") })
    const twice = ['--witness-vkey', one.vkey, '--witness-vkey', one.vkey]
    expect(await ask(...twice)).toMatchObject({ code: 2, stderr: expect.stringContaining('counts once') })
  })
})
