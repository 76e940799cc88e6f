import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { AlarmKind, Finding } from '../../src/alarm/alarm.ts'
import { Alarms } from '../../src/alarm/alarms.ts'
import { conditionsOf } from '../../src/alarm/conditions.ts'
import { Growth } from '../../src/alarm/growth.ts'
import { Look } from '../../src/alarm/look.ts'
import { Notices } from '../../src/alarm/notices.ts'
import type { Position } from '../../src/bus/bus.ts'
import { openView } from '../../src/compose/open-view.ts'
import type { PartitionState } from '../../src/view/partition-states.ts'
import { viewSchema } from '../../src/view/view-schema.ts'
import { Views } from '../../src/view/views.ts'
import { companies } from '../support/companies.ts'
import { bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { deploy } from '../support/e2e-deployment.ts'
import { eventually } from '../support/eventually.ts'
import { cloudEventOf } from '../support/examples.ts'
import { type Gateway, openGateway } from '../support/gateway.ts'
import { writeOffices } from '../support/operate.ts'
import { testDatabase } from '../support/postgres.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

let gateway: Gateway
let cataloguePath: string
beforeAll(async () => {
  cataloguePath = await statisticsCatalogue()
  await writeOffices(cataloguePath, ({ '210203': _, ...rest }) => rest)
  gateway = await openGateway({ cataloguePath })
  for (const event of companies(3)) await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
  await eventually(async () => {
    const rows = await gateway.database.raw`select 1 from view_local_tax.parked`
    return rows.length === 6
  })
})
afterAll(() => gateway.stop())

/** What a look of the kind finds. */
async function found(kind: AlarmKind, of: Gateway, behindSeconds = 120, topicPrefix?: string) {
  const condition = conditions(of, behindSeconds, topicPrefix).find((one) => one.kind === kind)
  return (await condition?.find(new Look())) ?? []
}

function conditions(of: Gateway, behindSeconds: number, topicPrefix?: string) {
  const bureaus = of.parts.keeper.inForce.rules.bureaus.map(({ id }) => id)
  const all = bureaus.flatMap((bureau) => {
    const view = of.parts.view(bureau)
    if (view === undefined) return []
    const positions = async () => [
      ...(await of.database.raw<
        Position[]
      >`select topic, partition, index from ${of.database.raw(viewSchema(bureau))}.positions`),
    ]
    const partitions = async () => [
      ...(await of.database.raw<
        PartitionState[]
      >`select topic, partition, index, heard_at as "heardAt" from ${of.database.raw(viewSchema(bureau))}.positions`),
    ]
    return [[bureau, { parkedCounts: () => view.parkedCounts(), positions, partitions }] as const]
  })
  return conditionsOf({
    sql: of.database.raw,
    keeper: of.parts.keeper,
    views: { all: () => all, connections: () => bureaus.map((bureau) => [bureau, of.database.raw] as const) },
    topicPrefix,
    heartbeatSeconds: 0,
    witnesses: () => Promise.resolve({ lagSeconds: 75, warning: 'late' }),
    behindSeconds,
  })
}

it('a group of parked events is one finding, with numbers and no subject', async () => {
  const details = { bureau: 'local-tax', cause: 'no-office', type: 'registration.established.v1', events: 3, subjects: 3 }
  expect(await found('parked-group', gateway)).toEqual([{ about: 'local-tax no-office registration.established.v1', details }])
})

it('a view is behind when its oldest event has waited too long, and not because there is much', async () => {
  // once its consumer has taken in what the others posted
  await eventually(async () => (await found('consumer-behind', gateway, 0)).length === 0)
  const idle = await openGateway({ cataloguePath, consume: false })
  for (const event of companies(2)) await idle.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
  expect(await found('consumer-behind', idle)).toEqual([])
  const behind = await found('consumer-behind', idle, 0)
  expect(behind.map(({ about, details }) => [about, details.events])).toContainEqual(['local-tax', 4])
  await idle.stop()
})

it('a publisher is behind by the events of the topic that lacks most', async () => {
  const { raw } = gateway.database
  expect(await found('publisher-behind', gateway, 0, 'test')).toEqual([])
  const [head] = await raw`select max(index) as last from log.entries`
  const rows = [-1, head?.last].map((index, i) => ({ topic: `test.${i}`, partitions: 1, index, last_indexes: raw.json([]) }))
  await raw`insert into log.published ${raw(rows)}`
  expect(await found('publisher-behind', gateway, 0, 'test')).toMatchObject([{ about: 'test', details: { events: 6 } }])
  expect(await found('publisher-behind', gateway, 120, 'test')).toEqual([])
})

it('a publisher that sends no heartbeats is silent, and so is a view that takes none, unless there is none to take', async () => {
  const { raw } = gateway.database
  const heard = async (secondsAgo: number) =>
    await raw`update view_local_tax.positions set heard_at = now() - ${secondsAgo} * interval '1 s' where partition = 3`
  await eventually(async () => (await raw`select 1 from view_local_tax.positions where heard_at is not null`).length === 12)
  expect(await found('no-heartbeat', gateway)).toEqual([])
  await heard(300)
  expect(await found('no-heartbeat', gateway)).toMatchObject([{ about: 'local-tax' }])
  expect(await found('no-heartbeat', gateway, 600)).toEqual([])

  await raw`insert into log.published values ('silent.registration', 1, -1, '[-1]', now() - interval '500 s', 1)`
  expect(await found('no-heartbeat', gateway, 120, 'silent')).toMatchObject([{ about: 'silent' }])
  await raw`update log.published set heartbeat_at = now() where topic = 'silent.registration'`
  expect(await found('no-heartbeat', gateway, 120, 'silent')).toMatchObject([{ about: 'local-tax' }])
  await heard(0)
  expect(await found('no-heartbeat', gateway, 120, 'silent')).toEqual([])
})

it('a replay that paused by itself is found, one that an operator paused is not; so are witnesses that are late', async () => {
  const { raw } = gateway.database
  const replay = (id: number, failed: number) => raw`
    insert into operations.replays (id, bureau, filter, state, pause_after, up_to, after, subjects_done, events_applied,
      subjects_failed, failed_since_resume, failures, party, reason, created_at, updated_at)
    values (${id}, 'local-tax', '{}', 'paused', 10, 9, 9, 10, 0, ${failed}, ${failed}, '[]', 'operator', 'test', now(), now())`
  await replay(901, 10)
  await replay(902, 3)
  expect(await found('replay-paused', gateway)).toEqual([
    { about: '901', details: { replay: 901, bureau: 'local-tax', subjectsFailed: 10 } },
  ])
  expect(await found('witnesses-behind', gateway)).toEqual([{ about: 'quorum', details: { lagSeconds: 75 } }])
})

it('a view that can’t be read is found at the second look, says why, and hides nothing of the others', async () => {
  const { raw } = gateway.database
  const all = conditions(gateway, 120)
  const lookAt = async () => {
    const look = new Look()
    const found = new Map<AlarmKind, readonly Finding[]>()
    for (const { kind, find } of all) found.set(kind, await find(look))
    return { found, faults: [...look.faults.keys()] }
  }
  expect((await lookAt()).faults).toEqual([])
  await raw`alter table view_commerce.parked rename to hidden`
  try {
    const first = await lookAt()
    expect(first.faults).toEqual(['commerce'])
    expect(first.found.get('parked-group')).toMatchObject([{ about: 'local-tax no-office registration.established.v1' }])
    expect(first.found.get('view-broken')).toEqual([])
    const second = await lookAt()
    const details = { bureau: 'commerce', reason: 'tables of it are gone: parked' }
    expect(second.found.get('view-broken')).toEqual([{ about: 'commerce', details }])
  } finally {
    await raw`alter table view_commerce.hidden rename to parked`
  }
  expect(await lookAt()).toMatchObject({ faults: [] })
  await raw`alter table view_commerce.parked rename column cause to reason`
  try {
    await lookAt()
    const { found } = await lookAt()
    expect(found.get('view-broken')).toMatchObject([{ details: { reason: 'it can’t be read: PostgresError 42703' } }])
  } finally {
    await raw`alter table view_commerce.parked rename column reason to cause`
  }
  expect((await lookAt()).found.get('view-broken')).toEqual([])
})

it('a view that is dropped as a whole is there again at the second look, though nobody consumes for it', async () => {
  const idle = await openGateway({ consume: false })
  onTestFinished(() => idle.stop())
  const { url, parts, database } = idle
  const { keeper, logger, metrics } = parts
  const views = new Views(keeper, (bureau) => openView(bureau, { url, sql: database.raw, keeper, logger, metrics }))
  onTestFinished(() => views.close())
  await views.update()
  const watched = { sql: database.raw, keeper, views, topicPrefix: undefined, witnesses: undefined, heartbeatSeconds: 10 }
  const all = conditionsOf({ ...watched, behindSeconds: 120 })
  await database.raw`drop schema view_commerce cascade`
  const [first, second] = [new Look(), new Look()]
  for (const { find } of all) await find(first)
  expect([...first.faults.keys()]).toEqual(['commerce'])
  const found = []
  for (const { find } of all) found.push(...(await find(second)))
  expect([...second.faults.keys()]).toEqual([])
  expect(found).toEqual([])
})

it('what grows by a hundred in ten minutes is growing, until it falls or stands still', () => {
  const growth = new Growth()
  const minute = 60_000
  expect(growth.observe('a', 500, 0)).toBe(undefined)
  expect(growth.observe('a', 590, minute)).toBe(undefined)
  expect(growth.observe('a', 600, 2 * minute)).toBe(500)
  expect(growth.observe('b', 10_000, 2 * minute)).toBe(undefined)
  expect(growth.observe('a', 599, 3 * minute)).toBe(undefined)
  expect(growth.observe('a', 640, 14 * minute)).toBe(undefined)
})

it('a flood of foreign messages is one alarm', async () => {
  const alarms = new Alarms(gateway.database.raw)
  const notices = new Notices(alarms, gateway.parts.logger)
  for (let i = 0; i < 50; i++)
    notices.notice('foreign-messages', { about: 'local-tax', details: { bureau: 'local-tax', messages: 9 } })
  await eventually(async () => (await alarms.raisedCounts()).length === 1)
  expect(await alarms.raisedCounts()).toEqual([{ kind: 'foreign-messages', count: 1 }])
})

it('an exchange tells its webhook of a group of parked events and shows it at /metrics; no message names a company', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lianban-alarms-'))
  const secretFile = join(folder, 'secret')
  await writeFile(secretFile, `whsec_${randomBytes(32).toString('base64')}`, { mode: 0o600 })
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    bodies.push(await text(request))
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const database = await testDatabase()
  const webhook = { ALARM_WEBHOOK_URL: `http://127.0.0.1:${port}/`, ALARM_WEBHOOK_SECRET_FILE: secretFile }
  const deployment = await deploy({ DATABASE_URL: database.url, CATALOGUE: cataloguePath, ...webhook })
  try {
    const exchange = await deployment.start(['serve'])
    const bureaus = await bureausOf(deployment.keysFolder())
    const events = companies(2)
    for (const event of events) indexOf(await bureaus.post(exchange.url, event))
    await eventually(async () => bodies.some((body) => JSON.parse(body).data.kind === 'parked-group'))
    const metrics = await (await fetch(`${exchange.url}/metrics`)).text()
    expect(metrics).toContain('lianban_alarms{kind="parked-group"} 1')
    expect(metrics).toMatch(/lianban_alarm_webhooks_total\{outcome="told"\} [1-9]/)
    for (const { subject } of events) expect(bodies.join()).not.toContain(subject)
    expect(await exchange.stop()).toBe(0)
  } finally {
    await deployment.close()
    await database.close()
    server.close()
    await rm(folder, { recursive: true })
  }
})

it('a consumer that runs apart serves its metrics where it is told to', async () => {
  const database = await testDatabase()
  const deployment = await deploy({ DATABASE_URL: database.url })
  try {
    await deployment.start(['gateway'])
    const consumer = await deployment.start(['consume', '--bureau', 'commerce'], { METRICS_PORT: '0' })
    const port = /"metricsPort":(\d+)/.exec(consumer.output())?.[1]
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(metrics).toContain('# TYPE lianban_bus_foreign_messages_total counter')
    expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${port}/v1/events`)).status).toBe(404)
    expect(await consumer.stop()).toBe(0)
  } finally {
    await deployment.close()
    await database.close()
  }
})
