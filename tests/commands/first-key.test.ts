import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startExchange } from '../support/exchange.ts'
import { lianban } from '../support/lianban.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

let database: TestDatabase
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  database = await testDatabase()
  folder = await mkdtemp(join(tmpdir(), 'lianban-first-'))
  env = { NODE_ENV: 'production', DATABASE_URL: database.url, DATA_DIR: join(folder, 'data'), LOG_ORIGIN: 'test.example/log' }
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await database?.close()
})

it('in production the first operator registers a key in the database itself, and vouches for all others over HTTP', async () => {
  const [operator, commerce] = [join(folder, 'operator.jwk'), join(folder, 'commerce.jwk')]
  await lianban(['keys', 'generate', '--out', operator])
  await lianban(['keys', 'generate', '--out', commerce])
  const first = (file: string, party: string) => lianban(['keys', 'register', file, '--party', party, '--first'], { env })

  const bureau = await first(commerce, 'commerce')
  expect(bureau.code).toBe(1)
  expect(bureau.stderr).toContain("an operator's")
  const registered = await first(operator, 'operator')
  expect(registered.stderr).toBe('')
  expect(registered.stdout).toContain('at index 1 of test.example/log')
  expect((await first(operator, 'operator')).code).toBe(1)

  const exchange = await startExchange({ env, dataDir: join(folder, 'data') })
  try {
    expect(exchange.output()).not.toContain('lianban is ready')
    const at = ['--url', exchange.url]
    const vouched = await lianban(['keys', 'register', commerce, '--party', 'commerce', '--voucher', operator, ...at])
    expect(vouched).toMatchObject({ code: 0, stderr: '' })
    const list = await lianban(['keys', 'list', '--key', commerce, '--json', ...at])
    expect(JSON.parse(list.stdout)).toMatchObject([
      { party: 'operator', registeredAt: 1 },
      { party: 'commerce', registeredAt: 2 },
    ])
  } finally {
    expect(await exchange.stop()).toBe(0)
  }
})
