import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { openCosigned, parseWitnessVkey, type Witness } from '../../src/log/cosignature.ts'
import { parseVkey } from '../../src/log/note.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { bureausOf, indexOf, origin } from '../support/e2e-bureaus.ts'
import { eventually } from '../support/eventually.ts'
import { exampleOf, madeUpUscc } from '../support/gateway.ts'
import { describeWithGo, goTool } from '../support/go-tools.ts'
import { startKillable } from '../support/killable.ts'
import { type Litewitness, startLitewitness } from '../support/litewitness.ts'

const quorum = 2

describeWithGo('litewitness', () => {
  let program: string
  beforeAll(async () => {
    program = await goTool('litewitness')
    await built()
  }, 600_000)

  it('two cosign the checkpoints of a running exchange, may go away and come back, and auditors ask for both', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'lianban-witnessed-'))
    // as root, Postgres's own user must reach it
    await chmod(dataDir, 0o755)
    const witnesses: Litewitness[] = []
    const stops: (() => Promise<unknown>)[] = [() => rm(dataDir, { recursive: true, force: true, maxRetries: 20 })]
    try {
      for (const name of ['w.example/one', 'w.example/two']) {
        const witness = await startLitewitness(program, name)
        stops.push(witness.stop)
        witnesses.push(witness)
      }
      const [, two] = witnesses
      const exchange = await startKillable(['serve'], {
        DATA_DIR: dataDir,
        WITNESSES: witnesses.map(({ url, vkey }) => `${url}=${vkey}`).join(', '),
        WITNESS_MAX_LAG_SECONDS: '2',
      })
      stops.push(exchange.stop)
      const url = () => exchange.url() ?? ''
      const bureaus = await bureausOf(join(dataDir, 'keys'))
      const vkey = (await readFile(join(dataDir, 'log.vkey'), 'utf8')).trim()
      let companies = 0
      const post = async () => {
        const uscc = madeUpUscc(companies++)
        const { registrationNumber: _, ...data } = exampleOf('registration.established.v1').data
        return indexOf(
          await bureaus.post(url(), { ...exampleOf('registration.established.v1'), subject: uscc, data: { ...data, uscc } }),
        )
      }
      const keys: readonly Witness[] = witnesses.map((witness) => parseWitnessVkey(witness.vkey))
      const published = async () => openCosigned(await textOf(`${url()}/log/checkpoint`), parseVkey(vkey), keys, quorum)
      const untilCosigned = (index: number) =>
        eventually(async () => expect((await published()).size).toBeGreaterThan(index), 30_000)

      // nobody knows the log yet
      const first = await post()
      await eventually(async () => expect(await ready(url())).toMatchObject({ ready: true, witnesses: { cosignedSize: 0 } }))
      for (const witness of witnesses) await witness.register(origin, vkey)
      await untilCosigned(first)
      expect((await published()).cosignatures.map(({ name }) => name)).toEqual(['w.example/one', 'w.example/two'])

      await two?.kill()
      const alone = await post()
      await eventually(async () => expect((await ready(url())).witnesses.warning).toMatch(/fewer witnesses than the quorum/))
      expect((await published()).size).toBeLessThanOrEqual(alone)
      expect(await textOf(`${url()}/metrics`)).toMatch(
        /lianban_witness_answers_total\{witness="w.example\/two",outcome="away"\} \d+/,
      )
      // one of them is ahead of what we know when the exchange has forgotten: 409, and on from there
      await exchange.kill()
      await exchange.restart()
      const later = await post()
      await two?.restart()
      await untilCosigned(later)
      await eventually(async () => expect((await ready(url())).witnesses.warning).toBeUndefined())

      const { body } = await bureaus.get(url(), `/v1/events/${later}`, 'commerce')
      const receipt = join(dataDir, 'r.tlog-proof')
      await writeFile(receipt, String(body.receipt))
      await writeFile(join(dataDir, 'r.entry'), String(body.entry))
      const both = [
        '--vkey',
        vkey,
        '--witness-vkey',
        witnesses[0]?.vkey ?? '',
        '--witness-vkey',
        two?.vkey ?? '',
        '--quorum',
        '2',
      ]
      expect(await audit('receipt', receipt, ...both, '--log', url())).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('w.example/two'),
      })
    } finally {
      for (const stop of stops.reverse()) await stop()
    }
  }, 240_000)
})

async function textOf(url: string): Promise<string> {
  return (await fetch(url)).text()
}

async function ready(url: string): Promise<{ ready: boolean; witnesses: { cosignedSize: number; warning?: string } }> {
  return JSON.parse(await textOf(`${url}/health/ready`))
}
