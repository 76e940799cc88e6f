import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/database/connect.ts'
import { encodeCursor } from '../../src/view/cursor.ts'
import { type RecordFilter, recordsQuery } from '../../src/view/queries.ts'
import type { View } from '../../src/view/view.ts'
import { type Exchange, startExchange } from './test-view.ts'
import { rulesOf } from './view-rules.ts'

// 20,000 companies of 5 KB each, one in 500 revoked; between them records that are kept for their state alone
const subjects = 20_000

let exchange: Exchange
let view: View
let database: Database

beforeAll(async () => {
  exchange = await startExchange()
  const opened = await exchange.open('commerce', () => rulesOf())
  view = opened.view
  database = opened.database
  await database.raw`
    insert into records
      (kind, subject, status, layers, name, jurisdiction, data, provenance, state, first_index, last_index, events, updated_at)
    select 'registration', 'S' || lpad(i::text, 6, '0'), case when i % 500 = 0 then 'revoked' else 'active' end, '{}',
      '大连第' || i || '号' || case when i % 3 = 0 then '科技' else '贸易' end || '有限公司', 210200 + i % 7,
      json_build_object('businessScope', repeat(i::text, 900)), '[]', '{}', case when i % 4 = 1 then -1 else i end, i, 1, now()
    from generate_series(1, ${subjects}) as i`
  await database.raw`vacuum analyze records`
})
afterAll(() => exchange.close())

const subjectsBy = async (filter: RecordFilter) =>
  (await view.searchRecords('registration', filter)).records.map(({ subject }) => subject)

describe('of 20,000 records', () => {
  it('a part of a name finds the few that have it, and is looked for in an index alone', async () => {
    expect(await subjectsBy({ name: '第19998号' })).toEqual(['S019998'])
    expect(await subjectsBy({ name: '第19997号' }), 'kept for its state alone').toEqual([])
    const plan = await planOf({ name: '没有这个名字' })
    expect(plan.map((node) => node['Node Type'])).not.toContain('Seq Scan')
    expect(plan.map((node) => node['Index Name'])).toContain('records_subject_name')
    // the index has some 2 MB, the records 160
    expect(Number(plan[0]?.['Shared Hit Blocks']) + Number(plan[0]?.['Shared Read Blocks'])).toBeLessThan(1000)
  })

  it.each<[string, RecordFilter, number]>([
    ['nothing', {}, 101],
    ['where the page before the last one ended', { cursor: encodeCursor('S019900') }, 76],
    ['a status that few have', { status: 'revoked' }, 41],
    ['a jurisdiction', { jurisdiction: '210203' }, 101],
    ['a part of a name that a third has', { name: '科技' }, 101],
  ])('a page by %s looks at few more than it gives', async (_what, filter, most) => {
    const plan = await planOf(filter)
    expect(plan.map((node) => node['Node Type'])).not.toContain('Seq Scan')
    expect(plan[0]?.['Actual Rows']).toBeLessThanOrEqual(most)
    expect(Number(plan[0]?.['Shared Hit Blocks']) + Number(plan[0]?.['Shared Read Blocks'])).toBeLessThan(1000)
  })

  it('pages of a search go through all that it names, each once, in order', async () => {
    const seen: string[] = []
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await view.searchRecords('registration', { name: '科技', jurisdiction: '210203', limit: 100, cursor })
      seen.push(...page.records.map(({ subject }) => subject))
      cursor = page.next
    }
    const expected = Array.from({ length: subjects }, (_, n) => n + 1).filter((i) => i % 3 === 0 && i % 7 === 3 && i % 4 !== 1)
    expect(seen).toEqual(expected.map((i) => `S${String(i).padStart(6, '0')}`))
  })
})

type Node = Readonly<Record<string, unknown>> & { readonly Plans?: readonly Node[] }

/** Every node of a search's plan, the root first, as it was carried out. */
async function planOf(filter: RecordFilter): Promise<readonly Node[]> {
  const query = recordsQuery(database.orm, 'registration', { ...filter, limit: 101 })
  const [row] = await database.orm.execute<{ 'QUERY PLAN': [{ Plan: Node }] }>(
    sql`explain (analyze, buffers, format json) ${query.getSQL()}`,
  )
  if (row === undefined) throw new Error('there is no plan')
  const nodes = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodes)]
  return nodes(row['QUERY PLAN'][0].Plan)
}
