import { describe, expect, test } from 'vitest'
import { dataChanges, foldUnchecked, stateChanges } from '../../src/domain/changes.ts'
import { type AcceptedEvent, foldRecord, type RecordRules, type ViewRecord } from '../../src/domain/record.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/text.ts'
import { recordRules } from '../../src/view/record-rules.ts'
import { rulesOf, withStatistics } from '../view/view-rules.ts'
import { companyA, companyB, companyC, type Sample, samples } from './histories.ts'

const eventsOf = (subject: string): readonly AcceptedEvent[] =>
  samples.flatMap((sample, index) => (sample.subject === subject ? [eventOf(sample, index)] : []))

function eventOf({ type, source, subject, data }: Sample, index: number): AcceptedEvent {
  const at = '2018-01-02T00:00:00.000Z'
  return { index, sender: source, type, kind: 'registration', subject, time: at, received: at, data }
}

function rulesFor(bureau: string, rules = rulesOf()): RecordRules {
  const found = recordRules(rules, bureau, 'registration')
  if (!found) throw new Error('no such kind')
  return found
}

const plain = (data: JsonObject) => data

describe('what an event changes', () => {
  test.each(['commerce', 'state-tax', 'local-tax', 'statistics'])('one upon another, is the record of %s', (bureau) => {
    const rules = rulesFor(bureau, withStatistics())
    for (const subject of [companyA, companyB, companyC]) {
      let record: ViewRecord | undefined
      const [fields, states] = [new Map<string, Json>(), new Map<string, Json>()]
      for (const event of eventsOf(subject)) {
        const folded = foldRecord(record, event, rules)
        const after = 'record' in folded ? folded.record : undefined
        for (const { field, before, after: value } of dataChanges(record, after, event, rules, plain)) {
          expect(before).toEqual(fields.get(field) ?? null)
          fields.set(field, value)
        }
        for (const { field, after: state } of stateChanges(record, after)) states.set(field, state)
        record = after
      }
      expect(Object.fromEntries(fields)).toEqual(flat(record?.data ?? {}))
      expect(states.get('status')).toBe(record?.status)
    }
  })

  test('leaves out what stays as it was, and says null for what goes', () => {
    const rules = rulesFor('commerce')
    const [established] = eventsOf(companyA)
    if (established === undefined) throw new Error('no sample')
    const record = foldUnchecked(undefined, established, rules)
    const change = {
      uscc: companyA,
      effectiveDate: '2017-01-01',
      businessScope: null,
      postalCode: established.data.postalCode ?? '',
    }
    const event = eventOf({ ...established, source: 'commerce', type: 'registration.changed.v1', data: change }, 1)
    const after = foldUnchecked(record, event, rules)
    expect(dataChanges(record, after, event, rules, plain)).toEqual([
      { field: 'effectiveDate', before: established.data.effectiveDate, after: '2017-01-01' },
      { field: 'businessScope', before: established.data.businessScope, after: null },
    ])
    expect(stateChanges(record, after)).toEqual([])
  })
})

describe('a fold that checks nothing', () => {
  const [established, ...later] = eventsOf(companyA)
  if (established === undefined) throw new Error('no sample')

  test('shows what an event without an office, or against the record’s schema, is about to change', () => {
    const assignment = { field: 'addressDivision', offices: new Map<string, string>() }
    const finding = { pointer: '/x', code: 'x', message: { en: 'x', zh: 'x' } }
    const rules = { ...rulesFor('commerce'), assignment, checkRecord: () => [finding] }
    expect(foldRecord(undefined, established, rules)).toHaveProperty('parked')
    expect(foldUnchecked(undefined, established, rules)?.data).toEqual(established.data)
  })

  test('follows a step that the order in force does not allow, and leaves the record where the rules say nothing of it', () => {
    const rules = rulesFor('commerce')
    const twice = foldUnchecked(foldUnchecked(undefined, established, rules), { ...established, index: 5 }, rules)
    expect(twice?.lastIndex).toBe(5)
    expect(later.length).toBeGreaterThan(0)
    expect(foldUnchecked(twice, { ...established, index: 6, type: 'registration.sold.v1' }, rules)).toBe(twice)
  })
})

/** Data by the names of their provenance. */
function flat(data: JsonObject): Record<string, Json> {
  const { tax, ...rest } = data
  const parts = Object.entries(isJsonObject(tax) ? tax : {}).flatMap(([bureau, fields]) =>
    Object.entries(isJsonObject(fields) ? fields : {}).map(([field, value]): [string, Json] => [`tax.${bureau}.${field}`, value]),
  )
  return { ...rest, ...Object.fromEntries(parts) }
}
