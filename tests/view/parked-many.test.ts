import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/database/connect.ts'
import { groupsQuery, type ParkedFilter, type ParkedPage, pageQuery } from '../../src/view/parked-queries.ts'
import type { View } from '../../src/view/view.ts'
import { type Exchange, startExchange } from './test-view.ts'
import { rulesOf } from './view-rules.ts'

// The evening: 40,000 events of 20,000 companies, each company's first without an office and its second behind it. Among them
// 40 that have another fault.
const subjects = 20_000
const evening = new Date('2026-11-24T21:00:00Z')
const established = 'registration.established.v1'
const changed = 'registration.changed.v1'
const others = 40

let exchange: Exchange
let view: View
let database: Database

beforeAll(async () => {
  exchange = await startExchange()
  const opened = await exchange.open('local-tax', () => rulesOf())
  view = opened.view
  database = opened.database
  // a second's worth of 4 each, from two hours and a half ago on
  await database.raw`
    insert into parked (index, kind, subject, type, name, cause, detail, parked_at, tries)
    select i, 'registration', 'S' || lpad((i / 2)::text, 6, '0'), case when i % 2 = 0 then ${established} else ${changed} end,
      case when i % 2 = 0 then '大连第' || i / 2 || '号有限公司' end,
      case when i % 2 = 1 then 'behind' when i % 1000 = 0 then 'record-schema' else 'no-office' end,
      'the detail of ' || i, ${evening}::timestamptz - interval '10000 s' + i / 4 * interval '1 s', 1
    from generate_series(0, ${2 * subjects - 1}) as i`
  await database.raw`analyze parked`
})
afterAll(() => exchange.close())

describe('of 40,000 parked events', () => {
  it('groups tell how many, of whom, since when and whether more keep coming', async () => {
    const groups = await view.parkedGroups({}, evening)
    expect(groups.map(({ cause, type, events, subjects }) => [cause, type, events, subjects])).toEqual([
      ['no-office', established, subjects - others, subjects - others],
      ['record-schema', established, others, others],
      ['behind', changed, subjects, subjects],
    ])
    const [group, other] = groups
    expect(group).toMatchObject({
      firstParkedAt: '2026-11-24T18:13:20.000Z',
      lastParkedAt: '2026-11-24T20:59:59.000Z',
      example: { index: 2, subject: 'S000001', name: '大连第1号有限公司', detail: 'the detail of 2' },
    })
    // four events a second, every other one a first; without those of the other fault, one in 500 firsts
    expect(other?.trend).toEqual({ lastHour: 14, hourBefore: 14 })
    expect(group?.trend.hourBefore).toBe(7200 - 14)
    expect((await view.parkedGroups({ name: '第7号' }, evening)).map(({ subjects }) => subjects)).toEqual([1, 1])
  })

  it('pages of any filter go through all that it names, each event once, in order', async () => {
    const seen: number[] = []
    for (let after = -1, more = true; more; ) {
      const page = await view.listParked({ cause: 'record-schema', type: established, after, limit: 15 })
      seen.push(...page.map(({ index }) => index))
      after = page.at(-1)?.index ?? after
      more = page.length === 15
    }
    expect(seen).toEqual(Array.from({ length: others }, (_, i) => i * 1000))
    expect((await view.listParked({ subject: 'S019999' })).map(({ index, name }) => [index, name])).toEqual([
      [39_998, '大连第19999号有限公司'],
      [39_999, '大连第19999号有限公司'],
    ])
    expect((await view.listParked({ name: '第19999号' })).map(({ index }) => index)).toEqual([39_998, 39_999])
    const late = await view.listParked({ from: new Date('2026-11-24T20:59:58Z') })
    expect(late.map(({ index }) => index)).toEqual(Array.from({ length: 8 }, (_, i) => 39_992 + i))
  })

  it.each<[string, ParkedFilter & ParkedPage, string]>([
    ['nothing', {}, 'parked_pkey'],
    ['where the page before ended', { after: 30_000 }, 'parked_pkey'],
    ['a rare cause and type', { cause: 'record-schema', type: established }, 'parked_cause'],
    ['a subject', { kind: 'registration', subject: 'S000007' }, 'parked_subject'],
  ])('a page by %s comes from an index, and looks at no more than it gives', async (_what, filter, index) => {
    const plan = await planOf(pageQuery(database.raw, filter))
    expect(plan.map((node) => node['Index Name'])).toContain(index)
    expect(plan.map((node) => node['Node Type'])).not.toContain('Seq Scan')
    expect(
      Math.max(...plan.map((node) => Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0))),
    ).toBeLessThan(102)
  })

  it('groups go over the events once, sort none, and give back a row each', async () => {
    const plan = await planOf(groupsQuery(database.raw, {}, evening))
    expect(plan.filter((node) => node['Node Type'] === 'Seq Scan')).toHaveLength(1)
    const sorted = plan.filter((node) => node['Node Type'] === 'Sort').map((node) => Number(node['Actual Rows']))
    expect(Math.max(0, ...sorted)).toBeLessThan(10)
    expect(plan[0]?.['Actual Rows']).toBe(3)
  })
})

type Node = Readonly<Record<string, unknown>> & { readonly Plans?: readonly Node[] }

/** Every node of a query's plan, the root first, as it was carried out. */
async function planOf(query: ReturnType<typeof pageQuery>): Promise<readonly Node[]> {
  const [row] = await database.raw<{ 'QUERY PLAN': [{ Plan: Node }] }[]>`explain (analyze, format json) ${query}`
  if (row === undefined) throw new Error('there is no plan')
  const nodes = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodes)]
  return nodes(row['QUERY PLAN'][0].Plan)
}
