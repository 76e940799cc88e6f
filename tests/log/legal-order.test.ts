import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemOf } from '../../src/domain/problems.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { auditLog } from '../support/audited-log.ts'
import { cloudEventOf, type Example, examples } from '../support/examples.ts'
import { madeUpUscc } from '../support/gateway.ts'
import { accepted, type LogFixture, openLogFixture, refused } from '../support/log-fixture.ts'

const [a, b, c] = ['91210203XTEXT0018E', '91210202XTEXT0026T', '91210204XTEXT0034J']

function like(subject: string | undefined, type: string, source: string, data: JsonObject = {}): Example {
  const all = examples().filter((one) => one.type === type)
  const found =
    all.find((one) => one.subject === subject && one.source === source) ?? all.find((one) => one.source === source) ?? all[0]
  if (found === undefined || subject === undefined) throw new Error(`no example of ${type}`)
  const { registrationNumber, ...rest } = found.data
  return { type, source, subject, data: { ...rest, uscc: subject, ...data } }
}

interface Row {
  readonly attempt: string
  readonly event: Example
  readonly code: string
  readonly retryable: boolean
  /** what would make it legal, named in both languages */
  readonly en: RegExp
  readonly zh: RegExp
}

const later = { effectiveDate: '2017-12-20' }
const ofTax = (subject: string | undefined) => ({ taxpayerId: subject ?? '', ...later })

const rows: readonly Row[] = [
  {
    attempt: 'a second establishment of the same company',
    event: like(a, 'registration.established.v1', 'commerce', later),
    code: 'already-established',
    retryable: false,
    en: /send a change instead/,
    zh: /变更/,
  },
  {
    attempt: 'a change for an unknown company',
    event: like(madeUpUscc(1), 'registration.changed.v1', 'commerce', later),
    code: 'unknown-subject',
    retryable: true,
    en: /establishment or import comes first/,
    zh: /设立|导入/,
  },
  {
    attempt: 'a change after cancellation',
    event: like(a, 'registration.changed.v1', 'commerce', later),
    code: 'not-active',
    retryable: false,
    en: /cancelled.*active|active.*cancelled/,
    zh: /cancelled.*active|active.*cancelled/,
  },
  {
    attempt: 'a restoration of a company that is not revoked',
    event: like(c, 'registration.restored.v1', 'commerce', later),
    code: 'not-revoked',
    retryable: false,
    en: /active.*revoked|revoked.*active/,
    zh: /active.*revoked|revoked.*active/,
  },
  {
    attempt: 'a general cancellation after only one of two bureaus has deregistered',
    event: like(c, 'registration.cancelled.v1', 'commerce', { ...later, approvalDate: '2017-12-20' }),
    code: 'tax-clearance-missing',
    retryable: true,
    en: /state-tax/,
    zh: /state-tax/,
  },
  {
    attempt: 'a second deregistration by the same bureau',
    event: like(c, 'tax.deregistered.v1', 'local-tax', later),
    code: 'not-tax-registered',
    retryable: true,
    en: /local-tax.*deregistered|deregistered.*local-tax/,
    zh: /local-tax.*deregistered|deregistered.*local-tax/,
  },
  {
    attempt: 'a status change whose previous status differs',
    event: like(b, 'tax.status-changed.v1', 'state-tax', {
      ...later,
      previousTaxpayerStatus: 'normal',
      taxpayerStatus: 'clearing',
    }),
    code: 'previous-status-differs',
    retryable: false,
    en: /abnormal/,
    zh: /abnormal/,
  },
  {
    attempt: 'abnormal to suspended',
    event: like(b, 'tax.status-changed.v1', 'state-tax', {
      ...later,
      previousTaxpayerStatus: 'abnormal',
      taxpayerStatus: 'suspended',
      suspendedUntil: '2018-06-30',
    }),
    code: 'status-order',
    retryable: false,
    en: /normal.*clearing|clearing.*normal/,
    zh: /normal.*clearing|clearing.*normal/,
  },
  {
    attempt: 'a clearance that names only one of two live bureaus',
    event: like(b, 'tax.clearance-issued.v1', 'state-tax', {
      ...ofTax(b),
      clearance: {
        number: '大中国税清〔2017〕0009号',
        receivingBureau: 'state-tax',
        clearedBy: [{ bureau: 'state-tax', result: 'cleared', date: '2017-12-20' }],
      },
    }),
    code: 'clearance-incomplete',
    retryable: false,
    en: /local-tax/,
    zh: /local-tax/,
  },
  {
    attempt: 'a tax event sent by commerce',
    event: like(b, 'tax.registered.v1', 'commerce', ofTax(b)),
    code: 'sender-not-allowed',
    retryable: false,
    en: /state-tax, local-tax/,
    zh: /state-tax、local-tax/,
  },
]

describe('histories that must be refused', () => {
  let log: LogFixture
  beforeAll(async () => {
    log = await openLogFixture()
    for (const [n, example] of examples().entries())
      accepted(await log.one.take(await log.sign(cloudEventOf(example, `sample-${n}`, new Date()))))
  })
  afterAll(() => log.stop())

  it.each(rows)('$attempt: $code', async ({ event, code, retryable, en, zh, attempt }) => {
    const answer = refused(
      await log.two.take(await log.sign(cloudEventOf(event, `attempt ${attempt}`, new Date()), event.source)),
    )
    expect({ code: answer.refusal.code, errors: answer.refusal.errors }).toEqual({ code, errors: undefined })
    expect('retryable' in problemOf(answer.refusal.code)).toBe(retryable)
    expect(answer.refusal.detail.en).toMatch(en)
    expect(answer.refusal.detail.zh).toMatch(zh)
    const row = await log.one.reader.entry(answer.index ?? -1)
    expect(JSON.parse(row?.entry ?? '{}')).toMatchObject({ kind: 'refusal', problem: code, party: event.source })
  })

  it('none of them has changed a state', async () => {
    const entries = await auditLog(log.one.database.raw, log.logKey.vkey)
    expect(entries.filter(({ kind }) => kind === 'event')).toHaveLength(examples().length)
  })
})
