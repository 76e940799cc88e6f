import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../src/domain/text.ts'
import { type Bureaus, bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { type Example, examples } from '../support/examples.ts'
import { madeUpUscc } from '../support/gateway.ts'
import { lianban } from '../support/lianban.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { mostEmployees, offices, statisticsCatalogue } from '../support/statistics-catalogue.ts'

const [established] = examples()
/** a division that the assignment table of local-tax lacks */
const farAway = '210281'

describe('bureaus with rules of their own for their views', () => {
  let database: TestDatabase
  let deployment: Deployment
  let views: Views
  let bureaus: Bureaus
  let url: string

  beforeAll(async () => {
    database = await testDatabase()
    deployment = await deploy({ DATABASE_URL: database.url, CATALOGUE: await statisticsCatalogue() })
    url = (await deployment.start(['serve'])).url
    bureaus = await bureausOf(deployment.keysFolder())
    views = await viewsOf(database.url)
  })
  afterAll(async () => {
    await views?.close()
    await deployment?.close()
    await database?.close()
  })

  const fateOf = async (index: number, sender = 'commerce') => (await bureaus.get(url, `/v1/events/${index}`, sender)).body.fate
  const gauge = async (bureau: string, cause: string): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return Number(new RegExp(`^lianban_parked_events\\{bureau="${bureau}",cause="${cause}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  }

  it('keeps every person, number and telephone of three companies out of the view of statistics', async () => {
    for (const example of examples()) indexOf(await bureaus.post(url, example))
    await views.expectFold()

    const secrets = personal(examples().map(({ data }) => data))
    expect(secrets).toEqual(expect.arrayContaining(['王海岸', '210299197805121138', '0411-00000001', 'li@example.com']))
    const stored = await views.everything('statistics')
    for (const secret of secrets) expect(stored).not.toContain(secret)
    // all of it is in the log, and names come through to others
    expect(await views.everything('local-tax')).toContain('王海岸')

    const { body } = await bureaus.record(url, 'statistics', 'registration', '91210203XTEXT0018E')
    expect(body).toMatchObject({ status: 'cancelled', layers: {}, name: '大连示例海岸智能装备有限公司' })
    expect(Object.keys(Object(body.data)).toSorted()).toEqual([
      'addressDivision',
      'effectiveDate',
      'employeeCount',
      'enterpriseName',
      'industryCode',
      'industrySection',
      'registrationState',
      'uscc',
    ])
    expect(body).not.toHaveProperty('office')
  })

  it('gives each company of local tax its office', async () => {
    const { body } = await bureaus.record(url, 'local-tax', 'registration', '91210203XTEXT0018E')
    expect(body.office).toBe(offices['210203'])
    const other = await bureaus.record(url, 'local-tax', 'registration', '91210202XTEXT0026T')
    expect(other.body.office).toBe(offices['210202'])
    expect((await bureaus.record(url, 'state-tax', 'registration', '91210202XTEXT0026T')).body).not.toHaveProperty('office')
  })

  it('parks a company without an office and what follows of it, while others go on', async () => {
    const [stuck, well] = [madeUpUscc(1), madeUpUscc(2)]
    const first = indexOf(await bureaus.post(url, establishment(stuck, { addressDivision: farAway })))
    const second = indexOf(await bureaus.post(url, change(stuck, { addressDivision: '210202' })))
    const beside = indexOf(await bureaus.post(url, establishment(well, {})))
    const third = indexOf(await bureaus.post(url, change(stuck, { employeeCount: 30 })))

    await eventually(async () => expect(await fateOf(third)).toMatchObject({ 'local-tax': { state: 'parked' } }))
    await views.expectFold()
    const applied = { state: 'applied' }
    const behind = { state: 'parked', cause: 'behind', behind: first, detail: expect.stringContaining(String(first)) }
    const everywhereElse = { commerce: applied, 'state-tax': applied, statistics: applied }
    expect(await fateOf(first)).toEqual({
      ...everywhereElse,
      'local-tax': { state: 'parked', cause: 'no-office', detail: expect.stringContaining(farAway) },
    })
    expect(await fateOf(second)).toEqual({ ...everywhereElse, 'local-tax': behind })
    expect(await fateOf(third)).toEqual({ ...everywhereElse, 'local-tax': behind })
    expect(await fateOf(beside)).toEqual({ ...everywhereElse, 'local-tax': applied })

    expect((await bureaus.record(url, 'local-tax', 'registration', stuck)).status).toBe(404)
    expect((await bureaus.record(url, 'local-tax', 'registration', well)).body.office).toBe(offices['210203'])
    expect((await bureaus.record(url, 'state-tax', 'registration', stuck)).body.lastIndex).toBe(third)
    // a receiver hears of its own view only
    expect(await fateOf(second, 'local-tax')).toEqual({ 'local-tax': behind })

    expect(await gauge('local-tax', 'no-office')).toBe(1)
    expect(await gauge('local-tax', 'behind')).toBe(2)
    expect(await gauge('state-tax', 'behind')).toBe(0)
  })

  it('parks a record that the bureau’s own schema refuses, in that view alone', async () => {
    const index = indexOf(await bureaus.post(url, establishment(madeUpUscc(3), { employeeCount: mostEmployees + 1 })))
    await eventually(async () => expect(await fateOf(index)).toMatchObject({ statistics: { state: 'parked' } }))
    await views.expectFold()
    expect(await fateOf(index)).toMatchObject({
      statistics: { state: 'parked', cause: 'record-schema', detail: expect.stringContaining('/employeeCount') },
      'local-tax': { state: 'applied' },
      'state-tax': { state: 'applied' },
    })
    expect(await gauge('statistics', 'record-schema')).toBe(1)
  })

  it('lists what is parked for an operator', async () => {
    const key = join(deployment.keysFolder(), 'operator.jwk')
    const { code, stdout } = await lianban(['parked', 'list', '--json', '--url', url, '--key', key])
    expect(code).toBe(0)
    const { events }: { events: { bureau: string; cause: string }[] } = JSON.parse(stdout)
    expect(events.map(({ bureau, cause }) => `${bureau} ${cause}`)).toEqual([
      'local-tax no-office',
      'local-tax behind',
      'local-tax behind',
      'statistics record-schema',
    ])
  })
})

function establishment(uscc: string, data: Example['data']): Example {
  if (established === undefined) throw new Error('there are no examples')
  const { registrationNumber: _, ...rest } = established.data
  return { ...established, subject: uscc, data: { ...rest, uscc, ...data } }
}

function change(uscc: string, data: Example['data']): Example {
  const common = { uscc, enterpriseName: '大连示例海岸机械有限公司', effectiveDate: '2016-11-08', approvalDate: '2016-11-08' }
  const [field] = Object.keys(data)
  const changes = [{ item: '变更事项', field: field ?? '', before: '', after: '' }]
  return { type: 'registration.changed.v1', source: 'commerce', subject: uscc, data: { ...common, changes, ...data } }
}

/** Names of persons, numbers of their papers, telephones and addresses of mail, wherever they stand in data. */
function personal(value: Json): readonly string[] {
  if (value === null || typeof value !== 'object') return []
  if (Array.isArray(value)) return [...new Set(value.flatMap(personal))]
  const own = Object.entries(value)
  const here = own.filter(([field]) => ['name', 'idNumber', 'phone', 'email'].includes(field)).flatMap(([, text]) => text)
  return [...here.filter((text) => typeof text === 'string'), ...own.flatMap(([, inner]) => personal(inner))]
}
