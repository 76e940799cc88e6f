import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openCosigned } from '../../src/log/cosignature.ts'
import { type LogKey, loadOrMakeLogKey } from '../../src/log/log-key.ts'
import { parseReceipt, verifyReceipt } from '../../src/log/receipt.ts'
import { built } from '../support/built.ts'
import { type Bureaus, bureausOf, indexOf, origin } from '../support/e2e-bureaus.ts'
import { eventually } from '../support/eventually.ts'
import { exampleOf, madeUpUscc } from '../support/gateway.ts'
import { type Killable, startKillable } from '../support/killable.ts'
import { startWitnessServer, type WitnessServer } from '../support/witness-server.ts'

// A whole exchange that accepts nothing without its witness, as a process.

let dataDir: string
let key: LogKey
let witness: WitnessServer
let exchange: Killable
let bureaus: Bureaus

beforeAll(async () => {
  await built()
  dataDir = await mkdtemp(join(tmpdir(), 'lianban-required-'))
  // as root, Postgres's own user must reach it
  await chmod(dataDir, 0o755)
  key = await loadOrMakeLogKey(join(dataDir, 'log.key'), origin)
  witness = await startWitnessServer('w.example/one', key.verifier)
  exchange = await startKillable(['serve'], {
    DATA_DIR: dataDir,
    WITNESSES: `${witness.address.url}=${witness.witness.vkey}`,
    WITNESS_MAX_LAG_SECONDS: '2',
    WITNESS_REQUIRED: 'true',
  })
  bureaus = await bureausOf(join(dataDir, 'keys'))
}, 90_000)
afterAll(async () => {
  await exchange.stop()
  await witness.stop()
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20 })
})

const url = () => exchange.url() ?? ''
const get = async (path: string) => {
  const response = await fetch(`${url()}${path}`)
  return { status: response.status, text: await response.text() }
}
const metric = async (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await get('/metrics')).text)?.[1])

let companies = 0
function post() {
  const uscc = madeUpUscc(companies++)
  const { registrationNumber: _, ...data } = exampleOf('registration.established.v1').data
  return bureaus.post(url(), { ...exampleOf('registration.established.v1'), subject: uscc, data: { ...data, uscc } })
}

const cosigned = (checkpoint: string) => openCosigned(checkpoint, key.verifier, [witness.witness], 1)

it('a receipt that is asked for again carries the checkpoint that is served, cosigned', async () => {
  const answer = await post()
  const index = indexOf(answer)
  const first = parseReceipt(String(answer.body.receipt)).checkpoint
  expect(() => cosigned(first), 'the answer to a post waits for nobody').toThrow('0 of the 1 witnesses')
  await eventually(async () => expect(cosigned((await get('/log/checkpoint')).text).size).toBeGreaterThan(index), 20_000)
  await eventually(async () => {
    const { body } = await bureaus.get(url(), `/v1/events/${index}`, 'commerce')
    const receipt = String(body.receipt)
    verifyReceipt(receipt, String(body.entry), key.verifier)
    const { checkpoint } = parseReceipt(receipt)
    expect(cosigned(checkpoint).cosignatures.map(({ name }) => name)).toEqual(['w.example/one'])
    expect(checkpoint).toBe((await get('/log/checkpoint')).text)
  }, 20_000)
}, 60_000)

it('without its witness it says so, accepts no events beyond the bound, and goes on when it is back', async () => {
  witness.misbehave((_, response) => response.writeHead(503).end())
  indexOf(await post())
  const published = await get('/log/checkpoint')
  await eventually(async () => expect((await get('/health/ready')).status).toBe(503), 20_000)
  const { ready, reason, witnesses } = JSON.parse((await get('/health/ready')).text)
  expect(ready).toBe(false)
  expect(reason).toMatch(/fewer witnesses than the quorum have cosigned for \d+ s \(bound: 2 s\): no events are accepted/)
  expect(witnesses).toMatchObject({ accepting: false, warning: reason })
  expect(await metric('lianban_witness_lag_seconds')).toBeGreaterThan(2)
  const { size } = cosigned(published.text)
  expect(await metric('lianban_witness_cosigned_size_entries')).toBe(size)
  const refused = await post()
  expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded', retryable: true } })
  expect(String(refused.body.detail)).toContain('too few witnesses')
  // what is there is still there to be read and proved
  expect((await get('/log/checkpoint')).text).toBe(published.text)
  expect(await bureaus.get(url(), `/v1/events/${size - 1}`, 'auditor')).toMatchObject({ status: 200 })
  witness.misbehave(undefined)
  await eventually(async () => expect((await get('/health/ready')).status).toBe(200), 20_000)
  indexOf(await post())
}, 90_000)
