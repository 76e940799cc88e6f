import { afterEach, describe, expect, it } from 'vitest'
import { rebuildText } from '../../src/commands/view-rebuild-text.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { registerKey } from '../../src/identity/key-request.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { keyToAppend } from '../../src/log/key-append.ts'
import { type CompanyExchange, companyExchange } from '../support/company-exchange.ts'
import { viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { operate, readObject } from '../support/operate.ts'

let exchange: CompanyExchange
afterEach(() => exchange?.stop())

const rebuilds = '/v1/operations/rebuilds'
const sql = () => exchange.gateway.database.raw
const rebuild = async (details: JsonObject = {}): Promise<number> => {
  const asked = await operate(exchange.gateway, rebuilds, 'rebuild-view', { bureau: 'local-tax', ...details })
  expect(asked).toMatchObject({ status: 201, body: { state: 'building' } })
  return Number(asked.body.rebuild)
}
const change = (id: number, action: string) => operate(exchange.gateway, `${rebuilds}/${id}`, action, { rebuild: id })
const read = (id: number) => readObject(exchange.gateway, `${rebuilds}/${id}`, 'operator')
const reach = async (id: number, state: string): Promise<JsonObject> => {
  await eventually(async () => expect((await read(id)).state).toBe(state))
  return read(id)
}
const schemas = async () =>
  (await sql()<{ name: string }[]>`select nspname as name from pg_namespace where nspname ~ 'local_tax' order by 1`).map(
    ({ name }) => name,
  )
const rowsOf = async (table: string) => {
  const rows = await sql()`select * from view_local_tax.${sql()(table)} order by 1, 2`
  return rows.map(({ updated_at: _, ...row }) => ({ ...row }))
}
const expectFold = async () => {
  const views = await viewsOf(exchange.gateway.url)
  await views.expectFold().finally(() => views.close())
}

describe('a rebuilt view', () => {
  it('is the fold of the log, keeps up with it, and takes the place of the live one, which served all the while', async () => {
    exchange = await companyExchange({ cured: true })
    const [wrong = '', other = ''] = await exchange.post(6)
    const right = await rowsOf('records')
    await sql()`update view_local_tax.records set data = jsonb_set(data::jsonb, '{enterpriseName}', '"Wrong"') where subject = ${wrong}`
    await sql()`insert into view_local_tax.records select (jsonb_populate_record(r, '{"subject":"NOBODY"}')).* from view_local_tax.records r where subject = ${other}`
    const id = await rebuild()
    const ready = await reach(id, 'ready')
    expect(ready).toMatchObject({
      progress: { subjects: 6, events: 12, of: 6, folded: true },
      result: { subjects: 7, different: 1, missing: 0, extra: 1, parked: 0, recordsTaken: 1, behind: 0 },
    })
    expect(ready.result).toMatchObject({
      examples: expect.arrayContaining([
        expect.objectContaining({ subject: wrong, fields: [expect.objectContaining({ field: 'enterpriseName' })] }),
      ]),
    })
    // nothing has changed yet, and both keep up
    expect(await rowsOf('records')).toHaveLength(7)
    await exchange.post(2, 6)

    expect(await change(id, 'swap-view')).toMatchObject({ status: 201, body: { state: 'swapping' } })
    await reach(id, 'swapped')
    const rows = await rowsOf('records')
    expect(rows.filter(({ subject }) => right.some((row) => row.subject === subject))).toEqual(right)
    expect(rows).toHaveLength(8)
    await expectFold()
    // the consumer goes on in it, also with statements prepared before
    await exchange.post(3, 8)
    await expectFold()
    await eventually(async () => expect(await schemas()).toEqual(['view_local_tax']))
    expect(await change(id, 'swap-view')).toMatchObject({ status: 200, body: { carriedOut: false, state: 'swapped' } })
  })

  it('takes the place of the live one while events arrive: none is lost, and none applied twice', {
    timeout: 120_000,
  }, async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(20)
    let posting = true
    let posted = 20
    const traffic = (async () => {
      for (; posting; posted += 2) await exchange.post(2, posted)
    })()
    try {
      for (let swaps = 0; swaps < 4; swaps++) {
        const id = await rebuild()
        const before = posted
        await reach(id, 'ready')
        await change(id, 'swap-view')
        expect(await reach(id, 'swapped')).toMatchObject({ result: { different: 0, missing: 0, extra: 0, parked: 0 } })
        await eventually(async () => expect(posted).toBeGreaterThan(before + 2))
      }
    } finally {
      posting = false
      await traffic
    }
    // the count of events in each record is part of it
    await expectFold()
    expect(await rowsOf('parked')).toEqual([])
  })

  it('has what the rules of today allow, what is parked since when and how often tried, and what was dismissed', async () => {
    exchange = await companyExchange({ cured: false })
    const [first = ''] = await exchange.post(3)
    const id = await rebuild()
    await reach(id, 'ready')
    // after it was folded: its subject is folded anew
    const indexes = (await rowsOf('parked')).flatMap(({ index, subject }) => (subject === first ? [Number(index)] : []))
    const details = { bureau: 'local-tax', indexes }
    expect((await operate(exchange.gateway, '/v1/operations/dismissals', 'dismiss', details)).status).toBe(201)
    await sql()`update view_local_tax.parked set tries = 7 where cause = 'no-office'`
    const before = await Promise.all(['records', 'parked', 'dismissed'].map(rowsOf))
    await change(id, 'swap-view')
    await reach(id, 'swapped')
    expect(await Promise.all(['records', 'parked', 'dismissed'].map(rowsOf))).toEqual(before)

    // a catalogue applied meanwhile: the rebuilt view is begun anew, by its rules
    const again = await rebuild()
    await reach(again, 'ready')
    await exchange.cure()
    await eventually(async () => expect((await read(again)).note).toMatch(/came into force: begun anew/))
    expect(await reach(again, 'ready')).toMatchObject({ result: { parked: 2 } })
    await change(again, 'swap-view')
    await reach(again, 'swapped')
    expect(await rowsOf('parked')).toEqual([])
    expect(await rowsOf('dismissed')).toHaveLength(2)
  })

  it('parks what the database refuses, as the live view does', async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(2)
    const id = await rebuild()
    await reach(id, 'ready')
    // the tables are made by the same migrations, so only a test gives them another constraint
    await sql()`alter table rebuild_local_tax.records add constraint no_offices check (office is null) not valid`
    await sql()`update operations.rebuilds set progress = null, state = 'building' where id = ${id}`
    const anew = await reach(id, 'ready')
    expect(anew).toMatchObject({ progress: { subjects: 2, folded: true }, result: { parked: 2, behind: 0 } })
    expect(anew.result).toMatchObject({ examples: [{ parked: { live: null, rebuilt: { cause: 'constraint', events: 2 } } }, {}] })
  })
})

describe('what a swap takes away', () => {
  it('is said to whoever asks and approves, also of subjects that have only parked events in the rebuilt view', async () => {
    exchange = await companyExchange({ cured: true, twoPersons: ['swap-view'] })
    const subjects = await exchange.post(3)
    await exchange.spoil()
    const id = await rebuild()
    const ready = await reach(id, 'ready')
    expect(ready.result).toMatchObject({ different: 0, extra: 0, parked: 3, recordsTaken: 3 })
    expect(ready.result).toMatchObject({ examples: subjects.map(() => ({ what: 'parked', takesRecord: true })) })
    expect(rebuildText(ready)).toContain('3 records of the live view: the rebuilt one has none of these subjects')
    await change(id, 'swap-view')
    const { proposals } = await readObject(exchange.gateway, '/v1/operations/proposals', 'operator')
    expect(proposals).toMatchObject([{ action: 'swap-view', details: { rebuild: id }, recordsTaken: 3 }])
    expect(await rowsOf('records')).toHaveLength(3)
  })

  it('are records that the bureau sees, not what is kept of a subject for its state alone', async () => {
    exchange = await companyExchange({ cured: true })
    const [subject = ''] = await exchange.post(2)
    const copied = (name: string, firstIndex: number) => sql()`
      insert into view_local_tax.records
      select (jsonb_populate_record(r, ${sql().json({ subject: name, first_index: firstIndex })})).*
      from view_local_tax.records r where subject = ${subject}`
    await copied('UNSEEN', -1)
    await copied('SEEN', 7)
    const id = await rebuild({ dryRun: true })
    expect(await reach(id, 'compared')).toMatchObject({ result: { subjects: 4, extra: 2, recordsTaken: 1 } })
  })
})

describe('a dry run', () => {
  it('takes rows that an older version wrote for what they mean, not for how they are written', async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(3)
    // its columns were jsonb, and said an origin for each field
    const changed = await sql()`
      update view_local_tax.records set layers = layers::jsonb, data = data::jsonb, state = state::jsonb, provenance = (
        select jsonb_object_agg(field, origin - 'fields') from jsonb_array_elements(provenance::jsonb) origin,
          jsonb_array_elements_text(origin->'fields') field)
      where data::text <> data::jsonb::text and json_typeof(provenance) = 'array'`
    expect(changed.count).toBe(3)
    const id = await rebuild({ dryRun: true })
    expect(await reach(id, 'compared')).toMatchObject({ result: { subjects: 3, different: 0, behind: 0, examples: [] } })
  })

  it('compares and leaves nothing behind, nor can it be swapped', async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(3)
    const id = await rebuild({ dryRun: true })
    expect(await reach(id, 'compared')).toMatchObject({
      result: { subjects: 3, different: 0, missing: 0, extra: 0, parked: 0, behind: 0, examples: [] },
    })
    await eventually(async () => expect(await schemas()).toEqual(['view_local_tax']))
    expect(await change(id, 'swap-view')).toMatchObject({ status: 400 })
  })
})

describe('operators', () => {
  it('cancel it, ask for one at a time, and everything they ask is on record', async () => {
    exchange = await companyExchange({ cured: true })
    await exchange.post(1)
    const id = await rebuild()
    const twice = await operate(exchange.gateway, rebuilds, 'rebuild-view', { bureau: 'local-tax' })
    expect(twice).toMatchObject({ status: 200, body: { rebuild: id, carriedOut: false } })
    await reach(id, 'ready')
    expect(await change(id, 'cancel-rebuild')).toMatchObject({ status: 201, body: { state: 'cancelled' } })
    expect(await change(id, 'cancel-rebuild')).toMatchObject({ status: 200 })
    expect(await change(id, 'swap-view')).toMatchObject({ status: 400 })
    await eventually(async () => expect(await schemas()).toEqual(['view_local_tax']))
    const entries = await sql()<{ action: string }[]>`
      select entry::jsonb->>'action' as action from log.entries where kind = 'operation' order by index`
    expect(entries.map(({ action }) => action)).toEqual(['rebuild-view', 'cancel-rebuild'])
    const { rebuilds: list } = await readObject(exchange.gateway, `${rebuilds}?bureau=local-tax`, 'operator')
    expect(list).toMatchObject([{ id, state: 'cancelled', party: 'operator', reason: 'a test' }])
    expect((await exchange.gateway.get(rebuilds, 'commerce')).status).toBe(403)
    expect((await operate(exchange.gateway, rebuilds, 'rebuild-view', { bureau: 'nobody' })).status).toBe(400)
  })

  it('swap by two persons, where the catalogue wants that', async () => {
    exchange = await companyExchange({ cured: true, twoPersons: ['swap-view'] })
    await exchange.post(1)
    const id = await rebuild()
    await reach(id, 'ready')
    const { body } = await change(id, 'swap-view')
    expect(body).toMatchObject({ waitsFor: 'approval' })
    expect(await read(id)).toMatchObject({ state: 'ready' })
    const { gateway } = exchange
    const second = await importSigningKey(await generateKey('ES256'))
    const entry = await registerKey(second, gateway.key('operator'), { party: 'operator', log: gateway.parts.origin })
    await gateway.group.append(keyToAppend(entry, gateway.parts.origin, () => new Date()))
    const approve = (by: SigningKey) =>
      operate(gateway, '/v1/operations/proposals', 'approve', { operation: Number(body.index) }, { by })
    expect((await approve(gateway.key('operator'))).status).toBe(403)
    expect((await approve(second)).status).toBe(201)
    await reach(id, 'swapped')
  })

  it('swap no view while a replay runs on it', async () => {
    exchange = await companyExchange({ cured: false })
    await exchange.post(4)
    const id = await rebuild()
    await reach(id, 'ready')
    const filter = { bureau: 'local-tax', filter: {} }
    const { body } = await operate(exchange.gateway, '/v1/operations/replays', 'plan-replay', filter)
    const replay = Number(body.replay)
    const replays = `/v1/operations/replays/${replay}`
    await eventually(async () => expect((await readObject(exchange.gateway, replays, 'operator')).state).toBe('planned'))
    await sql()`update operations.replays set state = 'running', rate = 1, pause_after = 100 where id = ${replay}`
    expect(await change(id, 'swap-view')).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining(`replay ${replay} runs`) },
    })
    // it may begin between the request and the swap
    await sql()`update operations.rebuilds set state = 'swapping' where id = ${id}`
    await eventually(async () => expect((await read(id)).note).toMatch(/waits for replay/))
    await operate(exchange.gateway, replays, 'cancel-replay', { replay })
    await reach(id, 'swapped')
  })
})
