import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chinaDate, foldState } from '../../src/domain/fold.ts'
import { none, type SubjectState } from '../../src/domain/order.ts'
import type { OrderCode } from '../../src/domain/problems.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { catalogue, companyA, companyB, companyC, finalState, kindOf, samples, step, today, typeOf, walk } from './histories.ts'

/** `active`, `state-tax=normal, local-tax=normal`: as the reference prints states. */
const registrationOf = (state: SubjectState): string => state.registration?.['*']?.state ?? none
const taxOf = (state: SubjectState): Record<string, string> =>
  Object.fromEntries(Object.entries(state.tax ?? {}).map(([bureau, part]) => [bureau, part.state]))

const date = '2017-12-01'

/** A state in which every part was last touched on 2017-01-01. */
function stateOf(registration: string, tax: Record<string, string> = {}, cleared: readonly string[] = []): SubjectState {
  const parts = Object.entries(tax).map(([bureau, state]) => [
    bureau,
    { state, date: '2017-01-01', ...(cleared.includes(bureau) ? { cleared: true } : {}) },
  ])
  return { registration: { '*': { state: registration, date: '2017-01-01' } }, tax: Object.fromEntries(parts) }
}

const clearedBy = (...bureaus: string[]): JsonObject => ({ clearance: { clearedBy: bureaus.map((bureau) => ({ bureau })) } })

describe('the sample histories', () => {
  const expected: readonly [number, string, Record<string, string>][] = [
    [1, 'active', {}],
    [2, 'active', { 'state-tax': 'normal' }],
    [3, 'active', { 'state-tax': 'normal', 'local-tax': 'normal' }],
    [4, 'active', { 'state-tax': 'normal', 'local-tax': 'normal' }],
    [5, 'active', { 'state-tax': 'normal', 'local-tax': 'normal' }],
    [6, 'active', { 'state-tax': 'clearing', 'local-tax': 'clearing' }],
    [7, 'cancelled', { 'state-tax': 'deregistered', 'local-tax': 'deregistered' }],
    [10, 'active', { 'state-tax': 'normal', 'local-tax': 'normal' }],
    [11, 'active', { 'state-tax': 'abnormal', 'local-tax': 'normal' }],
    [12, 'revoked', { 'state-tax': 'abnormal', 'local-tax': 'normal' }],
    [13, 'active', { 'state-tax': 'abnormal', 'local-tax': 'normal' }],
    [16, 'active', { 'state-tax': 'normal', 'local-tax': 'normal' }],
    [17, 'active', { 'state-tax': 'normal', 'local-tax': 'normal' }],
    [18, 'active', { 'state-tax': 'normal', 'local-tax': 'deregistered' }],
  ]
  const states = walk(samples)

  test.each(expected)('after no. %i the registration is %s', (number, registration, tax) => {
    const state = states[number - 1]?.state ?? {}
    expect(registrationOf(state)).toBe(registration)
    expect(taxOf(state)).toEqual(tax)
  })

  test('a clearance and a cancellation date every part that they change', () => {
    expect(states[5]?.state.tax?.['local-tax']).toEqual({ state: 'clearing', date: '2017-09-20', cleared: true })
    expect(states[6]?.state.tax?.['local-tax']?.date).toBe('2017-09-27')
  })

  test('a step dates its own part also when the state stays', () => {
    expect(states[4]?.state.tax?.['local-tax']).toEqual({ state: 'normal', date: '2016-12-06' })
    expect(states[4]?.state.tax?.['state-tax']).toEqual({ state: 'normal', date: '2016-03-17' })
  })
})

describe('histories that must be refused', () => {
  const a = finalState(companyA)
  const b = finalState(companyB)
  const c = finalState(companyC)
  const refused: readonly [string, SubjectState | undefined, string, string, JsonObject, OrderCode][] = [
    ['second establishment', c, 'registration.established.v1', 'commerce', {}, 'already-established'],
    ['second import', c, 'registration.imported.v1', 'commerce', { registrationState: 'active' }, 'already-established'],
    ['change of an unknown subject', undefined, 'registration.changed.v1', 'commerce', {}, 'unknown-subject'],
    ['tax registration before establishment', undefined, 'tax.registered.v1', 'state-tax', {}, 'unknown-subject'],
    ['change after cancellation', a, 'registration.changed.v1', 'commerce', {}, 'not-active'],
    ['second cancellation', a, 'registration.cancelled.v1', 'commerce', { cancellationMode: 'general' }, 'already-closed'],
    ['restoration of what is not revoked', c, 'registration.restored.v1', 'commerce', {}, 'not-revoked'],
    [
      'cancellation after one of two',
      c,
      'registration.cancelled.v1',
      'commerce',
      { cancellationMode: 'general' },
      'tax-clearance-missing',
    ],
    [
      'simplified, uncleared',
      c,
      'registration.cancelled.v1',
      'commerce',
      { cancellationMode: 'simplified' },
      'simplified-not-allowed',
    ],
    ['second deregistration', c, 'tax.deregistered.v1', 'local-tax', {}, 'not-tax-registered'],
    ['tax change without a register', c, 'tax.changed.v1', 'local-tax', {}, 'not-tax-registered'],
    ['second tax registration', c, 'tax.registered.v1', 'state-tax', {}, 'already-registered'],
    [
      'another previous status',
      b,
      'tax.status-changed.v1',
      'state-tax',
      { previousTaxpayerStatus: 'normal', taxpayerStatus: 'suspended' },
      'previous-status-differs',
    ],
    [
      'abnormal to suspended',
      b,
      'tax.status-changed.v1',
      'state-tax',
      { previousTaxpayerStatus: 'abnormal', taxpayerStatus: 'suspended' },
      'status-order',
    ],
    ['clearance of one of two', b, 'tax.clearance-issued.v1', 'state-tax', clearedBy('state-tax'), 'clearance-incomplete'],
    [
      'a state that is not the one after',
      b,
      'registration.revoked.v1',
      'commerce',
      { registrationState: 'active' },
      'state-differs',
    ],
  ]

  test.each(refused)('%s', (_name, state, type, sender, data, code) => {
    const after = step(state, type, sender, { effectiveDate: date, ...data })
    expect(after).toMatchObject({ code })
    // in both languages, and never a hole where a fact should stand
    expect(after).toMatchObject({
      detail: { en: expect.not.stringMatching(/undefined|null/), zh: expect.stringMatching(/\p{Script=Han}/u) },
    })
  })

  test('the detail names what would make it legal', () => {
    const says = (after: ReturnType<typeof step>): string => ('detail' in after ? after.detail.en : 'accepted')
    const cancel = { effectiveDate: date, cancellationMode: 'general' }
    expect(says(step(b, 'registration.cancelled.v1', 'commerce', cancel))).toContain('local-tax, state-tax')
    expect(says(step(c, 'registration.cancelled.v1', 'commerce', cancel))).toContain('register at state-tax is open')
    expect(says(step(b, 'tax.clearance-issued.v1', 'state-tax', { effectiveDate: date, ...clearedBy('state-tax') }))).toContain(
      'local-tax',
    )
    const suspend = { effectiveDate: date, previousTaxpayerStatus: 'abnormal', taxpayerStatus: 'suspended' }
    expect(says(step(b, 'tax.status-changed.v1', 'state-tax', suspend))).toContain('leads to normal or clearing')
    expect(says(step(c, 'registration.changed.v1', 'commerce', { effectiveDate: '2016-01-01' }))).toContain(
      'it must be 2017-05-18 or later',
    )
    expect(says(step(c, 'registration.changed.v1', 'commerce', { effectiveDate: '2018-01-04' }))).toContain('at the latest')
  })
})

describe('the order of tax registers', () => {
  const moves: readonly [string, string, boolean][] = [
    ['normal', 'suspended', true],
    ['normal', 'abnormal', true],
    ['normal', 'clearing', true],
    ['suspended', 'normal', true],
    ['suspended', 'abnormal', true],
    ['suspended', 'clearing', false],
    ['abnormal', 'normal', true],
    ['abnormal', 'clearing', true],
    ['abnormal', 'suspended', false],
    ['clearing', 'normal', true],
    ['clearing', 'abnormal', false],
    ['clearing', 'suspended', false],
    ['normal', 'deregistered', false],
  ]
  test.each(moves)('%s to %s: %s', (from, to, legal) => {
    const data = { effectiveDate: date, previousTaxpayerStatus: from, taxpayerStatus: to }
    const after = step(stateOf('active', { 'state-tax': from }), 'tax.status-changed.v1', 'state-tax', data)
    if (legal) expect(after).toMatchObject({ state: { tax: { 'state-tax': { state: to, date } } } })
    else expect(after).toMatchObject({ code: 'status-order' })
  })

  test('an application that is withdrawn takes back the clearance', () => {
    const cleared = stateOf('active', { 'state-tax': 'clearing' }, ['state-tax'])
    const data = { effectiveDate: date, previousTaxpayerStatus: 'clearing', taxpayerStatus: 'normal' }
    const withdrawn = step(cleared, 'tax.status-changed.v1', 'state-tax', data)
    expect(withdrawn).toEqual({ state: { ...cleared, tax: { 'state-tax': { state: 'normal', date } } } })
  })

  test('a second registration after deregistration is legal and starts uncleared', () => {
    const closed = stateOf('active', { 'state-tax': 'deregistered' }, ['state-tax'])
    for (const type of ['tax.registered.v1', 'tax.imported.v1']) {
      const open = step(closed, type, 'state-tax', { effectiveDate: date, taxpayerStatus: 'normal' })
      expect(open).toMatchObject({ state: { tax: { 'state-tax': { state: 'normal', date } } } })
      if ('state' in open) expect(open.state.tax?.['state-tax']?.cleared).toBeUndefined()
    }
  })

  test('a bureau registers without regard to the other one', () => {
    const one = stateOf('active', { 'state-tax': 'normal' })
    expect(step(one, 'tax.registered.v1', 'local-tax', { effectiveDate: date })).toMatchObject({
      state: { tax: { 'state-tax': { state: 'normal', date: '2017-01-01' }, 'local-tax': { state: 'normal', date } } },
    })
  })

  test.each(['constructor', 'to-string', 'valueof'])('a bureau named %s has nothing that it did not send', (sender) => {
    const after = step(stateOf('active'), 'tax.registered.v1', sender, { effectiveDate: date })
    expect(after).toMatchObject({ state: { tax: { [sender]: { state: 'normal', date } } } })
  })
})

describe('cancellation', () => {
  const general = { effectiveDate: date, cancellationMode: 'general' }
  const simplified = { effectiveDate: date, cancellationMode: 'simplified' }

  test('general: every open register was cleared or closed', () => {
    const ready = stateOf('active', { 'state-tax': 'clearing', 'local-tax': 'deregistered' }, ['state-tax', 'local-tax'])
    expect(step(ready, 'registration.cancelled.v1', 'commerce', general)).toMatchObject({
      state: { registration: { '*': { state: 'cancelled' } }, tax: { 'state-tax': { state: 'deregistered', date } } },
    })
  })

  test('the part that was closed before keeps its date', () => {
    const ready = stateOf('active', { 'state-tax': 'deregistered' }, ['state-tax'])
    expect(step(ready, 'registration.cancelled.v1', 'commerce', general)).toMatchObject({
      state: { tax: { 'state-tax': { date: '2017-01-01' } } },
    })
  })

  test('a revoked registration ends as revoked-cancelled', () => {
    const after = step(stateOf('revoked'), 'registration.cancelled.v1', 'commerce', {
      ...general,
      registrationState: 'revoked-cancelled',
    })
    expect(after).toMatchObject({ state: { registration: { '*': { state: 'revoked-cancelled' } } } })
  })

  test('simplified: never registered for tax, or cleared; never when revoked', () => {
    const allowed = [stateOf('active'), stateOf('active', { 'state-tax': 'clearing' }, ['state-tax'])]
    for (const state of allowed) expect(step(state, 'registration.cancelled.v1', 'commerce', simplified)).toHaveProperty('state')
    expect(step(stateOf('revoked'), 'registration.cancelled.v1', 'commerce', simplified)).toMatchObject({
      code: 'simplified-not-allowed',
    })
  })
})

describe('dates', () => {
  test('an event may share the date of the last one, and lie one day ahead', () => {
    const state = stateOf('active')
    expect(step(state, 'registration.changed.v1', 'commerce', { effectiveDate: '2017-01-01' })).toHaveProperty('state')
    expect(step(state, 'registration.changed.v1', 'commerce', { effectiveDate: '2016-12-31' })).toMatchObject({
      code: 'effective-date-order',
    })
    expect(step(state, 'registration.changed.v1', 'commerce', { effectiveDate: '2018-01-03' }, today)).toHaveProperty('state')
    expect(step(state, 'registration.changed.v1', 'commerce', { effectiveDate: '2018-01-04' }, today)).toMatchObject({
      code: 'effective-date-order',
    })
  })

  test('the dates of other parts bind only a step that changes them', () => {
    const later = (state: SubjectState): SubjectState => ({
      ...state,
      tax: { 'state-tax': { state: 'clearing', date: '2017-12-20', cleared: true } },
    })
    const state = later(stateOf('active'))
    expect(step(state, 'registration.changed.v1', 'commerce', { effectiveDate: date })).toHaveProperty('state')
    const cancelled = step(state, 'registration.cancelled.v1', 'commerce', { effectiveDate: date, cancellationMode: 'general' })
    expect(cancelled).toMatchObject({ code: 'effective-date-order' })
  })

  test('the date is judged last', () => {
    const both = { effectiveDate: '2010-01-01', registrationState: 'cancelled' }
    expect(step(stateOf('active'), 'registration.revoked.v1', 'commerce', both)).toMatchObject({ code: 'state-differs' })
  })

  test('a day in China begins at 16:00 UTC', () => {
    expect(chinaDate(new Date('2026-11-23T15:59:59.999Z'))).toBe('2026-11-23')
    expect(chinaDate(new Date('2026-11-23T16:00:00.000Z'))).toBe('2026-11-24')
    expect(chinaDate(new Date('2026-12-31T16:00:00.000Z'))).toBe('2027-01-01')
  })
})

describe('laws', () => {
  const types = catalogue.types.map(({ type }) => type)
  const anyStep = fc.record({
    type: fc.constantFrom(...types),
    sender: fc.constantFrom('commerce', 'state-tax', 'local-tax'),
    data: fc.record({
      effectiveDate: fc.integer({ min: 0, max: 700 }).map((days) => chinaDate(new Date(Date.UTC(2016, 0, 1 + days)))),
      taxpayerStatus: fc.constantFrom('normal', 'suspended', 'abnormal', 'clearing', 'deregistered'),
      registrationState: fc.constantFrom('active', 'revoked', 'cancelled', 'revoked-cancelled'),
      cancellationMode: fc.constantFrom('general', 'simplified'),
    }),
  })

  test("dates of a part never run backwards, states are the kind's own, and a refused step changes nothing", () => {
    const known = new Map(kindOf('registration').layers.map((layer) => [layer.id, layer.states]))
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        let state: SubjectState | undefined
        for (const { type, sender, data } of steps) {
          const before = structuredClone(state)
          const folded = foldState(state, { sender, data }, kindOf('registration'), typeOf(type).order, today)
          expect(state).toEqual(before)
          if ('refused' in folded) continue
          for (const [layer, parts] of Object.entries(folded.state))
            for (const [part, after] of Object.entries(parts)) {
              expect(known.get(layer)).toContain(after.state)
              expect(after.date >= (before?.[layer]?.[part]?.date ?? '')).toBe(true)
            }
          state = folded.state
        }
      }),
      { numRuns: 200 },
    )
  })
})
