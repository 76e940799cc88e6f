import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Rules } from '../../src/catalogue/rules.ts'
import { RefusedRequest } from '../../src/domain/refusal.ts'
import type { EventInHistory } from '../../src/view/subject-history.ts'
import type { View } from '../../src/view/view.ts'
import { companyA, companyB, type Sample, samples } from '../domain/histories.ts'
import { type Exchange, empty, type Logged, startExchange } from './test-view.ts'
import { rulesOf, withStatistics } from './view-rules.ts'

let exchange: Exchange
let logged: readonly Logged[]
beforeAll(async () => {
  exchange = await startExchange()
  logged = await exchange.append(samples)
})
afterAll(() => exchange.close())

const open = async (bureau: string, rules: Rules): Promise<View> => (await exchange.open(bureau, () => rules)).view
const events = async (view: View, subject = companyA): Promise<readonly EventInHistory[]> =>
  (await view.historyOf('registration', subject))?.events ?? []

test('is in order, with the events that the bureau receives or sent, and nothing of the others', async () => {
  const view = await open('statistics', withStatistics())
  expect((await events(view)).map(({ fate }) => fate.state)).toEqual(['pending', 'pending'])
  await view.apply(logged)
  const seen = await events(view)
  expect(seen.map(({ index, type, fate }) => [index, type, fate.state])).toEqual([
    [0, 'registration.established.v1', 'applied'],
    [3, 'registration.changed.v1', 'applied'],
  ])
  expect(seen[1]?.changes.map(({ field }) => field)).toEqual(['enterpriseName', 'changes'])
})

test('shows an event that the bureau does not receive where it parked it, since what comes after waits for it', async () => {
  const { types, ...catalogue } = withStatistics().catalogue
  const stricter = types.map((type) =>
    type.type === 'tax.registered.v1' ? { ...type, order: { ...type.order, moves: [] } } : type,
  )
  const { view, database } = await exchange.open('statistics', () => rulesOf({ ...catalogue, types: stricter }))
  await empty(database)
  await view.apply(logged)
  const [, registered, , changed] = await events(view)
  expect(registered).toMatchObject({
    index: 1,
    type: 'tax.registered.v1',
    fate: { state: 'parked', cause: 'state-conflict' },
    tries: 1,
  })
  expect(registered?.changes).toEqual([])
  expect(changed).toMatchObject({ index: 3, fate: { state: 'parked', cause: 'behind', behind: 1 } })
})

test('comes in pages, each of which goes on with the record of the one before', async () => {
  const change = samples.find(({ type, subject }) => type === 'registration.changed.v1' && subject === companyA)
  const established = samples.find(({ type, subject }) => type === 'registration.established.v1' && subject === companyB)
  const imported = samples.find(({ type, subject }) => type === 'registration.imported.v1' && subject === companyB)
  const start = established ?? imported
  if (change === undefined || start === undefined) throw new Error('no samples')
  const subject = '91210203T00000001X'
  const named = (n: number): Sample => ({
    ...change,
    subject,
    data: { uscc: subject, effectiveDate: '2017-01-01', enterpriseName: `公司${n}` },
  })
  await exchange.append([{ ...start, subject }, ...Array.from({ length: 230 }, (_, n) => named(n))])
  const view = await open('state-tax', rulesOf())
  const seen: EventInHistory[] = []
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await view.historyOf('registration', subject, cursor)
    expect(page?.events.length).toBeLessThanOrEqual(100)
    seen.push(...(page?.events ?? []))
    cursor = page?.next
  }
  expect(seen).toHaveLength(231)
  expect(seen[201]?.changes).toEqual([{ field: 'enterpriseName', before: '公司199', after: '公司200' }])
  await expect(view.historyOf('registration', subject, 'x')).rejects.toThrow(RefusedRequest)
})

test('is none of a subject or a kind that the log does not know', async () => {
  const view = await open('state-tax', rulesOf())
  for (const subject of ['91210203XTEXT0018X', 'a\0b']) expect(await view.historyOf('registration', subject)).toBeUndefined()
  expect(await view.historyOf('transfer', companyA)).toBeUndefined()
})
