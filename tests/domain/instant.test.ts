import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readInstant, utcText } from '../../src/domain/instant.ts'

it.each([
  ['2026-11-23T08:00:00Z', '2026-11-23T08:00:00Z'],
  ['2026-11-23t16:00:00.5+08:00', '2026-11-23T08:00:00.500Z'],
  ['2028-02-29T00:00:00z', '2028-02-29T00:00:00Z'],
  ['2026-11-23T08:00:00.123Z', '2026-11-23T08:00:00.123Z'],
  ['2026-11-23T08:00:00.123000000Z', '2026-11-23T08:00:00.123Z'],
  ['2026-11-23T08:00:00.123000001Z', '2026-11-23T08:00:00.124Z'],
  ['2026-12-31T23:59:59.9990001Z', '2027-01-01T00:00:00Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ['2026-11-24T00:00:00+23:59', '2026-11-23T00:01:00Z'],
])('%s is %s', (text, utc) => {
  expect(utcText(readInstant(text) ?? new Date(Number.NaN))).toBe(utc)
})

it.each([
  '2026-02-29T00:00:00Z',
  '2026-02-31T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-11-23T24:00:00Z',
  '2026-11-23T08:60:00Z',
  '2026-11-23T23:59:60Z',
  '2026-11-23T08:00Z',
  '2026-11-23T08:00:00',
  '2026-11-23 08:00:00Z',
  '2026-11-23T08:00:00.Z',
  '2026-11-23T08:00:00.1234567890Z',
  '2026-11-23T08:00:00+24:00',
  '2026-11-23T08:00:00+0800',
  '2026-11-23T08:00:00Z\n',
  '0000-06-01T00:00:00Z',
  '0001-01-01T00:00:00+00:01',
  '9999-12-31T23:59:59.9999Z',
  '+010000-01-01T00:00:00Z',
  '',
  'yesterday',
])('%j is no instant', (text) => {
  expect(readInstant(text)).toBeUndefined()
})

it('reads what a date writes as that very date', () => {
  const [min, max] = [new Date('0001-01-01T00:00:00Z'), new Date('9999-12-31T23:59:59.999Z')]
  fc.assert(
    fc.property(fc.date({ min, max, noInvalidDate: true }), (date) => {
      expect(readInstant(date.toISOString())).toEqual(date)
      expect(readInstant(utcText(date))).toEqual(date)
    }),
  )
})
