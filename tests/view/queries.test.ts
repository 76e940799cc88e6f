import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Rules } from '../../src/catalogue/rules.ts'
import type { Database } from '../../src/database/connect.ts'
import { RefusedRequest } from '../../src/domain/refusal.ts'
import { maskedForOperator } from '../../src/view/record-json.ts'
import type { View } from '../../src/view/view.ts'
import { companyA, companyB, companyC, samples } from '../domain/histories.ts'
import { type Exchange, empty, type Logged, now, startWithView } from './test-view.ts'
import { rulesOf } from './view-rules.ts'

let exchange: Exchange
let logged: readonly Logged[]
let rules: Rules = rulesOf()
let view: View
let database: Database

beforeAll(async () => {
  ;({ exchange, logged, view, database } = await startWithView('local-tax', () => rules, samples))
  await view.apply(logged)
})
afterAll(() => exchange.close())

const withOffices = (offices: readonly [string, string][]): Rules =>
  rulesOf(
    {},
    new Map([['local-tax', { assignment: { field: 'addressDivision', offices: new Map(offices) }, checkRecord: () => [] }]]),
  )

describe('a record', () => {
  test('has exactly the members that the interface names', async () => {
    const record = await view.readRecord('registration', companyA)
    expect(Object.keys(record ?? {})).toEqual([
      'bureau',
      'kind',
      'subject',
      'status',
      'layers',
      'name',
      'jurisdiction',
      'data',
      'provenance',
      'firstIndex',
      'lastIndex',
      'updatedAt',
    ])
    expect(record).toMatchObject({ bureau: 'local-tax', name: record?.data.enterpriseName, updatedAt: now.toISOString() })
    rules = withOffices([])
    expect(await view.readRecord('registration', companyA)).toHaveProperty('office', null)
    rules = rulesOf()
  })

  test('is undefined for another kind, another subject, and for what no row can hold', async () => {
    expect(await view.readRecord('transfer', companyA)).toBeUndefined()
    expect(await view.readRecord('registration', '91210203XTEXT0018X')).toBeUndefined()
    expect(await view.readRecord('registration', 'a\0b')).toBeUndefined()
  })

  test('comes to an operator masked', async () => {
    const record = await view.readRecord('registration', companyA)
    if (!record) throw new Error('no record')
    const masked = maskedForOperator(record, rules)
    expect(JSON.stringify(record)).toContain('210299197805121138')
    expect(JSON.stringify(masked)).not.toMatch(/210299\d|王海岸|@/)
    expect(masked.name).toBe(record.name)
  })
})

describe('a search', () => {
  const found = async (filter: Parameters<View['searchRecords']>[1]): Promise<readonly string[]> =>
    (await view.searchRecords('registration', filter)).records.map(({ subject }) => subject)

  test('gives every record once, in pages in order of subject', async () => {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await view.searchRecords('registration', { limit: 2, cursor })
      expect(page.records.length).toBeLessThanOrEqual(2)
      seen.push(...page.records.map(({ subject }) => subject))
      cursor = page.next
    } while (cursor !== undefined)
    expect(seen).toEqual([companyB, companyA, companyC])
  })

  test('filters by part of the name, status and jurisdiction, together', async () => {
    const a = await view.readRecord('registration', companyA)
    expect(await found({ status: 'cancelled' })).toEqual([companyA])
    expect(await found({ name: a?.name?.slice(2, 8) })).toContain(companyA)
    expect(await found({ jurisdiction: a?.jurisdiction ?? '' })).toEqual([companyA])
    expect(await found({ jurisdiction: a?.jurisdiction ?? '', status: 'active' })).toEqual([])
  })

  test('takes no wildcard from its reader', async () => {
    for (const name of ['%', '_', '\\', 'a\0']) expect(await found({ name })).toEqual([])
  })

  test('refuses a cursor that no page gave', async () => {
    for (const cursor of [
      'x',
      '',
      Buffer.from('{"after":1}').toString('base64url'),
      Buffer.from('{"after":"\\u0000"}').toString('base64url'),
    ])
      await expect(view.searchRecords('registration', { cursor })).rejects.toThrow(RefusedRequest)
  })
})

describe('the fate of an event', () => {
  const eventAt = (index: number) => {
    const sample = samples[index]
    if (!sample) throw new Error(`no sample ${index}`)
    return { index, kind: 'registration', subject: sample.subject, type: sample.type, sender: sample.source }
  }

  test("is applied, pending, or not this bureau's", async () => {
    expect(await view.fateOf(eventAt(0))).toEqual({ state: 'applied' })
    // its own event is in its view, though the catalogue leaves the sender out of the receivers
    expect(await view.fateOf(eventAt(2))).toEqual({ state: 'applied' })
    expect(await view.fateOf({ ...eventAt(0), index: 1000 })).toEqual({ state: 'pending' })
    const commerce = await exchange.open('commerce', rulesOf)
    expect(await commerce.view.fateOf(eventAt(1))).toEqual({ state: 'pending' })
    const auditor = await exchange.open('auditor', rulesOf)
    expect(await auditor.view.fateOf(eventAt(1))).toEqual({ state: 'not-a-receiver' })
  })

  test('is parked with its cause, and names what it waits for', async () => {
    await empty(database)
    rules = withOffices([
      ['210202', 'Zhongshan'],
      ['210204', 'Shahekou'],
    ])
    await view.apply(logged)
    expect(await view.fateOf(eventAt(0))).toEqual({
      state: 'parked',
      cause: 'no-office',
      detail: expect.stringContaining('210203'),
    })
    expect(await view.fateOf(eventAt(6))).toMatchObject({ state: 'parked', cause: 'behind', behind: 0 })
    expect(await view.fateOf(eventAt(17))).toEqual({ state: 'applied' })
    expect(await view.readRecord('registration', companyC)).toMatchObject({ office: 'Shahekou' })
    expect(await view.parkedCounts()).toEqual(
      expect.arrayContaining([
        { cause: 'no-office', type: 'registration.established.v1', events: 1, subjects: 1 },
        { cause: 'behind', type: 'tax.registered.v1', events: 2, subjects: 1 },
      ]),
    )
    expect((await view.listParked({ cause: 'behind', limit: 2 })).map(({ index }) => index)).toEqual([1, 2])
    expect((await view.listParked({ subject: companyA, after: 4 })).map(({ index }) => index)).toEqual([5, 6])
    expect(await view.listParked({ type: 'registration.established.v1' })).toMatchObject([
      { index: 0, tries: 1, parkedAt: now.toISOString() },
    ])
  })
})
