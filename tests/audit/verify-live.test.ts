import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { built } from '../support/built.ts'
import { companies } from '../support/companies.ts'
import { type RunningExchange, startExchange } from '../support/exchange.ts'
import { lianban } from '../support/lianban.ts'

let exchange: RunningExchange
let work: string

beforeAll(async () => {
  await built()
  exchange = await startExchange()
  work = await mkdtemp(join(tmpdir(), 'lianban-live-'))
})
afterAll(async () => {
  await exchange.stop()
  await rm(work, { recursive: true, force: true })
})

test('a running exchange is verified over HTTP, and the next visit starts from what the last one saw', async () => {
  await post()
  const key = ['--key', join(exchange.dataDir, 'keys', 'auditor.jwk')]
  const args = [
    'audit',
    'verify',
    exchange.url,
    '--vkey',
    join(exchange.dataDir, 'log.vkey'),
    ...key,
    '--state',
    join(work, 'state.json'),
    '--json',
  ]
  const first = await lianban(args)
  expect(first.stderr).toBe('')
  expect(first.code).toBe(0)
  expect(JSON.parse(first.stdout)).toMatchObject({ good: true, kinds: { event: 10, key: 5, catalogue: 1, refusal: 5 } })
  // that reading is on record by now, and so is a second one, of the next token
  const second = await lianban(args)
  expect(second.code).toBe(0)
  const report = JSON.parse(second.stdout)
  expect(report.kinds.operation).toBeGreaterThanOrEqual(1)
  expect(report.lastVisit.size).toBe(JSON.parse(first.stdout).checkpoint.size)
  const nobody = await lianban(['audit', 'verify', exchange.url, '--vkey', join(exchange.dataDir, 'log.vkey')])
  expect(nobody.code).toBe(2)
})

/** Events of five companies; then each of them established a second time, which is refused and on record. */
async function post(): Promise<void> {
  const events = companies(5).map((event) => ({ ...event, id: randomUUID(), source: `/bureaus/${event.source}` }))
  const again = events
    .filter(({ type }) => type === 'registration.established.v1')
    .map((event) => ({ ...event, id: randomUUID() }))
  for (const [round, some] of [events, again].entries()) {
    const file = join(work, `${round}.ndjson`)
    await writeFile(file, some.map((event) => `${JSON.stringify(event)}\n`).join(''))
    const ran = await lianban(['post', file, '--url', exchange.url, '--keys', join(exchange.dataDir, 'keys')])
    expect(ran.code, ran.stderr).toBe(round)
  }
}
