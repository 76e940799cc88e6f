import { describe, expect, test } from 'vitest'
import { maskData } from '../../src/domain/mask.ts'
import { originsOf } from '../../src/domain/provenance.ts'
import { type AcceptedEvent, foldRecord, type RecordRules, type ViewRecord } from '../../src/domain/record.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { visibleData } from '../../src/domain/visible.ts'
import { recordRules } from '../../src/view/record-rules.ts'
import { rulesOf, withStatistics } from '../view/view-rules.ts'
import { catalogue, companyA, companyC, kindOf, samples } from './histories.ts'

const eventsOf = (subject: string): readonly AcceptedEvent[] =>
  samples.flatMap((sample, index) => (sample.subject === subject ? [eventOf(sample, index)] : []))

function eventOf(
  { type, source, subject, data }: { type: string; source: string; subject: string; data: JsonObject },
  index: number,
): AcceptedEvent {
  const at = `2018-01-02T00:00:${String(index).padStart(2, '0')}.000Z`
  return { index, sender: source, type, kind: 'registration', subject, time: at, received: at, data }
}

function rulesFor(bureau: string, rules = rulesOf()): RecordRules {
  const found = recordRules(rules, bureau, 'registration')
  if (!found) throw new Error('no such kind')
  return found
}

function fold(events: readonly AcceptedEvent[], rules: RecordRules): ViewRecord {
  let record: ViewRecord | undefined
  for (const event of events) {
    const folded = foldRecord(record, event, rules)
    if ('parked' in folded) throw new Error(`${event.index}: ${folded.parked.detail}`)
    record = folded.record
  }
  if (!record) throw new Error('no events')
  return record
}

describe('a record', () => {
  const commerce = fold(eventsOf(companyA), rulesFor('commerce'))

  test('has the state of its layers, its name and its jurisdiction', () => {
    expect(commerce).toMatchObject({
      subject: companyA,
      status: 'cancelled',
      layers: { tax: { 'state-tax': 'deregistered', 'local-tax': 'deregistered' } },
      name: commerce.data.enterpriseName,
      jurisdiction: commerce.data.addressDivision,
      office: null,
      firstIndex: 0,
      lastIndex: 6,
    })
  })

  test('has commerce at the top and each tax bureau under its own name', () => {
    expect(commerce.data).toMatchObject({ registeredCapital: expect.any(String), tax: { 'state-tax': { taxpayerId: companyA } } })
    expect(commerce.data).not.toHaveProperty('taxpayerId')
    expect(originsOf(commerce.provenance)['tax.local-tax.financeHead']).toMatchObject({ index: 4, source: 'local-tax' })
    expect(originsOf(commerce.provenance).reason).toEqual({ index: 6, source: 'commerce', time: '2018-01-02T00:00:06.000Z' })
  })

  test('has an origin for each field and none for others', () => {
    const tax = commerce.data.tax as JsonObject
    const underTax = Object.entries(tax).flatMap(([bureau, fields]) =>
      Object.keys(fields as JsonObject).map((field) => `tax.${bureau}.${field}`),
    )
    const top = Object.keys(commerce.data).filter((field) => field !== 'tax')
    expect(Object.keys(originsOf(commerce.provenance)).sort()).toEqual([...top, ...underTax].sort())
  })

  test('replaces a field whole, and null takes it out with its origin', () => {
    const [established] = eventsOf(companyA)
    if (!established) throw new Error('no events')
    const data = { effectiveDate: '2017-01-01', legalRepresentative: { name: '李样例' }, operatingTo: null, neverThere: null }
    const change = { ...established, type: 'registration.changed.v1', index: 9, data }
    const after = fold([established, change], rulesFor('commerce'))
    expect(after.data.legalRepresentative).toEqual({ name: '李样例' })
    for (const field of ['operatingTo', 'neverThere']) {
      expect(after.data).not.toHaveProperty(field)
      expect(originsOf(after.provenance)).not.toHaveProperty(field)
    }
  })
})

describe('what a bureau may see', () => {
  test('commerce sees ID numbers that it sent and none that the tax bureaus sent; the tax bureaus see all', () => {
    const numbers = (record: ViewRecord): boolean => JSON.stringify(record.data.tax ?? {}).includes('idNumber')
    const events = eventsOf(companyA)
    expect(JSON.stringify(fold(events, rulesFor('commerce')).data)).toContain('idNumber')
    expect(numbers(fold(events, rulesFor('commerce')))).toBe(false)
    expect(numbers(fold(events, rulesFor('state-tax')))).toBe(true)
  })

  test('a bureau with few fields has no ID number anywhere in its rows', () => {
    const numbers = [...JSON.stringify(samples).matchAll(/\d{17}[\dX]/g)].map(([number]) => number)
    expect(numbers.length).toBeGreaterThan(3)
    for (const subject of new Set(samples.map((sample) => sample.subject))) {
      const row = JSON.stringify(fold(eventsOf(subject), rulesFor('statistics', withStatistics())))
      expect(row).not.toContain('idNumber')
      for (const number of numbers) expect(row).not.toContain(number)
    }
  })

  test('types that it does not receive move its states but bring no data, and no layer it knows nothing of', () => {
    const record = fold(eventsOf(companyA), rulesFor('statistics', withStatistics()))
    expect(record).toMatchObject({ status: 'cancelled', layers: {}, firstIndex: 0, lastIndex: 6 })
    expect(record.data).not.toHaveProperty('tax')
    expect(record.data).not.toHaveProperty('reason')
    expect(originsOf(record.provenance).enterpriseName?.index).toBe(3)
    expect(originsOf(record.provenance).address?.index).toBe(0)
  })

  test('a record begins with the first event that the bureau receives', () => {
    const events = eventsOf(companyC)
    const rules = rulesFor('statistics', withStatistics())
    expect(fold(events, rules)).toMatchObject({ firstIndex: -1, data: {}, name: null, status: 'active' })
    const [imported] = events
    if (!imported) throw new Error('no events')
    const change = {
      ...imported,
      type: 'registration.changed.v1',
      index: 30,
      data: { effectiveDate: '2017-12-31', enterpriseName: '新名' },
    }
    expect(fold([...events, change], rules)).toMatchObject({ firstIndex: 30, data: { enterpriseName: '新名' }, name: '新名' })
  })

  test('a pattern and a sibling decide what is concealed', () => {
    const taxpayer = [{ path: '/taxpayerId', pattern: '^.{20}$' }]
    expect(visibleData({ taxpayerId: '1'.repeat(18) }, undefined, taxpayer)).toEqual({ taxpayerId: '1'.repeat(18) })
    expect(visibleData({ taxpayerId: '1'.repeat(20) }, undefined, taxpayer)).toEqual({})
    expect(visibleData({ taxpayerId: '1'.repeat(4097) }, undefined, taxpayer)).toEqual({})
    const after = [{ path: '/changes/*/after', unless: { name: 'field', in: ['address'] } }]
    const changes = [{ field: 'address', after: 'a' }, { field: 'financeHead', after: 'b' }, { after: 'c' }]
    expect(visibleData({ changes }, undefined, after)).toEqual({
      changes: [{ field: 'address', after: 'a' }, { field: 'financeHead' }, {}],
    })
  })
})

describe('what cannot be applied', () => {
  const [first, second] = eventsOf(companyA)
  if (!first || !second) throw new Error('no events')
  const assigned = (offices: Record<string, string>): RecordRules => ({
    ...rulesFor('state-tax'),
    assignment: { field: 'addressDivision', offices: new Map(Object.entries(offices)) },
  })

  test('an assignment table gives the office, and its gap parks', () => {
    expect(fold([first], assigned({ '210203': 'office 3' }))).toMatchObject({ office: 'office 3' })
    expect(foldRecord(undefined, first, assigned({}))).toEqual({
      parked: { cause: 'no-office', detail: expect.stringContaining('210203') },
    })
  })

  test('a record without the field has no office yet', () => {
    const { addressDivision: _, ...data } = first.data
    expect(fold([{ ...first, data }], assigned({}))).toMatchObject({ office: null })
  })

  test("the bureau's own schema, with places and codes but no values", () => {
    const rules = {
      ...rulesFor('state-tax'),
      checkRecord: () => [{ pointer: '/contact/email', code: 'required', message: { en: 'secret', zh: '' } }],
    }
    expect(foldRecord(undefined, first, rules)).toEqual({ parked: { cause: 'record-schema', detail: '/contact/email required' } })
  })

  test('a type that the consumer does not know', () => {
    expect(foldRecord(undefined, { ...first, type: 'registration.moved.v1' }, rulesFor('state-tax'))).toMatchObject({
      parked: { cause: 'unknown-type' },
    })
  })

  test('a step that its states do not allow', () => {
    expect(foldRecord(undefined, second, rulesFor('local-tax'))).toMatchObject({
      parked: { cause: 'state-conflict', detail: expect.stringMatching(/^unknown-subject/) },
    })
  })

  test('dates are judged by the day the log took the event, so that a view built later is the same', () => {
    const early = { ...first, received: '2016-03-13T00:00:00.000Z' }
    expect(foldRecord(undefined, early, rulesFor('state-tax'))).toMatchObject({ parked: { cause: 'state-conflict' } })
    expect(foldRecord(undefined, { ...early, received: '2016-03-13T16:00:00.000Z' }, rulesFor('state-tax'))).toHaveProperty(
      'record',
    )
  })
})

describe('what an operator sees', () => {
  const { personal } = kindOf('registration')
  const places = [...new Set(catalogue.types.map(({ data }) => data))]
  const masked = maskData(fold(eventsOf(companyA), rulesFor('state-tax')).data, personal, places)

  test('names and numbers of persons are masked, at the top and under tax', () => {
    expect(masked.legalRepresentative).toMatchObject({ name: '王**', idNumber: '2102********1138' })
    expect(masked).toMatchObject({ tax: { 'local-tax': { financeHead: { name: expect.stringMatching(/^.\*\*$/u) } } } })
    const text = JSON.stringify(masked)
    expect(text).not.toMatch(/\d{17}[\dX]|0411-\d|@/)
    for (const name of ['王海岸', '李样例', '孙演示']) expect(text).not.toContain(name)
  })

  test("an enterprise's own particulars stay", () => {
    const whole = fold(eventsOf(companyA), rulesFor('state-tax')).data
    for (const field of ['enterpriseName', 'address', 'uscc', 'registeredCapital']) expect(masked[field]).toEqual(whole[field])
  })

  test('a short number shows nothing, and what is no text is hidden whole', () => {
    const at = [{ path: '/a', mask: 'number' as const }]
    expect(maskData({ a: 'E1234567' }, at, [''])).toEqual({ a: '***' })
    expect(maskData({ a: { b: 1 } }, at, [''])).toEqual({ a: '***' })
    expect(maskData({ a: null }, at, [''])).toEqual({ a: null })
  })

  test('what is too long to be matched is masked', () => {
    const at = [{ path: '/a', mask: 'text', pattern: '^x$' }] as const
    expect(maskData({ a: 'y'.repeat(4096) }, at, [''])).toEqual({ a: 'y'.repeat(4096) })
    expect(maskData({ a: 'y'.repeat(4097) }, at, [''])).toEqual({ a: '***' })
  })
})
