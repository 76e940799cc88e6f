import { afterAll, beforeAll, expect, it } from 'vitest'
import { problemOf } from '../../src/domain/problems.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { auditLog } from '../support/audited-log.ts'
import { accepted, eventAbout, type LogFixture, openLogFixture, refused } from '../support/log-fixture.ts'

let log: LogFixture
beforeAll(async () => {
  log = await openLogFixture()
})
afterAll(() => log.stop())

const tooEarly = (n: number) => eventAbout(n, 'tax.registered.v1', 'state-tax')

it('a refusal is an entry: whose, which key, what and why', async () => {
  const event = tooEarly(1)
  const compact = await log.sign(event)
  const { verified } = await log.one.check(compact)
  const { refusal, index } = refused(await log.one.take(compact))
  expect(index).toBeTypeOf('number')
  const row = await log.one.reader.entry(index ?? -1)
  expect(JSON.parse(row?.entry ?? '')).toEqual({
    kind: 'refusal',
    received: row?.received.toISOString(),
    party: 'state-tax',
    kid: log.key('state-tax').kid,
    id: event.id,
    type: 'tax.registered.v1',
    status: problemOf(refusal.code).status,
    problem: 'unknown-subject',
    digest: verified.digest.toString('hex'),
  })
})

it('the same request refused for the same reason is one entry: in one batch, in the next, over another gateway', async () => {
  const compact = await log.sign(tooEarly(2))
  const batch = await Promise.all(Array.from({ length: 20 }, () => log.one.take(compact)))
  const later = [await log.one.take(compact), await log.two.take(compact)]
  expect(new Set([...batch, ...later].map((answer) => refused(answer).index)).size).toBe(1)
})

it('the same request over two gateways at once is one entry', async () => {
  const compact = await log.sign(tooEarly(3))
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? log.one : log.two).take(compact)))
  expect(new Set(answers.map((answer) => refused(answer).index)).size).toBe(1)
})

it('another reason is another entry, and the first reason keeps its own', async () => {
  const event = tooEarly(4)
  const compact = await log.sign(event)
  const first = refused(await log.one.take(compact))
  accepted(
    await log.one.take(await log.sign(eventAbout(4, 'registration.imported.v1', 'commerce', { registrationState: 'revoked' }))),
  )
  const second = refused(await log.one.take(compact))
  expect([first.refusal.code, second.refusal.code]).toEqual(['unknown-subject', 'not-active'])
  expect(second.index).not.toBe(first.index)
  expect(refused(await log.two.take(compact)).index).toBe(second.index)
})

it('the same payload signed anew is another request, so another entry', async () => {
  const event = tooEarly(5)
  const first = refused(await log.one.take(await log.sign(event)))
  expect(refused(await log.one.take(await log.sign(event))).index).not.toBe(first.index)
})

it('a refusal is remembered for 24 hours and no longer', async () => {
  const raw = log.one.database.raw
  const remembered = await log.sign(tooEarly(6))
  const forgotten = await log.sign(tooEarly(7))
  // only at the end, since the log does not verify with rows beside it
  const indexes = await raw.begin(async (tx) => {
    for (const [index, compact, age] of [
      [-2, remembered, '23 hours 59 minutes'],
      [-1, forgotten, '24 hours 1 minute'],
    ] as const) {
      const { verified } = await log.one.check(compact)
      await tx`
        insert into log.entries (index, kind, received, entry, leaf, party, digest, problem)
        values (${index}, 'refusal', clock_timestamp() - ${age}::interval, '{}', '', 'state-tax', ${verified.digest}, 'unknown-subject')`
    }
    return [-2, -1]
  })
  expect(refused(await log.one.take(remembered)).index).toBe(indexes[0])
  const { index } = refused(await log.one.take(forgotten))
  expect(index).toBeGreaterThan(0)
  expect(refused(await log.one.take(forgotten)).index).toBe(index)
  await raw.begin(async (tx) => {
    await tx`alter table log.entries disable trigger user`
    await tx`delete from log.entries where index < 0`
    await tx`alter table log.entries enable always trigger entries_refuse_change`
    await tx`alter table log.entries enable always trigger entries_refuse_truncate`
  })
  await auditLog(raw, log.logKey.vkey)
})

it('members that are no strings, or very long, are logged as they are, and nothing else of the batch suffers', async () => {
  const strange: readonly JsonObject[] = [
    { ...tooEarly(8), id: 7 },
    { ...tooEarly(8), type: 'x'.repeat(20_000) },
    { ...tooEarly(8), id: `${'长'.repeat(8_000)}\n\t"\\` },
    { ...tooEarly(8), id: 'a\nb', subject: 'a\nb' },
    { ...tooEarly(8), id: '', type: '' },
  ]
  const good = eventAbout(9, 'registration.established.v1', 'commerce')
  const answers = await Promise.all([
    ...strange.map(async (event) => log.one.take(await log.sign(event, 'state-tax'))),
    log.sign(good).then((compact) => log.one.take(compact)),
  ])
  accepted(answers[strange.length] ?? { outcome: 'repeated', index: -1, received: '', warnings: [] })
  for (const [i, event] of strange.entries()) {
    const { index } = refused(answers[i] ?? { outcome: 'repeated', index: -1, received: '', warnings: [] })
    const row = await log.one.reader.entry(index ?? -1)
    expect(JSON.parse(row?.entry ?? '{}')).toMatchObject({
      kind: 'refusal',
      id: typeof event.id === 'string' ? event.id : null,
      type: event.type,
    })
  }
})

it('a signature of nobody leaves no entry', async () => {
  const before = await log.one.reader.size()
  const [header, payload] = (await log.sign(tooEarly(10))).split('.')
  await expect(log.one.take(`${header}.${payload}.${'A'.repeat(86)}`)).rejects.toThrow('signature')
  expect(await log.one.reader.size()).toBe(before)
})
