import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import type { Appended } from '../../src/log/appendable.ts'
import { verifyReceipt } from '../../src/log/receipt.ts'
import { auditLog } from '../support/audited-log.ts'
import { accepted, eventAbout, type LogFixture, openLogFixture } from '../support/log-fixture.ts'

let log: LogFixture
beforeAll(async () => {
  log = await openLogFixture()
})
afterAll(() => log.stop())

const over = (i: number) => (i % 2 === 0 ? log.one : log.two)

it('two thousand events over two gateways: no gap, no time backwards, every receipt and tile is right', async () => {
  const signed = await Promise.all(
    Array.from({ length: 2000 }, (_, n) => log.sign(eventAbout(n, 'registration.imported.v1', 'commerce'))),
  )
  const answers: { compact: string; answer: Appended & { outcome: 'appended' } }[] = []
  // waves, so that batches of many sizes meet and neither gateway's queue fills
  for (let from = 0, width = 1; from < signed.length; from += width, width = Math.min(width * 2, 400)) {
    const wave = signed.slice(from, from + width)
    answers.push(
      ...(await Promise.all(wave.map(async (compact, i) => ({ compact, answer: accepted(await over(i).take(compact)) })))),
    )
  }
  const entries = await auditLog(log.one.database.raw, log.logKey.vkey)
  expect(entries).toHaveLength(answers.length + 6)
  for (const { compact, answer } of answers) {
    const { entry } = entries[answer.index] ?? { entry: '' }
    expect(JSON.parse(entry)).toEqual({ kind: 'event', received: answer.received, jws: compact })
    expect(verifyReceipt(answer.receipt, entry, log.logKey.vkey).index).toBe(answer.index)
  }
}, 120_000)

it('a receipt proved later, in a longer log, verifies too', async () => {
  for (const index of [0, 1, 255, 256, 1000]) {
    const row = await log.two.reader.entry(index)
    const { receipt, leafHash } = await log.two.reader.prove(index)
    expect(verifyReceipt(receipt, row?.entry ?? '', log.logKey.vkey).index).toBe(index)
    expect(leafHash).toEqual(row?.leaf)
  }
})

const steps: Readonly<Record<string, readonly [type: string, source: string, data?: JsonObject]>> = {
  import: ['registration.imported.v1', 'commerce'],
  revoke: ['registration.revoked.v1', 'commerce', { effectiveDate: '2017-12-01' }],
  restore: ['registration.restored.v1', 'commerce', { effectiveDate: '2017-12-01' }],
  register: ['tax.registered.v1', 'state-tax', { effectiveDate: '2017-12-01' }],
  registerLocal: ['tax.registered.v1', 'local-tax', { effectiveDate: '2017-12-01' }],
  abnormal: [
    'tax.status-changed.v1',
    'state-tax',
    { effectiveDate: '2017-12-01', previousTaxpayerStatus: 'normal', taxpayerStatus: 'abnormal' },
  ],
  normal: [
    'tax.status-changed.v1',
    'state-tax',
    { effectiveDate: '2017-12-01', previousTaxpayerStatus: 'abnormal', taxpayerStatus: 'normal' },
  ],
  deregister: ['tax.deregistered.v1', 'state-tax', { effectiveDate: '2017-12-01', previousTaxpayerStatus: 'normal' }],
  cancel: ['registration.cancelled.v1', 'commerce', { effectiveDate: '2017-12-02', approvalDate: '2017-12-02' }],
}

it('whatever is sent at once by all senders over two gateways, every history in the log is legal', async () => {
  let nextCompany = 10_000
  let mixed = 0
  const sent = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.constantFrom(...Object.keys(steps)), fc.boolean()), {
    minLength: 10,
    maxLength: 60,
  })
  await fc.assert(
    fc.asyncProperty(sent, async (events) => {
      const first = nextCompany
      nextCompany += 4
      // each company is known at least, or most of it would be refused for that alone
      const all = [...[0, 1, 2, 3].map((company) => [company, 'import', true] as const), ...events]
      const signed = await Promise.all(
        all.map(async ([company, name, gateway]) => {
          const [type, source, data] = steps[name] ?? ['', '']
          return {
            gateway: gateway ? log.one : log.two,
            compact: await log.sign(eventAbout(first + company, type, source, data)),
          }
        }),
      )
      const answers = await Promise.all(signed.map(({ gateway, compact }) => gateway.take(compact)))
      expect(answers.some(({ outcome }) => outcome === 'appended')).toBe(true)
      for (const answer of answers) if (answer.outcome === 'refused') expect(answer.refusal.code).not.toBe('invalid-event')
      if (answers.filter(({ outcome }) => outcome === 'appended').length > 6) mixed += 1
    }),
    { numRuns: 25, endOnFailure: true },
  )
  expect(mixed).toBeGreaterThan(5)
  await auditLog(log.one.database.raw, log.logKey.vkey)
}, 120_000)
