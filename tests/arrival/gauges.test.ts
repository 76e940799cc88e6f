import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { readGauges } from '../../src/arrival/gauges.ts'
import { openView } from '../../src/compose/open-view.ts'
import { createMetrics } from '../../src/metrics.ts'
import { Views } from '../../src/view/views.ts'
import { companies } from '../support/companies.ts'
import { cloudEventOf } from '../support/examples.ts'
import { type Gateway, openGateway } from '../support/gateway.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await openGateway({ consume: false })
  for (const event of companies(2)) await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
})
afterAll(() => gateway.stop())

it('the gauges of a view that can’t be read are not known, and those of the others are', async () => {
  const { url, parts, database } = gateway
  const { keeper, log, logger } = parts
  const metrics = createMetrics()
  const views = new Views(keeper, (bureau) => openView(bureau, { url, sql: database.raw, keeper, logger, metrics }))
  onTestFinished(() => views.close())
  await views.update()
  const measured = { sql: database.raw, log, keeper, views, topicPrefix: undefined, waiting: () => 0 }
  const lags = async () => {
    const { values } = await metrics.lag.get()
    return Object.fromEntries(values.map(({ labels, value }) => [labels.bureau, value]))
  }
  await readGauges(metrics, measured)
  expect(await lags()).toEqual({ commerce: 4, 'state-tax': 4, 'local-tax': 4 })
  const [first = ''] = views.all().map(([bureau]) => bureau)
  const schema = database.raw(`view_${first.replaceAll('-', '_')}`)
  await database.raw`alter table ${schema}.parked rename to hidden`
  try {
    for (const event of companies(1, 2)) await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
    const fault = `the gauges of some views are not known; ${first}: it can’t be read: PostgresError 42P01`
    await expect(readGauges(metrics, measured)).rejects.toThrow(fault)
    expect(await lags()).toEqual({ commerce: 6, 'state-tax': 6, 'local-tax': 6, [first]: Number.NaN })
    expect(await metrics.registry.metrics()).toMatch(new RegExp(`lianban_view_lag_entries\\{bureau="${first}"\\} Nan`, 'i'))
  } finally {
    await database.raw`alter table ${schema}.hidden rename to parked`
  }
  await readGauges(metrics, measured)
  expect((await lags())[first]).toBe(6)
})
