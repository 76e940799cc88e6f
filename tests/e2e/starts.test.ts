import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { connect } from '../../src/database/connect.ts'
import { catalogueFolder } from '../support/catalogue-folder.ts'
import { bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { exampleOf, madeUpUscc } from '../support/gateway.ts'
import { lianban } from '../support/lianban.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

describe('ten gateways that start at once on an empty database', () => {
  let database: TestDatabase
  let deployment: Deployment
  let gateways: readonly Running[]
  let views: Views

  beforeAll(async () => {
    database = await testDatabase()
    deployment = await deploy({ DATABASE_URL: database.url })
    gateways = await Promise.all(Array.from({ length: 10 }, () => deployment.start(['gateway'])))
    views = await viewsOf(database.url)
  })
  afterAll(async () => {
    await views?.close()
    await deployment?.close()
    await database?.close()
  })

  it('are all ready', async () => {
    for (const { url } of gateways) {
      const response = await fetch(`${url}/health/ready`)
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ ready: true, publisher: 'elsewhere', consumers: {} })
    }
  })

  it('have begun one log: the catalogue, the operator’s key, then one key of each party', async () => {
    const entries = await views.sql<{ index: number; kind: string; entry: string }[]>`
      select index, kind, entry from log.entries order by index`
    expect(entries.map(({ index, kind }) => `${index} ${kind}`)).toEqual([
      '0 catalogue',
      ...[1, 2, 3, 4, 5].map((index) => `${index} key`),
    ])
    const parties = entries.slice(1).map(({ entry }): { party: string; action: string } => JSON.parse(entry))
    expect(parties[0]).toMatchObject({ party: 'operator', action: 'register' })
    expect(parties.map(({ party }) => party).toSorted()).toEqual(['auditor', 'commerce', 'local-tax', 'operator', 'state-tax'])
    const vkeys = await Promise.all(gateways.map(async ({ url }) => (await fetch(`${url}/log/vkey`)).text()))
    expect(new Set(vkeys).size).toBe(1)
  })

  it('take an event each, in one log without gaps', async () => {
    const bureaus = await bureausOf(deployment.keysFolder())
    const { registrationNumber: _, ...data } = exampleOf('registration.established.v1').data
    const indexes = await Promise.all(
      gateways.map(async ({ url }, n) => {
        const uscc = madeUpUscc(n)
        const example = { ...exampleOf('registration.established.v1'), subject: uscc, data: { ...data, uscc } }
        return indexOf(await bureaus.post(url, example))
      }),
    )
    expect(indexes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => 6 + i))
    // the same company at another gateway is the same company
    const [first, second] = gateways
    const again = { ...exampleOf('registration.established.v1'), subject: madeUpUscc(0), data: { ...data, uscc: madeUpUscc(0) } }
    expect((await bureaus.post(second?.url ?? '', again)).body).toMatchObject({ code: 'already-established', index: 16 })
    const checkpoints = await Promise.all(gateways.map(async ({ url }) => (await fetch(`${url}/log/checkpoint`)).text()))
    expect(new Set(checkpoints.map((text) => text.split('\n').slice(0, 3).join('\n'))).size).toBe(1)
    expect(await first?.stop()).toBe(0)
  })

  it('keep the log’s catalogue when one of them starts again with other files, and say so', async () => {
    const [gateway] = gateways
    await gateway?.stop()
    const other = await catalogueFolder((shipped) => ({ ...shipped, version: 'another' }))
    const again = await deployment.start(['gateway'], { CATALOGUE: other }, gateway?.dataDir)
    expect(again.output()).toMatch(/"level":40[^\n]*the catalogue’s files differ from the catalogue in force/)
    const rows = await views.sql<{ entry: string }[]>`select entry from log.entries where kind = 'catalogue'`
    expect(rows).toHaveLength(1)
    const shipped = await deployment.start(['gateway'])
    expect(shipped.output()).not.toContain('the catalogue’s files differ')
  })

  it('say in a sentence that a port is in use, or that there is no database', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-port-'))
    const port = new URL(gateways[1]?.url ?? '').port
    const env = { DATABASE_URL: database.url, DATA_DIR: folder, LOG_KEY_FILE: deployment.logKeyFile, PORT: port }
    const inUse = await lianban(['gateway'], { env })
    expect(inUse).toMatchObject({
      code: 2,
      stderr: `lianban: port ${port} of 127.0.0.1 is in use: stop what listens there, or set PORT to another\n`,
    })
    const metrics = await lianban(['consume', '--bureau', 'commerce'], { env: { ...env, METRICS_PORT: port } })
    expect(metrics.stderr).toContain(
      `port ${port} of 127.0.0.1 is in use: stop what listens there, or set METRICS_PORT to another`,
    )
    const noDatabase = await lianban(['gateway'], {
      env: { DATABASE_URL: 'postgres://a:secret@127.0.0.1:1/b', DATA_DIR: folder },
    })
    expect(noDatabase.code).toBe(2)
    expect(noDatabase.stderr).toMatch(
      /^lianban: the database at 127.0.0.1:1 can't be used: .*ECONNREFUSED.*; is DATABASE_URL right, [^\n]*\n$/,
    )
    expect(noDatabase.stderr).not.toContain('secret')
    await rm(folder, { recursive: true, force: true })
  })

  it('say in a sentence that the database went away under a start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-gone-'))
    const held = await views.sql.reserve()
    // a start waits behind it for its turn to migrate
    await held`select pg_advisory_lock(${0x6c69_616e})`
    const starting = lianban(['gateway'], { env: { DATABASE_URL: database.url, DATA_DIR: folder, PORT: '0' } })
    const terminated = () => views.sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lianban migrate' and wait_event_type = 'Lock'`
    await vi.waitUntil(async () => (await terminated()).length > 0, { timeout: 20_000, interval: 50 })
    const { code, stderr } = await starting
    await held`select pg_advisory_unlock_all()`
    held.release()
    await rm(folder, { recursive: true, force: true })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^lianban: the database at 127\.0\.0\.1:\d+ went away during the start: [^\n]*; start again [^\n]*\n$/)
  })

  it('say in a sentence that another start hangs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-hangs-'))
    const held = await views.sql.reserve()
    await held`select pg_advisory_lock(${7_310_442})`
    const { code, stderr } = await lianban(['gateway'], { env: { DATABASE_URL: database.url, DATA_DIR: folder, PORT: '0' } })
    await held`select pg_advisory_unlock_all()`
    held.release()
    await rm(folder, { recursive: true, force: true })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^lianban: another process on this database has begun to start [^\n]*and start again\n$/)
  })

  it('say that a consumer’s bureau is none of the catalogue', async () => {
    const consumer = await deployment.start(['consume', '--bureau', 'comerce'])
    expect(consumer.output()).toMatch(/"level":40[^\n]*"comerce"[^\n]*the catalogue in force has no such bureau/)
    expect(await consumer.stop()).toBe(0)
  })

  it('refuse another log key and another origin, saying which', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-key-'))
    const env = { DATABASE_URL: database.url, DATA_DIR: folder, PORT: '0' }
    const withoutKey = await lianban(['gateway'], { env })
    expect(withoutKey.code).not.toBe(0)
    expect(withoutKey.stderr).not.toContain('    at ')
    expect(withoutKey.stderr).toMatch(/the log's key .* can't be read: it does not exist/)
    const otherOrigin = await lianban(['gateway'], {
      env: { ...env, LOG_KEY_FILE: deployment.logKeyFile, LOG_ORIGIN: 'lianban.example/elsewhere' },
    })
    expect(otherOrigin.code).not.toBe(0)
    expect(otherOrigin.stderr).toContain("the log's origin is localhost/lianban, but LOG_ORIGIN is lianban.example/elsewhere")
    await rm(folder, { recursive: true, force: true })
  })
})

describe('a start that must not be', () => {
  it('is refused in production without a database of its own, before anything is written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-production-'))
    const dataDir = join(folder, 'data')
    const { code, stderr } = await lianban(['serve'], { env: { NODE_ENV: 'production', DATA_DIR: dataDir, PORT: '0' } })
    expect(code).not.toBe(0)
    expect(stderr).toContain('DATABASE_URL must be set when NODE_ENV is production')
    await expect(readdir(dataDir)).rejects.toMatchObject({ code: 'ENOENT' })
    await rm(folder, { recursive: true, force: true })
  })

  it.each([['serve'], ['gateway'], ['publish']])(
    'says in one sentence that it can write into no data directory: %s',
    async (role) => {
      const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-nowhere-'))
      await writeFile(join(folder, 'file'), '')
      const dataDir = join(folder, 'file', 'data')
      const env = { DATA_DIR: dataDir, PORT: '0', ...(role === 'serve' ? {} : { DATABASE_URL: 'postgres://127.0.0.1:1/x' }) }
      const { code, stderr } = await lianban([role], { env })
      expect(code).toBe(2)
      expect(stderr).toContain(`DATA_DIR ${dataDir} can't be used (ENOTDIR): name a folder`)
      expect(stderr).not.toMatch(/^ +at /m)
      await rm(folder, { recursive: true, force: true })
    },
  )

  it('says in one sentence what the database’s user may not do, and that the log’s key can’t be made', async () => {
    const database = await testDatabase()
    const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-refused-'))
    const role = `weak_${process.pid}`
    const { raw, close } = connect(database.url, { name: 'test' })
    const url = new URL(database.url)
    url.username = role
    url.password = 'weak'
    try {
      await raw.unsafe(`create role ${role} login password 'weak'`)
      const weak = await lianban(['gateway'], { env: { DATABASE_URL: url.href, DATA_DIR: folder, PORT: '0' } })
      expect(weak).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^lianban: .* must be allowed to create schemas[^\n]*\n$/),
      })
      await writeFile(join(folder, 'file'), '')
      // where a folder can be none, and where Node's own mkdir tries for ever
      for (const place of [join(folder, 'file'), '/proc/nowhere']) {
        const env = { DATABASE_URL: database.url, DATA_DIR: folder, PORT: '0', LOG_KEY_FILE: `${place}/log.key` }
        const { code, stderr } = await lianban(['gateway'], { env })
        expect(code).toBe(2)
        expect(stderr).toMatch(/^lianban: the log's key \S+ can't be made \(E[A-Z]+\): let LOG_KEY_FILE name [^\n]*\n$/)
      }
    } finally {
      await raw.unsafe(`drop role ${role}`)
      await close()
      await database.close()
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('names every wrong setting and every fault of the catalogue at once', async () => {
    const settings = await lianban(['serve'], { env: { PORT: 'eighty', LOG_LEVEL: 'loud', KAFKA_BROKERS: 'nowhere' } })
    expect(settings.code).not.toBe(0)
    for (const name of ['PORT', 'LOG_LEVEL', 'KAFKA_BROKERS']) expect(settings.stderr).toContain(`${name} must be`)

    const database = await testDatabase()
    const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-faulty-'))
    const faulty = await catalogueFolder((shipped) => ({
      ...shipped,
      types: shipped.types.map((type, i) =>
        i === 0 ? { ...type, kind: 'nothing' } : i === 1 ? { ...type, schema: 'missing.json' } : type,
      ),
    }))
    const { code, stderr } = await lianban(['gateway'], {
      env: { DATABASE_URL: database.url, DATA_DIR: folder, CATALOGUE: faulty, PORT: '0' },
    })
    expect(code).not.toBe(0)
    expect(stderr).toContain('nothing')
    expect(stderr).toContain('missing.json')
    await database.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('makes no development keys in production, and says what to do', async () => {
    const database = await testDatabase()
    const deployment = await deploy({ DATABASE_URL: database.url, NODE_ENV: 'production' })
    try {
      const gateway = await deployment.start(['gateway'])
      expect(gateway.output()).toContain('no key is registered yet: run `lianban keys register --first`')
      expect(() => deployment.keysFolder()).toThrow('no gateway has made development keys')
    } finally {
      await deployment.close()
      await database.close()
    }
  })
})
