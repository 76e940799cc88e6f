import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { companies } from '../support/companies.ts'
import type { Running } from '../support/e2e-deployment.ts'
import { eventually } from '../support/eventually.ts'
import { lianban } from '../support/lianban.ts'
import { type LocalTaxDeployment, localTaxDeployment, mended } from '../support/local-tax-deployment.ts'
import { appendAll, postAll } from '../support/parked-companies.ts'

const kills = 20
/** Two events each. */
const known = 4_000
/** Companies that are posted after each kill. */
const later = 5

let exchange: LocalTaxDeployment
let consumer: Running

beforeAll(async () => {
  exchange = await localTaxDeployment(mended)
  consumer = exchange.consumer
})
afterAll(() => exchange?.close())

it(`goes on where it was when the process that rebuilds is killed, ${kills} times`, { timeout: 400_000 }, async () => {
  const { bureaus, url, views, operator, consume } = exchange
  const { sql } = views
  await appendAll(bureaus, exchange, companies(known))
  const rebuilds: { done: boolean; ran: ReturnType<typeof lianban> }[] = []
  const begin = () => {
    const ran = lianban(['view', 'rebuild', '--bureau', 'local-tax', '--json', ...operator])
    const one = { done: false, ran }
    void ran.then(() => (one.done = true))
    rebuilds.push(one)
  }
  const stands = async () => {
    const [row] = await sql<
      { at: string }[]
    >`select id || state || coalesce(progress::text, '') as at from operations.rebuilds order by id desc limit 1`
    return row?.at ?? ''
  }
  const states = new Set<string>()
  for (let killed = 0; killed < kills; killed++) {
    if (rebuilds.every(({ done }) => done)) begin()
    const before = await stands()
    // it has gone on since the last kill
    await eventually(async () => (await stands()) !== before)
    await pause(Math.random() * 400)
    await consumer.kill()
    const [row] = await sql<{ state: string; folded: boolean | null }[]>`
      select state, (progress->'folded')::boolean as folded from operations.rebuilds order by id desc limit 1`
    states.add(`${row?.state}${row?.state === 'building' && row.folded ? ', compared' : ''}`)
    await postAll(bureaus, url, companies(later, known + killed * later))
    consumer = await consume()
  }
  // the kills hit more than one kind of work
  expect(states.size).toBeGreaterThan(1)
  for (const { ran } of rebuilds) {
    const { code, stdout, stderr } = await ran
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ state: 'swapped', result: { different: 0, missing: 0, extra: 0, parked: 0 } })
  }
  await eventually(async () => {
    const [folded, stored] = await Promise.all([views.folded(), views.stored()])
    // the count of events in each record is part of it: none was applied twice
    expect(stored['local-tax']).toEqual(folded['local-tax'])
  })
  await eventually(async () => {
    const left = await sql`select nspname from pg_namespace where nspname in ('rebuild_local_tax', 'replaced_local_tax')`
    expect(left).toEqual([])
  })
})
