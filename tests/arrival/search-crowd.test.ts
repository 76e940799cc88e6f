import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { bodyOf, establishment, type Gateway, openGateway } from '../support/gateway.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await openGateway()
  for (let n = 0; n < 3; n++) expect((await gateway.post(establishment(n), 'commerce')).status).toBe(201)
})
afterAll(() => gateway.stop())

const path = '/v1/bureaus/commerce/records/registration'

it('searches of a view leave half of its connections to its consumer, wait for each other by reader, and are bounded', async () => {
  await eventually(async () => JSON.stringify(await bodyOf(await gateway.get(path, 'commerce'))).split('firstIndex').length === 4)
  const headers = { commerce: await gateway.authorization('commerce'), auditor: await gateway.authorization('auditor') }
  const search = (party: 'commerce' | 'auditor') => gateway.request(`${path}?name=x`, { headers: headers[party] })
  const connection = await gateway.database.raw.reserve()
  await connection`begin`
  await connection`lock table view_commerce.records in access exclusive mode`
  const waiting = async () => {
    const [row] = await gateway.database.raw<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name = 'lianban commerce' and wait_event_type = 'Lock'`
    return row?.count
  }
  const flood = Array.from({ length: 50 }, () => search('commerce'))
  await eventually(async () => (await waiting()) === 2)
  const other = search('auditor')
  // those beyond the bound are sent away while the others wait
  const first = await Promise.race(flood)
  expect(first.status).toBe(429)
  expect(first.headers.get('retry-after')).toBe('1')
  expect(await bodyOf(first)).toMatchObject({ code: 'too-many-requests', detail: expect.stringContaining('searches of yours') })
  expect(await waiting()).toBe(2)
  await connection`rollback`
  connection.release()
  const statuses = (await Promise.all(flood)).map(({ status }) => status)
  expect(statuses.filter((status) => status === 200)).toHaveLength(34)
  expect(statuses.filter((status) => status === 429)).toHaveLength(16)
  expect((await other).status).toBe(200)
  expect((await search('commerce')).status).toBe(200)
})
