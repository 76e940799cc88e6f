import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formats } from '../../src/catalogue/formats.ts'
import { cpuTimeMs } from '../support/cpu-time.ts'

const atom = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/
const label = /^(?!-)[A-Za-z0-9-]{1,63}$/

/** The same rule, said part by part. */
function isEmail(text: string): boolean {
  const [local, domain, ...more] = text.split('@')
  if (local === undefined || domain === undefined || more.length > 0 || text.length > 254) return false
  const labels = domain.split('.')
  return (
    local.length <= 64 &&
    local.split('.').every((part) => atom.test(part)) &&
    labels.length >= 2 &&
    labels.every((part) => label.test(part) && !part.endsWith('-'))
  )
}

test('an e-mail address is atoms, an @ and labels', () => {
  const part = fc.oneof(
    fc.array(fc.constantFrom('a', 'Z', '0', '-', '_', '+', 'é'), { maxLength: 3 }).map((characters) => characters.join('')),
    fc.integer({ min: 60, max: 66 }).map((length) => 'x'.repeat(length)),
  )
  const parts = fc.array(part, { minLength: 1, maxLength: 4 }).map((all) => all.join('.'))
  const text = fc.tuple(parts, fc.constantFrom('@', '@', '@', '', '@@', '@.', '\n@'), parts).map((all) => all.join(''))
  fc.assert(
    fc.property(text, (each) => {
      expect(formats.email?.(each)).toBe(isEmail(each))
    }),
    { numRuns: 5000 },
  )
})

test('an e-mail address that is none is found out quickly', () => {
  for (const text of [`a@${'a'.repeat(251)}`, `a@${'a-'.repeat(125)}`, `a@${'a.'.repeat(125)}`, `${'a.'.repeat(32)}@`]) {
    const start = cpuTimeMs()
    expect(formats.email?.(text)).toBe(false)
    expect(cpuTimeMs() - start).toBeLessThan(20)
  }
})

test('a moment is a date and a time with its offset', () => {
  const right = ['2026-11-23T08:00:00Z', '2026-02-28T23:59:59.123456789+08:00', '0000-01-01T00:00:00-23:59']
  for (const text of right) expect(formats['date-time']?.(text), text).toBe(true)
  const wrong = [
    '2026-02-29T08:00:00Z',
    '2026-11-23 08:00:00Z',
    '2026-11-23T24:00:00Z',
    '2026-11-23T08:00:60Z',
    '2026-11-23T08:00:00',
  ]
  for (const text of [...wrong, '2026-11-23T08:00:00z', ' 2026-11-23T08:00:00Z', '2026-11-23T08:00:00Z\n', '', '2026-11-23'])
    expect(formats['date-time']?.(text), text).toBe(false)
})
