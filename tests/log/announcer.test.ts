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

/** How many were heard, once there are no more for a while. */
async function settled(): Promise<number> {
  for (let before = -1; ; before = heard) {
    await pause(200)
    if (heard === before) return heard
  }
}

it('tells of every growth, of many at once together, and of the last one after it', async () => {
  const announcer = new Announcer(client.raw)
  announcer.announce()
  await announcer.close()
  await eventually(async () => heard === 1)
  for (let growth = 0; growth < 1000; growth++) {
    announcer.announce()
    if (growth % 100 === 99) await pause(1)
  }
  await announcer.close()
  const before = await settled()
  expect(before).toBeLessThan(500)
  // the second while the first is told
  announcer.announce()
  announcer.announce()
  await announcer.close()
  expect(await settled()).toBe(before + 2)
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
