import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { encodeCursor } from '../../src/view/cursor.ts'
import { companies } from '../support/companies.ts'
import { operate, readObject } from '../support/operate.ts'
import { openParkingGateway, type ParkingGateway } from '../support/parking-gateway.ts'

const path = '/v1/operations/parked'
const [first, , second] = companies(3).map(({ subject }) => subject)

let gateway: ParkingGateway
let begun: Date
beforeAll(async () => {
  begun = new Date()
  gateway = await openParkingGateway()
  await gateway.park(3)
})
afterAll(() => gateway.stop())

const read = (query: string) => readObject(gateway, `${path}${query}`, 'operator')
const subjectsOf = ({ events }: JsonObject) => (Array.isArray(events) ? events.map((event) => event.subject) : [])

describe('groups', () => {
  it('say by bureau, cause and type how many, of whom, since when, and what cures it', async () => {
    const { groups } = await read('/groups')
    expect(groups).toMatchObject([
      {
        bureau: 'local-tax',
        cause: 'no-office',
        type: 'registration.established.v1',
        events: 3,
        subjects: 3,
        trend: { lastHour: 3, hourBefore: 0 },
        example: { subject: first, name: '大连示例海岸机械有限公司', detail: expect.stringContaining('210203') },
        meaning: expect.stringContaining('no office'),
        cure: expect.stringContaining('table'),
        runbook: 'docs/operator.md#parked-no-office',
      },
      { bureau: 'local-tax', cause: 'behind', type: 'registration.changed.v1', events: 3, subjects: 3 },
    ])
    const [group] = Array.isArray(groups) ? groups : []
    expect(Date.parse(group.firstParkedAt)).toBeGreaterThanOrEqual(begun.getTime())
    expect(Date.parse(group.lastParkedAt)).toBeGreaterThanOrEqual(Date.parse(group.firstParkedAt))
  })

  it('speak Chinese to whom asks for it', async () => {
    const response = await gateway.get(`${path}/groups?cause=behind`, 'operator', { 'accept-language': 'zh' })
    expect(response.headers.get('content-language')).toBe('zh')
    expect(await response.json()).toMatchObject({ groups: [{ meaning: expect.stringContaining('滞留') }] })
  })

  it('follow the filter, and are none where nothing is parked', async () => {
    expect(await read('/groups?bureau=commerce')).toEqual({ groups: [] })
    expect(await read(`/groups?subject=${second}&cause=no-office`)).toMatchObject({ groups: [{ events: 1, subjects: 1 }] })
  })
})

describe('the list', () => {
  it('gives every event once, in pages in order of bureau and index', async () => {
    const seen: number[] = []
    for (let cursor = '', more = true; more; ) {
      const { events, next } = await read(`?limit=4&cursor=${cursor}`)
      const page = Array.isArray(events) ? events : []
      expect(page.length).toBeLessThanOrEqual(4)
      seen.push(...page.map(({ index }) => index))
      cursor = String(next)
      more = next !== undefined
    }
    expect(seen).toEqual((await gateway.parkedRows()).map(({ index }) => index))
    expect(seen).toHaveLength(6)
  })

  it('is found by code, by a part of the name, by cause, type and time', async () => {
    expect(subjectsOf(await read(`?subject=${second}`))).toEqual([second, second])
    // the change has another name than the establishment that it waits for: all of the subject is found by either
    for (const name of ['海岸机械', '智能装备'])
      expect(subjectsOf(await read(`?name=${encodeURIComponent(name)}`))).toHaveLength(6)
    expect(await read(`?name=${encodeURIComponent('海岸%')}`)).toEqual({ events: [] })
    expect(await read('?cause=no-office&limit=1')).toMatchObject({
      events: [{ bureau: 'local-tax', subject: first, cause: 'no-office', tries: 1, name: '大连示例海岸机械有限公司' }],
    })
    expect(subjectsOf(await read('?type=registration.changed.v1'))).toHaveLength(3)
    expect(subjectsOf(await read(`?from=${begun.toISOString()}`))).toHaveLength(6)
    expect(subjectsOf(await read(`?to=${begun.toISOString()}`))).toHaveLength(0)
  })

  it.each([
    'bureau=nobody',
    'cause=hunger',
    'from=yesterday',
    'limit=0',
    'limit=101',
    'cursor=x',
    `cursor=${encodeCursor('1')}`,
    `cursor=${encodeCursor(`${'a'.repeat(32)} 1`)}`,
    'from=2026-11-24T21:00:00Z&to=2026-11-24T20:00:00Z',
    `name=${'x'.repeat(257)}`,
  ])('refuses %s', async (query) => {
    expect((await gateway.get(`${path}?${query}`, 'operator')).status).toBe(400)
  })
})

describe('the history of a subject', () => {
  it('has each event with its fate and its difference to the record, persons masked', async () => {
    const history = await read(`/local-tax/registration/${first}`)
    const [established, changed] = Array.isArray(history.events) ? history.events : []
    expect(history).toMatchObject({ bureau: 'local-tax', subject: first, name: '大连示例海岸智能装备有限公司' })
    expect(established).toMatchObject({
      type: 'registration.established.v1',
      fate: { state: 'parked', cause: 'no-office' },
      tries: 1,
      states: [{ field: 'status', before: null, after: 'active' }],
    })
    expect(established.changes).toContainEqual({ field: 'addressDivision', before: null, after: '210203' })
    expect(established.changes).toContainEqual({
      field: 'legalRepresentative',
      before: null,
      after: expect.objectContaining({ name: '王**', idNumber: '2102********1138' }),
    })
    expect(changed).toMatchObject({ fate: { state: 'parked', cause: 'behind', behind: established.index }, states: [] })
    expect(changed.changes).toContainEqual({
      field: 'enterpriseName',
      before: '大连示例海岸机械有限公司',
      after: '大连示例海岸智能装备有限公司',
    })
    // a value that stays is no difference
    expect(changed.changes).not.toContainEqual(expect.objectContaining({ field: 'uscc' }))
    expect(JSON.stringify(history)).not.toMatch(/210299\d|王海岸|李样例|孙演示|@example/)
  })

  it('is one view’s: another, where it was applied, says so; there is none of what nobody knows', async () => {
    const { events } = await read(`/commerce/registration/${first}`)
    expect(events).toMatchObject([{ fate: { state: 'applied' } }, { fate: { state: 'applied' } }])
    for (const place of [
      `nobody/registration/${first}`,
      `local-tax/nothing/${first}`,
      'local-tax/registration/91210203XTEXT0018X',
    ])
      expect((await gateway.get(`${path}/${place}`, 'operator')).status).toBe(404)
  })

  it('says what was dismissed, by which operation, and that it changed nothing of the data', async () => {
    const [head] = (await gateway.parkedRows()).filter(({ subject }) => subject === second)
    const dismiss = { bureau: 'local-tax', indexes: [head?.index ?? -1] }
    const { body } = await operate(gateway, '/v1/operations/dismissals', 'dismiss', dismiss, { reason: 'sent by mistake' })
    expect(await read(`/local-tax/registration/${second}`)).toMatchObject({
      events: [
        {
          fate: { state: 'dismissed', operation: body.index, reason: 'sent by mistake' },
          changes: [],
          states: [{ field: 'status' }],
        },
        { fate: { state: 'applied' } },
      ],
    })
  })
})

it('of a group that is dismissed, what waits is tried for each subject, also where the database refuses the row of one', async () => {
  const heads = (await gateway.parkedRows()).filter(({ cause }) => cause === 'no-office').map(({ index }) => index)
  expect(heads).toHaveLength(2)
  await gateway.database.raw.unsafe(`alter table view_local_tax.records add constraint not_this check (subject <> '${first}')`)
  const { status } = await operate(gateway, '/v1/operations/dismissals', 'dismiss', { bureau: 'local-tax', indexes: heads })
  expect(status).toBe(201)
  expect(await read('')).toMatchObject({
    events: [
      { subject: first, type: 'registration.changed.v1', cause: 'constraint', detail: expect.stringContaining('not_this') },
    ],
  })
})

it('is for operators alone, and only with a token', async () => {
  for (const at of [path, `${path}/groups`, `${path}/local-tax/registration/${first}`]) {
    for (const party of ['commerce', 'local-tax', 'auditor']) expect((await gateway.get(at, party)).status).toBe(403)
    expect((await gateway.get(at)).status).toBe(401)
  }
})
