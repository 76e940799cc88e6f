import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { partitionOf } from '../../src/bus/partition.ts'
import { checkStep } from '../../src/completeness/round.ts'
import { connect, type Database } from '../../src/database/connect.ts'
import { judgingOf } from '../../src/view/judging.ts'
import { viewSchema } from '../../src/view/view-schema.ts'
import { companies } from '../support/companies.ts'
import { eventually } from '../support/eventually.ts'
import { cloudEventOf } from '../support/examples.ts'
import { type Gateway, openGateway } from '../support/gateway.ts'
import { operate, readObject } from '../support/operate.ts'

const bureau = 'local-tax'
let gateway: Gateway
let database: Database

beforeAll(async () => {
  gateway = await openGateway()
  database = connect(gateway.url, { name: 'lianban test', schema: viewSchema(bureau), maxConnections: 2 })
  for (const event of companies(5)) await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
  await eventually(async () => (await database.raw`select 1 from records where events = 2`).length === 5)
})
afterAll(async () => {
  await database.close()
  await gateway.stop()
})

const path = '/v1/operations/bus'

it('shows operators how far the log is, and each bureau in each partition, and nobody else', async () => {
  await eventually(async () => (await database.raw`select 1 from positions where heard_at is not null`).length === 12)
  const body = await readObject(gateway, path, 'operator')
  const [head] = await database.raw<{ size: number }[]>`select count(*)::int as size from log.entries`
  expect(body).toMatchObject({ bus: 'embedded', logSize: head?.size, brokerFault: null, republications: [] })
  expect(body.topics).toMatchObject([{ topic: 'registration', publishedTo: null, heartbeatAt: null }])
  const nothingMissing = { bureau, lagEvents: 0, lagSince: null, check: { healed: 0, completedAt: null } }
  expect(body.consumers).toContainEqual(expect.objectContaining({ bureau }))
  expect(body.consumers).toMatchObject([{ bureau: 'commerce' }, { bureau: 'state-tax' }, nothingMissing])
  for (const party of ['commerce', 'auditor']) expect((await gateway.get(path, party)).status).toBe(403)
  expect((await gateway.get(path)).status).toBe(401)
})

it('counts what a view has not taken in, by partition', async () => {
  const { raw } = database
  const [one] = await raw<{ partition: number; index: number }[]>`select partition, index from positions where index >= 0 limit 1`
  await raw`update positions set index = -1, heard_size = null where partition = ${one?.partition ?? 0}`
  const { consumers } = await readObject(gateway, path, 'operator')
  await raw`update positions set index = ${one?.index ?? 0} where partition = ${one?.partition ?? 0}`
  const rows = await raw<{ subject: string }[]>`select subject from log.entries where kind = 'event'`
  const behind = rows.filter(({ subject }) => partitionOf(subject, 12) === one?.partition).length
  expect(behind).toBeGreaterThan(0)
  const partitions = expect.arrayContaining([
    expect.objectContaining({ partition: one?.partition, index: -1, lagEvents: behind }),
  ])
  expect(consumers).toContainEqual(expect.objectContaining({ bureau, lagEvents: behind, partitions }))
})

it('names a view that can’t be read, and tells of the others', async () => {
  const { raw } = database
  await raw`alter table positions rename to hidden`
  try {
    const { consumers, viewFaults } = await readObject(gateway, path, 'operator')
    expect(consumers).toMatchObject([
      { bureau: 'commerce', lagEvents: 0 },
      { bureau: 'state-tax', lagEvents: 0 },
    ])
    expect(viewFaults).toEqual([{ bureau, fault: 'it can’t be read: PostgresError 42P01' }])
  } finally {
    await raw`alter table hidden rename to positions`
  }
  expect(await readObject(gateway, path, 'operator')).toMatchObject({ consumers: [{}, {}, { bureau }], viewFaults: [] })
})

it('looks through a view when an operator asks for it, on record and once, and tells what was missing', async () => {
  const check = () => operate(gateway, '/v1/operations/checks', 'check-view', { bureau })
  const asked = await check()
  expect(asked).toMatchObject({ status: 201, body: { action: 'check-view', bureau } })
  expect(asked.body.check).toBe(asked.body.index)
  expect(await check()).toMatchObject({ status: 200, body: { carriedOut: false } })

  await database.raw`delete from records where subject = (select min(subject) from records)`
  const { rules, catalogues } = gateway.parts.keeper.inForce
  const means = {
    sql: database.raw,
    judging: () => judgingOf(bureau, rules, catalogues),
    partitionOf: ({ subject }: { subject: string }) => ({ topic: 'registration', partition: partitionOf(subject, 12) }),
    clock: () => new Date(),
  }
  const step = await checkStep(means)
  expect(step).toMatchObject({ check: { startedAt: null, healedInRound: 2, answered: asked.body.index } })
  const { consumers } = await readObject(gateway, path, 'operator')
  const whole = { completedBehind: 0, behindInRound: 0, healedInRound: 2, answered: Number(asked.body.index) }
  expect(consumers).toMatchObject([{}, {}, { bureau, check: whole }])
  expect(await operate(gateway, '/v1/operations/checks', 'check-view', { bureau: 'nobody' })).toMatchObject({ status: 400 })
})

it('has nothing to publish again without a broker, and takes no request without a reason or with a wrong stretch', async () => {
  const republish = (details: { from?: number; to?: number }, reason?: string) =>
    operate(gateway, '/v1/operations/republications', 'republish', details, reason === undefined ? {} : { reason })
  expect(await republish({ from: 0 })).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
  expect((await republish({ from: 0 })).body.detail).toContain('no broker')
  expect((await republish({})).body.detail).toContain('from')
  expect((await republish({ from: 5, to: 4 })).body.detail).toContain('below')
  expect((await republish({ from: 0 }, '')).body.detail).toContain('reason')
})
