import { InvalidArgumentError } from 'commander'
import { expect, it } from 'vitest'
import { instant, reason } from '../../src/commands/options.ts'

it('an instant is given in UTC, and a day that there is not is no day of the next month', () => {
  expect(instant('2026-11-24T21:00:00+08:00')).toBe('2026-11-24T13:00:00Z')
  expect(instant('2026-11-24T21:00:00.25Z')).toBe('2026-11-24T21:00:00.250Z')
  for (const text of ['2026-02-31T00:00:00Z', '2026-02-31', '2026-11-24T21:00:00', '2026-11-24T24:00:00Z', 'yesterday'])
    expect(() => instant(text), text).toThrow(InvalidArgumentError)
})

it.each(['', '  ', 'a'.repeat(501)])(
  'a reason that the log would not take is asked wrongly before anything is signed',
  (text) => {
    expect(() => reason(text)).toThrow('1 to 500 characters')
    expect(reason('a'.repeat(500))).toHaveLength(500)
  },
)
