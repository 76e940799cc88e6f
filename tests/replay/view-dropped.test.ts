import { expect, it, type TestContext } from 'vitest'
import { openView } from '../../src/compose/open-view.ts'
import type { Logger } from '../../src/logger.ts'
import { eventually } from '../support/eventually.ts'
import { operate } from '../support/operate.ts'
import { openParkingGateway, type ParkingGateway } from '../support/parking-gateway.ts'

// a view that is at rest looks for its tables every ten seconds, so the tests wait beside each other
const open = async ({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) => {
  const gateway = await openParkingGateway()
  onTestFinished(() => gateway.stop())
  return gateway
}
const rows = async (gateway: ParkingGateway) => {
  const { raw } = gateway.database
  const [records, parked, dismissed] = await Promise.all([
    raw`select kind, subject, status, data, provenance, first_index, last_index, events from view_local_tax.records order by 1, 2`,
    raw`select index, subject, cause from view_local_tax.parked order by index`,
    raw`select index, subject, type, operation, party, reason, dismissed_at from view_local_tax.dismissed order by index`,
  ])
  return { records: [...records], parked: [...parked], dismissed: [...dismissed] }
}
const dismiss = async (gateway: ParkingGateway, indexes: readonly number[]) => {
  const { status } = await operate(gateway, '/v1/operations/dismissals', 'dismiss', { bureau: 'local-tax', indexes })
  expect(status).toBe(201)
}
/** What another process does that starts, or reads how far the view is, before the consumer has noticed. */
const makeTables = async (gateway: ParkingGateway, logger: Logger = gateway.parts.logger) => {
  const { url, parts, database } = gateway
  const means = { url, sql: database.raw, keeper: parts.keeper, logger, metrics: parts.metrics }
  await (await openView('local-tax', means)).close()
}
const drop = (gateway: ParkingGateway) => gateway.database.raw.unsafe('drop schema view_local_tax cascade')

it.concurrent.for<[string, (gateway: ParkingGateway) => Promise<void>]>([
  ['dropped', async () => undefined],
  ['dropped, and made anew by another process', makeTables],
])(
  'a view that is %s under its consumer comes again as it was, with what operators have dismissed from it',
  async ([, meanwhile], context) => {
    const gateway = await open(context)
    await gateway.park(3)
    const heads = (await gateway.parkedRows()).filter(({ cause }) => cause !== 'behind').map(({ index }) => index)
    const [first = -1, second = -1] = heads
    // the event that waited behind the first one is then the first of its company, and dismissed as well
    await dismiss(gateway, [first])
    const [behind] = (await gateway.parkedRows()).filter(({ index }) => !heads.includes(index) && index > first)
    await dismiss(gateway, [second, behind?.index ?? -1])
    const before = await rows(gateway)
    expect(before.dismissed).toHaveLength(3)
    expect(before.records.length + before.parked.length).toBeGreaterThan(0)
    await drop(gateway)
    await meanwhile(gateway)
    await gateway.postCompanies(1, 3)
    await eventually(async () => (await gateway.parkedRows()).length === before.parked.length + 2)
    const after = await rows(gateway)
    expect(after.dismissed).toEqual(before.dismissed)
    expect(after.records).toEqual(before.records)
    expect(after.parked.slice(0, before.parked.length)).toEqual(before.parked)
  },
)

it.concurrent.for(['positions', 'completeness'])(
  'a view that has lost its table %s alone says what to do, and keeps no gateway from its start',
  async (table, context) => {
    const gateway = await open(context)
    await gateway.park(1)
    await gateway.database.raw.unsafe(`drop table view_local_tax.${table}`)
    const told: unknown[] = []
    const { logger } = gateway.parts
    await makeTables(gateway, { ...logger, error: (fields: object, message: string) => void told.push({ ...fields, message }) })
    const message = expect.stringMatching(/^ALARM: .*: drop the schema view_local_tax, and all of it is made anew$/)
    expect(told).toEqual([{ bureau: 'local-tax', lost: [table], message }])
    await drop(gateway)
    await eventually(async () => (await gateway.parkedRows()).length > 0)
  },
)
