import { rm, writeFile } from 'node:fs/promises'
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
import { newFolder } from './log-prefix.ts'

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

  it('is told what is wrong with the witnesses that were named', async () => {
    const ask = (...more: string[]) => audit('verify', made.dir, '--vkey', made.vkey, ...more)
    expect(await ask('--quorum', '1')).toMatchObject({ code: 2, stderr: expect.stringContaining('--witness-vkey names 0') })
    expect(await ask('--witness-vkey', made.vkey)).toMatchObject({ code: 2, stderr: expect.stringContaining("is no witness's") })
    const twice = ['--witness-vkey', one.vkey, '--witness-vkey', one.vkey]
    expect(await ask(...twice)).toMatchObject({ code: 2, stderr: expect.stringContaining('counts once') })
  })
})
