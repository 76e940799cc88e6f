import { afterAll, beforeAll, expect, it } from 'vitest'
import { companies } from '../support/companies.ts'
import type { Running } from '../support/e2e-deployment.ts'
import { eventually } from '../support/eventually.ts'
import { lianban } from '../support/lianban.ts'
import { type LocalTaxDeployment, localTaxDeployment, mended } from '../support/local-tax-deployment.ts'
import { postAll } from '../support/parked-companies.ts'

/** Two events each. */
const known = 30
/** Whoever holds this advisory lock lets no swap commit. */
const gate = 20_261_125

let exchange: LocalTaxDeployment
let consumer: Running

beforeAll(async () => {
  exchange = await localTaxDeployment(mended)
  consumer = exchange.consumer
  // the last statement of a swap says so in the rebuild's row: there it can be held, with everything done and nothing committed
  await exchange.views.sql.unsafe(`create schema watched; create table watched.swaps (rebuild bigint);
    create function watched.note() returns trigger language plpgsql as $$ begin
      perform pg_advisory_xact_lock_shared(${gate}); insert into watched.swaps values (new.id); return new; end $$;
    create trigger watched before update on operations.rebuilds for each row when (new.state = 'swapped') execute function watched.note()`)
})
afterAll(() => exchange?.close())

const schemaOf = async (name: string) => (await exchange.views.sql`select oid from pg_namespace where nspname = ${name}`)[0]?.oid

/** Kills the process while its swap waits for what is held, and then lets go: nothing of the swap may have happened. */
async function killWaiting(waitsIn: string): Promise<void> {
  await eventually(async () => {
    const waiting = await exchange.views.sql`
      select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query ilike ${`%${waitsIn}%`}`
    return waiting.length === 1
  })
  await consumer.kill()
}

it('swaps a view once, and loses none, though the process is killed in the very transaction that swaps', async () => {
  const { bureaus, url, views, operator, consume } = exchange
  await postAll(bureaus, url, companies(known))
  await eventually(async () => {
    const [row] = await views.sql`select count(*)::int as records from view_local_tax.records`
    return row?.records === known
  })
  const old = await schemaOf('view_local_tax')
  const holding = await views.sql.reserve()
  const expectNothingSwapped = async () => {
    expect(await schemaOf('view_local_tax')).toBe(old)
    expect(await views.sql`select * from watched.swaps`).toEqual([])
    const [row] = await views.sql`select count(*)::int as records from view_local_tax.records`
    expect(row?.records).toBe(known)
  }

  // before it has changed anything
  await holding`begin`
  await holding`lock table view_local_tax.positions in row share mode`
  const rebuild = lianban(['view', 'rebuild', '--bureau', 'local-tax', '--json', ...operator])
  await killWaiting('lock table%positions in exclusive mode')
  await holding`commit`
  await expectNothingSwapped()

  // when it has renamed both schemas
  await holding`select pg_advisory_lock(${gate})`
  consumer = await consume()
  await killWaiting('update operations.rebuilds set state')
  await expectNothingSwapped()
  await holding`select pg_advisory_unlock(${gate})`
  holding.release()
  await eventually(async () => {
    const left = await views.sql`
      select 1 from pg_stat_activity where datname = current_database() and query ilike 'update operations.rebuilds%' and state <> 'idle'`
    return left.length === 0
  })
  await expectNothingSwapped()

  await postAll(bureaus, url, companies(3, known))
  consumer = await consume()
  const { code, stdout, stderr } = await rebuild
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const { id, ...swapped } = JSON.parse(stdout)
  expect(swapped).toMatchObject({ state: 'swapped', result: { different: 0, missing: 0, extra: 0, parked: 0 } })
  expect(await views.sql`select rebuild from watched.swaps`).toEqual([{ rebuild: id }])
  expect(await schemaOf('view_local_tax')).not.toBe(old)
  await eventually(async () => {
    const [folded, stored] = await Promise.all([views.folded(), views.stored()])
    expect(stored['local-tax']).toEqual(folded['local-tax'])
    expect(stored['local-tax']?.records).toHaveLength(known + 3)
  })
  // the old one is dropped, and nothing of either is left behind
  await eventually(async () => {
    const left = await views.sql`
      select nspname from pg_namespace where nspname in ('rebuild_local_tax', 'replaced_local_tax') or oid = ${old}`
    return left.length === 0
  })
})
