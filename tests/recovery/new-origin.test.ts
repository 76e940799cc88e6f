import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect } from '../../src/database/connect.ts'
import { payloadOfLogged } from '../../src/identity/compact.ts'
import { parseReceipt } from '../../src/log/receipt.ts'
import { companies } from '../support/companies.ts'
import { type Bureaus, bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { cloudEventOf } from '../support/examples.ts'
import { cleanEnv, lianban, mainFile } from '../support/lianban.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { backUp, restore } from '../support/restored-database.ts'

let database: TestDatabase
let newDatabase: TestDatabase
let backup: TestDatabase
let deployment: Deployment
let exchange: Running
let bureaus: Bureaus
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  database = await testDatabase()
  newDatabase = await testDatabase()
  deployment = await deploy({ DATABASE_URL: database.url })
  exchange = await deployment.start(['serve'])
  bureaus = await bureausOf(deployment.keysFolder())
  folder = join(exchange.dataDir, 'test')
  await mkdir(folder)
  env = { DATABASE_URL: database.url, DATA_DIR: exchange.dataDir, LOG_KEY_FILE: deployment.logKeyFile }
  for (const example of companies(5)) indexOf(await bureaus.post(exchange.url, example))
})
afterAll(async () => {
  await deployment?.close()
  for (const one of [backup, database, newDatabase]) await one?.close()
})

const keyFile = (party: string) => join(deployment.keysFolder(), `${party}.jwk`)
const recover = (...args: string[]) => lianban(['log', 'recover', ...args], { env })

it('a database that was lost whole comes back from a mirror alone', async () => {
  const mirror = join(folder, 'mirror')
  const mirrored = await lianban([
    ...['audit', 'mirror', exchange.url, '--once', '--out', mirror],
    ...['--vkey', join(exchange.dataDir, 'log.vkey'), '--key', keyFile('auditor')],
  ])
  expect(mirrored).toMatchObject({ code: 0 })
  await exchange.stop()
  backup = await backUp(database.url)
  await database.close()
  const empty = await testDatabase()
  await restore(database.url, empty.url)
  // killed at whatever moment: all of it is there, or nothing
  for (let afterMs = 300; afterMs <= 1500; afterMs += 200) {
    const child = spawn(process.execPath, [mainFile, 'log', 'recover', '--from-mirror', mirror, '--apply'], {
      env: cleanEnv(env),
      timeout: afterMs,
      killSignal: 'SIGKILL',
      stdio: 'ignore',
    })
    await once(child, 'exit')
    const size = (await entriesOf(database.url)).length
    expect([0, (await entriesOf(backup.url)).length]).toContain(size)
    if (size > 0) await restore(database.url, empty.url)
  }
  await empty.close()
  const recovered = await recover('--from-mirror', mirror, '--apply')
  expect(recovered).toMatchObject({ code: 0, stderr: '' })
  expect(await entriesOf(database.url)).toEqual(await entriesOf(backup.url))
  exchange = await deployment.start(['serve'], {}, exchange.dataDir)
})

it('when entries stay lost, a new origin names the old root and what is lost, and audits judge both logs', {
  timeout: 120_000,
}, async () => {
  const receipts = join(folder, 'receipts')
  const file = join(folder, 'lost.ndjson')
  const lost = companies(4, 10).map((example, i) => `${JSON.stringify(cloudEventOf(example, `lost-${i}`, new Date()))}\n`)
  await writeFile(file, lost.join(''))
  const post = ['post', file, '--keys', deployment.keysFolder(), '--receipts', receipts, '--url', exchange.url]
  expect(await lianban([...post, '--concurrency', '1'])).toMatchObject({ code: 0 })
  await exchange.stop()
  await restore(database.url, backup.url)
  const first = (await entriesOf(backup.url)).length
  for (const name of await readdir(receipts)) {
    const { index } = name.endsWith('.entry') ? { index: -1 } : parseReceipt(await readFile(join(receipts, name), 'utf8'))
    if (index === first + 3 || index === first + 5) await rm(join(receipts, name))
  }

  const asked = [
    ...['--from-receipts', receipts, '--new-origin', 'localhost/lianban-2', '--reason', 'the disk and its backups burnt'],
    ...['--key', keyFile('operator'), '--new-database', newDatabase.url],
    ...['--new-key', join(folder, 'new.key'), '--out', join(folder, 'old')],
  ]
  expect(await recover(...asked.slice(0, -2), '--apply')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('needs --reason'),
  })
  const dry = await recover(...asked)
  expect(dry).toMatchObject({ code: 0, stderr: '' })
  expect(dry.stdout).toContain('--apply begins localhost/lianban-2')
  const began = await recover(...asked, '--apply')
  expect(began).toMatchObject({ code: 0, stderr: '' })

  const entries = await entriesOf(newDatabase.url)
  expect(entries.map(({ kind }) => kind)).toEqual(['catalogue', 'key', 'operation'])
  const { request } = JSON.parse(entries[2]?.entry ?? '{}')
  expect(payloadOfLogged(request)).toMatchObject({
    action: 'new-origin',
    reason: 'the disk and its backups burnt',
    oldOrigin: 'localhost/lianban',
    oldSize: first + 8,
    keptSize: first + 3,
    lostEntries: 2,
    lost: [
      [first + 3, first + 3],
      [first + 5, first + 5],
    ],
  })
  const old = join(folder, 'old')
  expect((await readdir(join(old, 'recovered'))).sort()).toEqual([4, 6, 7].map((i) => `${first + i}.entry`))
  const resend = (await readFile(join(old, 'resend', 'commerce.ndjson'), 'utf8')).trim().split('\n')
  expect(resend).toHaveLength(10 + 6)
  const oldVkey = join(exchange.dataDir, 'log.vkey')
  expect(await lianban(['audit', 'verify', join(old, 'old-log'), '--vkey', oldVkey])).toMatchObject({ code: 0 })

  const production = { NODE_ENV: 'production', DATABASE_URL: newDatabase.url, LOG_ORIGIN: 'localhost/lianban-2' }
  const second = await deployment.start(['serve'], { ...production, LOG_KEY_FILE: join(folder, 'new.key') })
  const [voucher = ''] = (await readdir(join(old, 'vouchers'))).filter((name) => name.startsWith('commerce-'))
  const registered = await lianban([
    ...['keys', 'register', keyFile('commerce'), '--party', 'commerce', '--url', second.url],
    ...['--voucher-text', join(old, 'vouchers', voucher)],
  ])
  expect(registered).toMatchObject({ code: 0, stderr: '' })
  expect(indexOf(await bureaus.post(second.url, companies(1, 50)[0] ?? exampleMissing()))).toBe(4)
  await second.stop()
  const newVkey = join(second.dataDir, 'log.vkey')
  const exported = await exportOf(second, production)
  expect(await lianban(['audit', 'verify', exported, '--vkey', newVkey])).toMatchObject({ code: 0, stderr: '' })
})

async function exportOf(running: Running, production: Record<string, string>): Promise<string> {
  const again = await deployment.start(['serve'], { ...production, LOG_KEY_FILE: join(folder, 'new.key') }, running.dataDir)
  const out = join(folder, 'exported')
  const auditor = (await readdir(join(folder, 'old', 'vouchers'))).find((name) => name.startsWith('auditor-')) ?? ''
  await lianban([
    ...['keys', 'register', keyFile('auditor'), '--party', 'auditor', '--url', again.url],
    ...['--voucher-text', join(folder, 'old', 'vouchers', auditor)],
  ])
  const vkey = join(running.dataDir, 'log.vkey')
  const copied = await lianban(['audit', 'export', again.url, '--out', out, '--vkey', vkey, '--key', keyFile('auditor')])
  expect(copied).toMatchObject({ code: 0 })
  return out
}

function exampleMissing(): never {
  throw new Error('no example')
}

/** Before the first migration there is no table. */
const noLog = (error: unknown) => {
  if (error instanceof Error && 'code' in error && error.code === '42P01') return []
  throw error
}

async function entriesOf(url: string): Promise<readonly { index: number; kind: string; entry: string }[]> {
  const { raw, close } = connect(url, { name: 'test entries', maxConnections: 1 })
  try {
    return [
      ...(await raw<
        { index: number; kind: string; entry: string }[]
      >`select index, kind, entry from log.entries order by index`.catch(noLog)),
    ]
  } finally {
    await close()
  }
}
