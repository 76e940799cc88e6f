import { afterAll, beforeAll, expect, it } from 'vitest'
import { auditLog } from '../support/audited-log.ts'
import { accepted, eventAbout, type LogFixture, openLogFixture, refused } from '../support/log-fixture.ts'

let log: LogFixture
beforeAll(async () => {
  log = await openLogFixture()
})
afterAll(() => log.stop())

const established = (n: number) => eventAbout(n, 'registration.established.v1', 'commerce')

it('the same bytes again get the first index and time, in one batch and in later ones', async () => {
  const compact = await log.sign(established(1))
  // both are verified at once, so either may come first
  const [a, b] = await Promise.all([log.one.take(compact), log.one.take(compact)])
  const [first, second] = a.outcome === 'appended' ? [a, b] : [b, a]
  const { index, received } = accepted(first)
  expect(second).toEqual({ outcome: 'repeated', index, received, warnings: [] })
  expect(await log.one.take(compact)).toEqual({ outcome: 'repeated', index, received, warnings: [] })
  expect(await log.two.take(compact)).toEqual({ outcome: 'repeated', index, received, warnings: [] })
})

it('the same payload signed anew is the same event', async () => {
  const event = established(2)
  const { index } = accepted(await log.one.take(await log.sign(event)))
  expect(await log.two.take(await log.sign(event))).toMatchObject({ outcome: 'repeated', index })
})

it('an id with other content is refused as duplicate-id, in one batch and in later ones', async () => {
  const event = established(3)
  const other = { ...established(4), id: event.id }
  const [one, two] = await Promise.all([log.sign(event), log.sign(other)])
  const [a, b] = await Promise.all([log.one.take(one), log.one.take(two)])
  const [first, second, loser] = a.outcome === 'appended' ? [a, b, other] : [b, a, event]
  accepted(first)
  expect(refused(second).refusal.code).toBe('duplicate-id')
  expect(refused(await log.two.take(await log.sign(loser))).refusal.detail.en).toContain(`at index ${accepted(first).index}`)
})

it('two senders may use one id', async () => {
  const event = established(5)
  const registered = { ...eventAbout(5, 'tax.registered.v1', 'state-tax'), id: event.id }
  accepted(await log.one.take(await log.sign(event)))
  accepted(await log.one.take(await log.sign(registered)))
})

it('fifty copies to each of two gateways at once are one entry and one first answer', async () => {
  const compact = await log.sign(established(6))
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? log.one : log.two).take(compact)))
  expect(answers.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1)
  expect(answers.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(99)
  expect(new Set(answers.map(({ index }) => index)).size).toBe(1)
})

it('a hundred contents under one id over two gateways: one is accepted', async () => {
  const { id } = established(0)
  const signed = await Promise.all(Array.from({ length: 100 }, (_, i) => log.sign({ ...established(100 + i), id })))
  const answers = await Promise.all(signed.map((compact, i) => (i % 2 === 0 ? log.one : log.two).take(compact)))
  expect(answers.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1)
  const codes = answers.flatMap((answer) => (answer.outcome === 'refused' ? [answer.refusal.code] : []))
  expect(codes).toEqual(Array(99).fill('duplicate-id'))
})

it('the id of a refused event may be used again', async () => {
  const early = eventAbout(7, 'tax.registered.v1', 'state-tax')
  expect(refused(await log.one.take(await log.sign(early))).refusal.code).toBe('unknown-subject')
  accepted(await log.one.take(await log.sign(established(7))))
  accepted(await log.two.take(await log.sign(early)))
})

it('a repeated event gets its first answer before its schema or its time is looked at', async () => {
  const compact = await log.sign(established(8))
  const { index } = accepted(await log.one.take(compact))
  const again = await log.one.check(compact)
  const late = {
    state: 'refused',
    refusal: { code: 'invalid-event', detail: { en: '', zh: '' } },
    afterDuplicates: true,
  } as const
  expect(await log.one.group.append({ ...again, check: late })).toMatchObject({ outcome: 'repeated', index })
})

it('a taken id with other content that is not even valid is a duplicate id', async () => {
  const event = established(9)
  accepted(await log.one.take(await log.sign(event)))
  const invalid = { ...event, data: {} }
  expect(refused(await log.one.take(await log.sign(invalid))).refusal.code).toBe('duplicate-id')
})

it('all of it stands once in a log that verifies', async () => {
  const entries = await auditLog(log.one.database.raw, log.logKey.vkey)
  const ids = entries.filter(({ kind }) => kind === 'event').map(({ party, eventId }) => `${party} ${eventId}`)
  expect(new Set(ids).size).toBe(ids.length)
})
