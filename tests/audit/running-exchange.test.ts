import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { followLog } from '../../src/audit/mirror/follow-log.ts'
import { folderSource } from '../../src/audit/source-folder.ts'
import { importSigningKey } from '../../src/identity/private-key.ts'
import { openCheckpoint } from '../../src/log/checkpoint.ts'
import { leafHash } from '../../src/log/merkle.ts'
import { parseVkey } from '../../src/log/note.ts'
import { decodeBundle } from '../../src/log/tile.ts'
import { rootFromTiles } from '../../src/log/tile-proofs.ts'
import { audit } from '../support/audit-command.ts'
import { built } from '../support/built.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningExchange, startExchange } from '../support/exchange.ts'
import { lianban } from '../support/lianban.ts'
import { newFolder } from './log-prefix.ts'

let exchange: RunningExchange
let vkey: string
let receipts: string
const subject = '91210203XTEXT0018E'
const examples = join(import.meta.dirname, '..', '..', 'docs', 'examples')

beforeAll(async () => {
  await built()
  exchange = await startExchange()
  vkey = (await readFile(join(exchange.dataDir, 'log.vkey'), 'utf8')).trim()
  receipts = await newFolder()
  const keys = join(exchange.dataDir, 'keys')
  const posted = await lianban(['post', examples, '--keys', keys, '--url', exchange.url, '--receipts', receipts])
  expect(posted, posted.stderr).toMatchObject({ code: 0 })
})
afterAll(async () => {
  await exchange?.stop()
})

const auditorKey = () => join(exchange.dataDir, 'keys', 'auditor.jwk')
const sizeNow = async () => Number((await (await fetch(`${exchange.url}/log/checkpoint`)).text()).split('\n')[1])

it('an export of a running exchange is its log, and a second one adds what came since, its own reading too', async () => {
  const out = await newFolder()
  const sizes: number[] = []
  for (let round = 0; round < 2; round++) {
    expect(await audit('export', exchange.url, '--out', out, '--vkey', vkey, '--key', auditorKey())).toMatchObject({ code: 0 })
    const source = folderSource(out)
    const { size, root } = openCheckpoint(await source.checkpoint(), parseVkey(vkey))
    expect(await rootFromTiles(size, source.tile)).toEqual(root)
    const entries = decodeBundle(await source.bundle(0, size), size)
    expect(Buffer.concat(entries.map((entry) => leafHash(entry)))).toEqual(await source.tile(0, 0, size))
    sizes.push(size)
  }
  expect(sizes[1]).toBe((sizes[0] ?? 0) + 1)
})

it('without an auditor’s key the exchange refuses, and says so', async () => {
  const refused = await audit('export', exchange.url, '--out', await newFolder(), '--vkey', vkey)
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('HTTP 401')
  expect(refused.stderr).toContain('give --key')
  const commerce = join(exchange.dataDir, 'keys', 'commerce.jwk')
  expect((await audit('export', exchange.url, '--out', await newFolder(), '--vkey', vkey, '--key', commerce)).stderr).toContain(
    'HTTP 403',
  )
})

it('evidence from the exchange is good, and holds what evidence from its export holds', async () => {
  const folder = await newFolder()
  const out = join(folder, 'log')
  await audit('export', exchange.url, '--out', out, '--vkey', vkey, '--key', auditorKey())
  for (const [name, from] of [
    ['exchange.zip', exchange.url],
    ['export.zip', out],
  ] as const) {
    const made = await audit(
      'evidence',
      '--subject',
      subject,
      '--from',
      from,
      '--out',
      join(folder, name),
      '--vkey',
      vkey,
      '--key',
      auditorKey(),
    )
    expect(made, made.stderr).toMatchObject({ code: 0 })
  }
  const [one, other] = await Promise.all(['exchange.zip', 'export.zip'].map((name) => join(folder, name))).then(async (files) => [
    (await audit('evidence', '--check', files[0] ?? '', '--vkey', vkey)).stdout,
    (await audit('evidence', '--check', files[1] ?? '', '--vkey', vkey)).stdout,
  ])
  const withoutSize = (text: string | undefined) => text?.replace(/^log .*$/m, '')
  expect(one).toContain('registration.established.v1')
  expect(withoutSize(one)).toBe(withoutSize(other))
})

it('the exchange’s JSON answer is taken as the receipt and entry that it holds', async () => {
  const token = await lianban(['sign', '--token', '--key', auditorKey(), '--url', exchange.url])
  const asked = await fetch(`${exchange.url}/v1/events/6`, { headers: { authorization: `Bearer ${token.stdout.trim()}` } })
  const answer: { readonly entry: string } = JSON.parse(await asked.text())
  const file = join(await newFolder(), 'answer.json')
  for (const [entry, code] of [
    [answer.entry, 0],
    [answer.entry.replace('event', 'evenT'), 1],
    [7, 2],
  ] as const) {
    await writeFile(file, JSON.stringify({ ...answer, entry }))
    expect(await audit('receipt', file, '--vkey', vkey, '--log', exchange.url)).toMatchObject({ code })
    expect((await lianban(['receipt', 'verify', file, '--vkey', vkey])).code).toBe(code)
  }
})

it('every receipt that a bureau got belongs to the log of today', async () => {
  const receipt = join(receipts, '01-registration-established-commerce.tlog-proof')
  const ran = await audit('receipt', receipt, '--vkey', vkey, '--log', exchange.url)
  expect(ran, ran.stderr).toMatchObject({ code: 0 })
  expect(ran.stdout).toContain('registration.established.v1')
})

it('a mirror does not read its own readings for ever', async () => {
  const stop = new AbortController()
  const metrics = join(await newFolder(), 'm.prom')
  const before = await sizeNow()
  const following = followLog({
    target: exchange.url,
    folder: await newFolder(),
    log: parseVkey(vkey),
    vkey,
    key: await importSigningKey(JSON.parse(await readFile(auditorKey(), 'utf8'))),
    everySeconds: 0.02,
    metricsFile: metrics,
    signal: stop.signal,
    say: () => undefined,
  })
  await eventually(async () => /result="unchanged"\} \d\d/.test(await readFile(metrics, 'utf8').catch(() => '')))
  stop.abort()
  await following
  expect(await sizeNow()).toBe(before + 1)
})
