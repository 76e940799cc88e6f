import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { companies } from '../support/companies.ts'
import type { Running } from '../support/e2e-deployment.ts'
import { viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { type LocalTaxDeployment, lacking, localTaxDeployment, mended } from '../support/local-tax-deployment.ts'
import { writeOffices } from '../support/operate.ts'
import { appendAll } from '../support/parked-companies.ts'

const kills = 20
/** Two parked events each. */
const hit = 3_000

let exchange: LocalTaxDeployment
let consumer: Running

beforeAll(async () => {
  exchange = await localTaxDeployment(lacking)
  consumer = exchange.consumer
  await exchange.views.watch()
})
afterAll(() => exchange?.close())

it(`goes on where it was when the process that replays is killed, ${kills} times`, { timeout: 300_000 }, async () => {
  const { bureaus, databaseUrl, views, cataloguePath, run, consume } = exchange
  await appendAll(bureaus, exchange, companies(hit))
  await eventually(async () => {
    const [row] = await views.sql`select count(*)::int as events from view_local_tax.parked`
    return row?.events === 2 * hit
  })
  await writeOffices(cataloguePath, mended)
  await run('catalogue', 'apply', cataloguePath)
  const { id } = JSON.parse(await run('replay', 'plan', '--bureau', 'local-tax', '--json'))
  await run('replay', 'start', String(id), '--rate', '600')

  const state = async () => (await views.sql`select state, subjects_done from operations.replays where id = ${id}`)[0]
  for (let killed = 0; killed < kills; killed++) {
    const before = Number((await state())?.subjects_done)
    await eventually(async () => Number((await state())?.subjects_done) > before || (await state())?.state === 'done')
    // any moment of the next steps
    await pause(Math.random() * 150)
    await consumer.kill()
    consumer = await consume()
  }
  expect((await state())?.state).toBe('running')

  await eventually(async () => expect((await state())?.state).toBe('done'))
  const [row] = await views.sql`
    select subjects_done as subjects, events_applied as events, subjects_failed as failed from operations.replays where id = ${id}`
  expect(row).toEqual({ subjects: hit, events: 2 * hit, failed: 0 })
  const later = await viewsOf(databaseUrl)
  const [folded, stored] = await Promise.all([later.folded(), later.stored()]).finally(() => later.close())
  expect(stored['local-tax']).toEqual(folded['local-tax'])
  await views.expectEachOnceInOrder()
})
