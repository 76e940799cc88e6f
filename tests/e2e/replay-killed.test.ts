import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { companies } from '../support/companies.ts'
import { type Bureaus, bureausOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { lianban } from '../support/lianban.ts'
import { writeOffices } from '../support/operate.ts'
import { postAll } from '../support/parked-companies.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

const kills = 20
/** Two parked events each. */
const hit = 3_000

let database: TestDatabase
let deployment: Deployment
let bureaus: Bureaus
let consumer: Running
let watched: Views
let cataloguePath: string
let url: string

beforeAll(async () => {
  database = await testDatabase()
  cataloguePath = await statisticsCatalogue()
  await writeOffices(cataloguePath, ({ '210203': _, ...rest }) => rest)
  deployment = await deploy({ DATABASE_URL: database.url, CATALOGUE: cataloguePath })
  url = (await deployment.start(['gateway'])).url
  consumer = await deployment.start(['consume', '--bureau', 'local-tax'])
  bureaus = await bureausOf(deployment.keysFolder())
  watched = await viewsOf(database.url)
  await watched.watch()
})
afterAll(async () => {
  await watched?.close()
  await deployment?.close()
  await database?.close()
})

const run = async (...args: readonly string[]): Promise<string> => {
  const operator = ['--url', url, '--key', `${deployment.keysFolder()}/operator.jwk`, '--reason', 'a test']
  const { code, stdout, stderr } = await lianban([...args, ...operator])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

it(`goes on where it was when the process that replays is killed, ${kills} times`, { timeout: 300_000 }, async () => {
  await postAll(bureaus, url, companies(hit))
  await eventually(async () => {
    const [row] = await watched.sql`select count(*)::int as events from view_local_tax.parked`
    return row?.events === 2 * hit
  })
  await writeOffices(cataloguePath, (offices) => ({ ...offices, '210203': '西岗税务所' }))
  await run('catalogue', 'apply', cataloguePath)
  const { id } = JSON.parse(await run('replay', 'plan', '--bureau', 'local-tax', '--json'))
  await run('replay', 'start', String(id), '--rate', '600')

  const state = async () => (await watched.sql`select state, subjects_done from operations.replays where id = ${id}`)[0]
  for (let killed = 0; killed < kills; killed++) {
    const before = Number((await state())?.subjects_done)
    await eventually(async () => Number((await state())?.subjects_done) > before || (await state())?.state === 'done')
    // any moment of the next steps
    await pause(Math.random() * 150)
    await consumer.kill()
    consumer = await deployment.start(['consume', '--bureau', 'local-tax'])
  }
  expect((await state())?.state).toBe('running')

  await eventually(async () => expect((await state())?.state).toBe('done'))
  const [row] = await watched.sql`
    select subjects_done as subjects, events_applied as events, subjects_failed as failed from operations.replays where id = ${id}`
  expect(row).toEqual({ subjects: hit, events: 2 * hit, failed: 0 })
  const views = await viewsOf(database.url)
  const [folded, stored] = await Promise.all([views.folded(), views.stored()]).finally(() => views.close())
  expect(stored['local-tax']).toEqual(folded['local-tax'])
  await watched.expectEachOnceInOrder()
})
