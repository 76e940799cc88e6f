import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { companies } from '../support/companies.ts'
import { viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { cloudEventOf } from '../support/examples.ts'
import { bodyOf, type Gateway, openGateway } from '../support/gateway.ts'
import { applyCatalogue, operate, readObject, writeOffices } from '../support/operate.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

let gateway: Gateway
let cataloguePath: string
beforeEach(async () => {
  cataloguePath = await statisticsCatalogue()
  await writeOffices(cataloguePath, ({ '210203': _, ...rest }) => rest)
  gateway = await openGateway({ cataloguePath })
})
afterEach(() => gateway.stop())

const cure = async () => {
  await writeOffices(cataloguePath, (offices) => ({ ...offices, '210203': '西岗税务所' }))
  expect((await applyCatalogue(gateway, cataloguePath)).status).toBe(201)
}

async function parkCompanies(count: number, first = 0): Promise<void> {
  for (const event of companies(count, first)) {
    const response = await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
    expect(response.status).toBe(201)
  }
  await eventually(async () => (await parkedOf()).length === 2 * (first + count))
}

const parkedOf = () =>
  gateway.database.raw<{ index: number; subject: string; cause: string; tries: number }[]>`
    select index, subject, cause, tries from view_local_tax.parked order by index`

const replays = '/v1/operations/replays'
const plan = async (details: JsonObject = { bureau: 'local-tax', filter: { cause: 'no-office' } }): Promise<number> => {
  const { status, body } = await operate(gateway, replays, 'plan-replay', details)
  expect({ status, body }).toMatchObject({ status: 201 })
  return Number(body.replay)
}
const change = (id: number, action: string, details: JsonObject = {}) =>
  operate(gateway, `${replays}/${id}`, action, { replay: id, ...details })
const read = (id: number) => readObject(gateway, `${replays}/${id}`, 'operator')
const reach = async (id: number, state: string): Promise<JsonObject> => {
  await eventually(async () => expect((await read(id)).state).toBe(state))
  return read(id)
}

it('plans, tries a canary, runs, and ends with views that are the fold of the log', async () => {
  await parkCompanies(12)
  const before = await plan()
  expect(await reach(before, 'planned')).toMatchObject({
    plan: { subjects: 12, events: 24, applied: 0, failed: 12, failures: [{ cause: 'no-office', subjects: 12 }] },
  })
  await cure()
  const id = await plan()
  expect(await reach(id, 'planned')).toMatchObject({ plan: { subjects: 12, events: 24, applied: 24, failed: 0, failures: [] } })
  expect(await read(before)).toMatchObject({ state: 'cancelled' })
  // a plan takes everything back
  expect(await parkedOf()).toHaveLength(24)

  expect((await change(id, 'canary-replay', { subjects: 3 })).status).toBe(201)
  expect(await reach(id, 'paused')).toMatchObject({ subjectsDone: 3, eventsApplied: 6, note: 'the canary is through' })
  expect(await parkedOf()).toHaveLength(18)

  expect((await change(id, 'start-replay', { rate: null })).status).toBe(201)
  expect(await reach(id, 'done')).toMatchObject({ subjectsDone: 12, eventsApplied: 24, subjectsFailed: 0, subjectsLeft: 0 })
  expect(await parkedOf()).toEqual([])
  // the fold by the rules of today
  const views = await viewsOf(gateway.url)
  await views.expectFold().finally(() => views.close())
})

it('a subject that fails again stays parked with its new try, and the replay pauses by itself', async () => {
  await parkCompanies(5)
  const id = await plan()
  await reach(id, 'planned')
  // two at a time: the second batch is gone through, the last subject is left
  await change(id, 'start-replay', { rate: 20, pauseAfter: 3 })
  expect(await reach(id, 'paused')).toMatchObject({
    subjectsFailed: 4,
    subjectsLeft: 1,
    failures: [{ cause: 'no-office', subjects: 4, example: { index: expect.any(Number) } }],
    note: expect.stringContaining('paused by itself'),
  })
  await change(id, 'start-replay', { rate: null, pauseAfter: 1 })
  // with nothing left to try it does not pause again
  expect(await reach(id, 'done')).toMatchObject({ subjectsFailed: 5, note: null })
  expect((await parkedOf()).map(({ cause, tries }) => `${cause} ${tries}`)).toEqual(
    Array.from({ length: 5 }, () => ['no-office 2', 'behind 1']).flat(),
  )
  // none of them is tried again by the same replay
  expect(await read(id)).toMatchObject({ subjectsDone: 5, subjectsFailed: 5 })
})

it('a canary that has tried all there is leaves nothing to start', async () => {
  await parkCompanies(2)
  await cure()
  const id = await plan()
  await reach(id, 'planned')
  await change(id, 'canary-replay', { subjects: 2 })
  expect(await reach(id, 'done')).toMatchObject({ subjectsDone: 2, eventsApplied: 4, note: null })
})

it('takes only whom the filter names, and says everything that is wrong with a filter', async () => {
  await parkCompanies(3)
  await cure()
  const [first] = await parkedOf()
  const id = await plan({ bureau: 'local-tax', filter: { subjects: [first?.subject ?? ''] } })
  expect(await reach(id, 'planned')).toMatchObject({ plan: { subjects: 1, events: 2, applied: 2 } })
  await change(id, 'start-replay')
  await reach(id, 'done')
  expect(await parkedOf()).toHaveLength(4)

  const wrong = { bureau: 'local-tax', filter: { cause: 'behind', from: 'yesterday', colour: 'red' } }
  const { status, body } = await operate(gateway, replays, 'plan-replay', wrong)
  expect(status).toBe(400)
  expect(body.detail).toMatch(/colour.*cause.*from/)
})

it('refuses an instant that there is not before it is on record, and goes on with whatever else is asked', async () => {
  const before = await gateway.parts.log.size()
  for (const instant of [
    '2026-02-31T00:00:00Z',
    '2026-11-24T24:00:00Z',
    '0000-06-01T00:00:00Z',
    '9999-12-31T23:00:00-02:00',
    '2026-11-24T21:00Z',
  ])
    for (const name of ['from', 'to'])
      expect(
        await operate(gateway, replays, 'plan-replay', { bureau: 'local-tax', filter: { [name]: instant } }),
        instant,
      ).toMatchObject({
        status: 400,
        body: { code: 'invalid-request', detail: `filter.${name} must be an instant like 2026-11-24T21:00:00Z` },
      })
  expect(await gateway.parts.log.size()).toBe(before)
  // Postgres itself reads no zone beyond 15:59
  const far = await plan({
    bureau: 'local-tax',
    filter: { from: '2026-11-24T21:00:00+18:00', to: '2026-11-24t21:00:00.0001-23:59' },
  })
  expect(await reach(far, 'planned')).toMatchObject({ filter: { from: '2026-11-24T03:00:00Z', to: '2026-11-25T20:59:00.001Z' } })
})

it('is narrowed by type, time and index range of the first parked events, and says how long it would take', async () => {
  await parkCompanies(3)
  await cure()
  const heads = (await parkedOf()).filter(({ cause }) => cause === 'no-office')
  const middle = heads[1]?.index ?? -1
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
  const type = 'registration.established.v1'
  const expected: readonly (readonly [JsonObject, number])[] = [
    [{ cause: 'no-office', type, to: tomorrow }, 3],
    [{ type: 'registration.changed.v1' }, 0],
    [{ from: tomorrow }, 0],
    [{ minIndex: middle }, 2],
    [{ minIndex: middle, maxIndex: middle }, 1],
  ]
  for (const [filter, subjects] of expected) {
    const planned = await reach(await plan({ bureau: 'local-tax', filter }), 'planned')
    expect(planned).toMatchObject({ filter, plan: { subjects, events: 2 * subjects, applied: 2 * subjects } })
    // at 500 events a second
    if (subjects > 0) expect(planned).toMatchObject({ rate: 500, secondsLeft: 1 })
  }
})

it('is asked by operators alone, with a reason, and everything they ask is on record', async () => {
  const details = { bureau: 'local-tax', filter: {} }
  const by = gateway.key('commerce')
  expect(await operate(gateway, replays, 'plan-replay', details, { by })).toMatchObject({
    status: 403,
    body: { code: 'not-yours' },
  })
  expect(await operate(gateway, replays, 'plan-replay', details, { reason: ' ' })).toMatchObject({ status: 400 })
  expect((await gateway.get(replays, 'commerce')).status).toBe(403)
  const id = await plan(details)
  const [entry] = await gateway.database.raw<{ kind: string; entry: string }[]>`
    select kind, entry from log.entries where index = ${id}`
  expect(entry?.kind).toBe('operation')
  expect(JSON.parse(entry?.entry ?? '{}')).toMatchObject({ action: 'plan-replay', party: 'operator' })
})

it('lists of one bureau refuse what can be no bureau’s id', async () => {
  for (const list of [replays, '/v1/operations/rebuilds']) {
    for (const bureau of ['%00', 'UPPER', 'a'.repeat(32)]) {
      const response = await gateway.get(`${list}?bureau=${bureau}`, 'operator')
      expect(await bodyOf(response)).toMatchObject({ status: 400, code: 'invalid-request' })
    }
    expect((await gateway.get(`${list}?bureau=`, 'operator')).status).toBe(200)
  }
  for (const bureau of ['', 'UPPER', 'a'.repeat(32)])
    expect(await operate(gateway, replays, 'plan-replay', { bureau, filter: {} })).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('must be the id of a bureau') },
    })
})

it('two who start the same replay start it once', async () => {
  await parkCompanies(2)
  await cure()
  const id = await plan()
  await reach(id, 'planned')
  const both = await Promise.all([change(id, 'start-replay'), change(id, 'start-replay')])
  expect(both.map(({ status }) => status).every((status) => status === 200 || status === 201)).toBe(true)
  expect(await reach(id, 'done')).toMatchObject({ subjectsDone: 2, eventsApplied: 4 })
  expect((await change(id, 'pause-replay')).status).toBe(400)
})

it('cancels, and what is left stays parked', async () => {
  await parkCompanies(3)
  await cure()
  const id = await plan()
  await reach(id, 'planned')
  await change(id, 'canary-replay', { subjects: 1 })
  await reach(id, 'paused')
  expect((await change(id, 'cancel-replay')).body).toMatchObject({ state: 'cancelled' })
  expect(await parkedOf()).toHaveLength(4)
})

it('a dismissed event changes nothing but the provenance, and what waited behind it goes on', async () => {
  await parkCompanies(1)
  const [head, behind] = await parkedOf()
  const dismiss = { bureau: 'local-tax', indexes: [head?.index ?? -1] }
  const done = await operate(gateway, '/v1/operations/dismissals', 'dismiss', dismiss, { reason: 'struck off by mistake' })
  expect(done).toMatchObject({ status: 201, body: { action: 'dismiss' } })
  expect(await parkedOf()).toEqual([])
  const { fate } = await readObject(gateway, `/v1/events/${head?.index}`, 'operator')
  const dismissed = { state: 'dismissed', reason: 'struck off by mistake', operation: done.body.index }
  expect(fate).toMatchObject({ 'local-tax': dismissed })
  const path = `/v1/bureaus/local-tax/records/registration/${head?.subject}`
  const { lastIndex, provenance, data } = await readObject(gateway, path, 'local-tax')
  expect(lastIndex).toBe(behind?.index)
  expect(provenance).toMatchObject({
    addressDivision: { dismissed: { index: head?.index, reason: 'struck off by mistake' } },
  })
  expect(data).not.toHaveProperty('addressDivision')
  // asked again, nothing happens and nothing more is on record
  expect((await operate(gateway, '/v1/operations/dismissals', 'dismiss', dismiss)).status).toBe(200)
  const elsewhere = { bureau: 'local-tax', indexes: [behind?.index ?? -1] }
  expect((await operate(gateway, '/v1/operations/dismissals', 'dismiss', elsewhere)).body.detail).toContain('not parked')
})
