import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect } from '../../src/database/connect.ts'
import { cloudEventOf } from '../support/examples.ts'
import { exampleOf, type Gateway, openGateway } from '../support/gateway.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

let database: TestDatabase
let gateway: Gateway
beforeAll(async () => {
  database = await testDatabase()
  gateway = await openGateway({ url: database.url, longestAnswerMs: 400 })
})
afterAll(async () => {
  await gateway.stop()
  await database.close()
})

it('who waits for a database that stands still is told in time to come again, and what was sent is stored once', async () => {
  const other = connect(database.url, { name: 'test', maxConnections: 1 })
  const event = cloudEventOf(exampleOf('registration.established.v1'), 'late-1', new Date())
  const [posted, read] = await other.raw.begin(async (tx) => {
    await tx`lock table log.entries, log.head in access exclusive mode`
    return Promise.all([gateway.post(event, 'commerce'), gateway.get('/v1/events/0', 'commerce')])
  })
  for (const answer of [posted, read]) {
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
  }
  expect(await posted.json()).toMatchObject({
    code: 'overloaded',
    retryable: true,
    detail: expect.stringContaining('stored once'),
  })
  expect(await read.json()).toMatchObject({ code: 'overloaded', detail: expect.not.stringContaining('stored') })
  await other.close()
  // whether the first one was stored in the end or not
  const again = await gateway.post(event, 'commerce')
  expect([200, 201]).toContain(again.status)
  const entries = await gateway.get('/v1/log/entries?subject=91210203XTEXT0018E', 'auditor')
  expect(await entries.json()).toMatchObject({ entries: { length: 1 } })
})
