import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, type Database } from '../../src/database/connect.ts'
import { Announcer, logChannel } from '../../src/log/announcer.ts'
import { eventually } from '../support/eventually.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

let database: TestDatabase
let client: Database
let heard = 0

beforeAll(async () => {
  database = await testDatabase()
  client = connect(database.url, { name: 'test', maxConnections: 2 })
  await client.raw.listen(logChannel, () => {
    heard += 1
  })
})
afterAll(async () => {
  await client.close()
  await database.close()
})

it('tells of every growth, of many at once together, and of the last one after it', async () => {
  const announcer = new Announcer(client.raw)
  announcer.announce()
  await announcer.close()
  await eventually(async () => heard === 1)
  for (let growth = 0; growth < 1000; growth++) {
    announcer.announce()
    if (growth % 100 === 99) await pause(1)
  }
  const before = heard
  announcer.announce()
  await announcer.close()
  await eventually(async () => heard > before)
  expect(heard).toBeLessThan(500)
})

it('goes on when the database could not be told', async () => {
  const away = connect('postgres://nobody@127.0.0.1:1/nothing', { name: 'test', maxConnections: 1 })
  const announcer = new Announcer(away.raw)
  announcer.announce()
  await announcer.close()
  announcer.announce()
  await announcer.close()
  await away.close()
})
