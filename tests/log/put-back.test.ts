import { afterEach, beforeEach, expect, it } from 'vitest'
import { LogInconsistent } from '../../src/log/verify-start.ts'
import { accepted, eventAbout, type LogFixture, openLogFixture } from '../support/log-fixture.ts'

// What a backup that is restored under running gateways does, or a standby that takes over without the last commits.

let log: LogFixture
beforeEach(async () => {
  log = await openLogFixture()
})
afterEach(() => log.stop())

let last = 0

async function append(gateway: LogFixture['one'], events = 1): Promise<void> {
  for (let n = 0; n < events; n++) {
    last += 1
    accepted(await gateway.take(await log.sign(eventAbout(last, 'registration.imported.v1', 'commerce'))))
  }
}

/** @returns puts every table of the log back to what it is now */
async function backup(): Promise<() => Promise<void>> {
  const { raw } = log.two.database
  const tables = await raw<
    { name: string }[]
  >`select 'log.' || quote_ident(tablename) as name from pg_tables where schemaname = 'log'`
  await raw.unsafe('create schema saved')
  const kept = (name: string) => name.replace('log.', 'saved.')
  for (const { name } of tables) await raw.unsafe(`create table ${kept(name)} as table ${name}`)
  return () =>
    raw.begin(async (tx) => {
      for (const { name } of tables)
        await tx.unsafe(
          `alter table ${name} disable trigger all; delete from ${name}; insert into ${name} table ${kept(name)}; alter table ${name} enable trigger all`,
        )
    })
}

it('a gateway appends nothing to a log that has lost what it knew, and nothing behind it where others have', async () => {
  await append(log.one, 3)
  const restore = await backup()
  await append(log.one, 2)
  const size = await log.one.reader.size()
  await restore()
  const lost = `this gateway knew ${size} entries, but the database's log has only ${size - 2}`
  await expect(append(log.one)).rejects.toThrow(lost)
  await append(log.two, 2)
  const others = `the log's first ${size} entries are not those that this gateway knew`
  await expect(append(log.one)).rejects.toThrow(others)
  await append(log.two, 2)
  await expect(append(log.one)).rejects.toThrow(others)
  await expect(append(log.one)).rejects.toThrow(LogInconsistent)
  expect(await log.two.reader.size()).toBe(size + 2)
})

it('it sees that also where it has fallen behind by more than it catches up with entry by entry', async () => {
  await append(log.one)
  const restore = await backup()
  await append(log.one)
  const size = await log.one.reader.size()
  await restore()
  await append(log.two)
  const items = await Promise.all(
    Array.from({ length: 1100 }, async (_, n) =>
      log.two.check(await log.sign(eventAbout(10_000 + n, 'registration.imported.v1', 'commerce'))),
    ),
  )
  await Promise.all(items.slice(0, 550).map((item) => log.two.group.append(item)))
  await Promise.all(items.slice(550).map((item) => log.two.group.append(item)))
  await expect(append(log.one)).rejects.toThrow(`the log's first ${size} entries are not those`)
})

it('a gateway that was only away, or whose commit was lost, goes on', async () => {
  await append(log.one, 2)
  await append(log.two, 3)
  const { raw } = log.two.database
  await raw`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()`
  const again = await log.sign(eventAbout(500_000, 'registration.imported.v1', 'commerce'))
  await log.one.take(again).catch(() => log.one.take(again))
  await append(log.one, 2)
  await append(log.two)
})
