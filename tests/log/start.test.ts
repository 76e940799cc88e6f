import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compose } from '../../src/compose/compose.ts'
import { readConfig } from '../../src/config.ts'
import { connect } from '../../src/database/connect.ts'
import { LastCheckpoint, readLastCheckpoint } from '../../src/log/last-checkpoint.ts'
import { type LogKey, loadLogKey, newLogKey } from '../../src/log/log-key.ts'
import { LogInconsistent, verifyStart } from '../../src/log/verify-start.ts'
import { auditLog } from '../support/audited-log.ts'
import { accepted, eventAbout, type LogFixture, openLogFixture, openLogGateway, origin } from '../support/log-fixture.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

let log: LogFixture
/** of the log as it was when it had 266 entries */
let olderCheckpoint: string
let newestCheckpoint: string
let changed: TestDatabase
beforeAll(async () => {
  log = await openLogFixture()
  await append(0, 260)
  olderCheckpoint = await log.one.reader.checkpoint()
  await append(260, 300)
  newestCheckpoint = await log.one.reader.checkpoint()
  changed = await copyOfDatabase()
})
afterAll(async () => {
  await changed.close()
  await log.stop()
})

async function append(from: number, to: number): Promise<void> {
  await Promise.all(
    Array.from({ length: to - from }, async (_, i) =>
      accepted(await log.one.take(await log.sign(eventAbout(from + i, 'registration.imported.v1', 'commerce')))),
    ),
  )
}

/** A copy of the whole database, as a backup would restore it. */
async function copyOfDatabase(): Promise<TestDatabase> {
  const copy = await testDatabase()
  const name = new URL(copy.url).pathname.slice(1)
  const template = new URL(log.url).pathname.slice(1)
  const postgres = new URL(log.url)
  postgres.pathname = '/postgres'
  const admin = connect(postgres.href, { name: 'lianban test admin', maxConnections: 1 })
  await admin.raw.unsafe(`drop database ${name}`)
  await admin.raw`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${template}`
  await admin.raw.unsafe(`create database ${name} template ${template}`)
  await admin.close()
  return copy
}

async function withBackup(use: (url: string) => Promise<void>): Promise<void> {
  const backup = await copyOfDatabase()
  try {
    await use(backup.url)
  } finally {
    await backup.close()
  }
}

/** Changes a copy behind every guard, and puts it right again afterwards. */
async function withChange(change: string, use: (url: string) => Promise<void>): Promise<void> {
  const { raw, close } = connect(changed.url, { name: 'lianban test copy', maxConnections: 1 })
  try {
    await raw.unsafe(`
      alter table log.entries disable trigger user;
      create schema saved;
      create table saved.entries as table log.entries; create table saved.head as table log.head; create table saved.tiles as table log.tiles;
      ${change}`)
    await use(changed.url)
  } finally {
    await raw.unsafe(`
      truncate log.entries, log.head, log.tiles;
      insert into log.entries table saved.entries; insert into log.head table saved.head; insert into log.tiles table saved.tiles;
      drop schema saved cascade`)
    await close()
  }
}

async function start(url: string, key: LogKey, published?: string): Promise<string> {
  const { raw, close } = connect(url, { name: 'lianban test start', maxConnections: 2 })
  try {
    await verifyStart(raw, key, published)
    return 'started'
  } catch (error) {
    if (error instanceof LogInconsistent) return error.message
    throw error
  } finally {
    await close()
  }
}

it('a log as it was left is gone on with, with its newest checkpoint, an older one, or none', async () => {
  for (const published of [newestCheckpoint, olderCheckpoint, undefined])
    expect(await start(log.url, log.logKey, published)).toBe('started')
})

it.each([
  [
    'its last row removed',
    'delete from log.entries where index = 305',
    /the head says 306 entries, but the last row is entry 304/,
  ],
  ['a row of the tail removed', 'delete from log.entries where index = 280', /is missing|holds 49 hashes/],
  ['all rows removed', 'delete from log.entries', /the head says 306 entries, but the last row is entry none/],
  [
    'a row too many',
    'insert into log.entries select 306, kind, received, entry, leaf from log.entries where index = 305',
    /last row is entry 306/,
  ],
  ['another size in its head', 'update log.head set size = 305', /the head says 305 entries, but the last row is entry 305/],
  ['another root in its head', "update log.head set root = sha256('x')", /head's root is not that of the rows and tiles/],
  ['another frontier in its head', "update log.head set frontier = sha256('x')", /head's frontier is not that of the rows/],
  [
    'a changed entry in its tail',
    `update log.entries set entry = entry || ' ' where index = 290`,
    /entry 290 does not have the hash/,
  ],
  [
    'a changed leaf in its tail',
    `update log.entries set leaf = sha256('x') where index = 290`,
    /root is not that of the rows[\s\S]*entry 290/,
  ],
  ['a changed tile', "update log.tiles set root = sha256('x') where level = 0", /root is not that of the rows and tiles/],
  ['a tile removed', 'delete from log.tiles', /tile 1\/0 holds 0 hashes/],
  ['no checkpoint', "update log.head set checkpoint = ''", /the stored checkpoint does not verify/],
  [
    'another origin',
    "update log.head set origin = 'other.example/log'",
    /origin is other\.example\/log, but LOG_ORIGIN is localhost\/lianban/,
  ],
])('the start refuses a log with %s, naming it', async (_name, change, expected) => {
  await withChange(change, async (url) => expect(await start(url, log.logKey)).toMatch(expected))
})

it('the start refuses a head whose checkpoint is an older one', async () => {
  await withChange(`update log.head set checkpoint = '${olderCheckpoint}'`, async (url) =>
    expect(await start(url, log.logKey)).toMatch(/stored checkpoint is of size 266, the head of 306/),
  )
})

it('the start refuses with another log key, and names the key', async () => {
  expect(await start(log.url, newLogKey(origin))).toMatch(/does not verify with the log's key/)
})

it('the start refuses an older backup: it would fork the log unseen', async () => {
  await withBackup(async (backup) => {
    await append(300, 310)
    expect(await start(backup, log.logKey, await log.one.reader.checkpoint())).toMatch(
      /published a checkpoint of size 316, but the database's log has only 306 entries/,
    )
    expect(await start(log.url, log.logKey, await log.one.reader.checkpoint())).toBe('started')
  })
})

it('the start refuses a fork that has grown past what was published', async () => {
  await withBackup(async (backup) => {
    await append(310, 312)
    const published = await log.one.reader.checkpoint()
    const fork = await openLogGateway(backup, log.logKey)
    for (let n = 400; n < 420; n++)
      accepted(await fork.take(await log.sign(eventAbout(n, 'registration.imported.v1', 'commerce'))))
    await fork.database.close()
    expect(await start(backup, log.logKey, published)).toMatch(
      /first 318 entries do not have the root that this gateway published/,
    )
  })
})

it('the start refuses an empty database where a checkpoint was published', async () => {
  await withChange('delete from log.head; delete from log.entries', async (url) =>
    expect(await start(url, log.logKey, olderCheckpoint)).toMatch(/the database has no log, but this gateway has published/),
  )
})

it('a start beside a gateway under load compares one moment, never two', async () => {
  let running = true
  const load = (async () => {
    for (let n = 1000; running; n += 10)
      await Promise.all(
        Array.from({ length: 10 }, async (_, i) =>
          log.one.take(await log.sign(eventAbout(n + i, 'registration.imported.v1', 'commerce'))),
        ),
      )
  })()
  try {
    for (let i = 0; i < 15; i++) expect(await start(log.url, log.logKey, await log.two.reader.checkpoint())).toBe('started')
  } finally {
    running = false
    await load
  }
})

it('a missing log key is no reason to make another one', async () => {
  await expect(loadLogKey(join(tmpdir(), 'lianban-no-such.key'), origin)).rejects.toThrow('a log has one key for life')
})

it('the last checkpoint on disk is the newest after a flush, and never half a one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lianban-checkpoint-'))
  const file = join(folder, 'last-checkpoint')
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const kept = new LastCheckpoint(file, silent)
  expect(await readLastCheckpoint(file)).toBe(undefined)
  for (let size = 1; size <= 200; size++) kept.keep(size, `${size}\n`.repeat(1000))
  kept.keep(7, 'an older one')
  await kept.flush()
  expect(await readFile(file, 'utf8')).toBe('200\n'.repeat(1000))
  await rm(folder, { recursive: true })
})

it('ten gateways that begin one log at once agree: the catalogue at 0, one operator key at 1, one key each', async () => {
  const database = await testDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'lianban-begin-'))
  const config = readConfig({ DATABASE_URL: database.url, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent' })
  const started = await Promise.allSettled(
    Array.from({ length: 10 }, () => compose(config, { gateway: true, publish: false, consume: [] })),
  )
  try {
    expect(started.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))).toEqual([])
    const { raw, close } = connect(database.url, { name: 'lianban test', maxConnections: 2 })
    const entries = await auditLog(raw, (await loadLogKey(config.logKeyFile, origin)).vkey)
    expect(entries.map(({ kind }) => kind)).toEqual(['catalogue', 'key', 'key', 'key', 'key', 'key'])
    expect(entries[1]?.party).toBe('operator')
    expect(new Set(entries.slice(1).map(({ party }) => party)).size).toBe(5)
    await close()
  } finally {
    await Promise.all(started.map((one) => (one.status === 'fulfilled' ? one.value.stop() : undefined)))
    await database.close()
    await rm(dataDir, { recursive: true, force: true })
  }
})

it('a publisher and a consumer need neither the log’s private key nor a catalogue of their own; a gateway does not start without it', async () => {
  const backup = await copyOfDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'lianban-keyless-'))
  const config = readConfig({ DATABASE_URL: backup.url, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent' })
  try {
    for (const roles of [
      { gateway: false, publish: true, consume: [] },
      { gateway: false, publish: false, consume: ['commerce'] },
    ]) {
      // the log has the rules: nor do they need the files
      const running = await compose({ ...config, cataloguePath: join(dataDir, 'no-such.json') }, roles)
      expect([running.port, running.vkey]).toEqual([undefined, undefined])
      await running.stop()
    }
    await expect(compose(config, { gateway: true, publish: false, consume: [] })).rejects.toThrow('a log has one key for life')
    expect(await readdir(dataDir)).toEqual([])
  } finally {
    await backup.close()
    await rm(dataDir, { recursive: true, force: true })
  }
})
