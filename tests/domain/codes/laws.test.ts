import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCalendarDate } from '../../../src/domain/codes/calendar-date.ts'
import { codeChecks } from '../../../src/domain/codes/code-checks.ts'

// The check characters are computed here a second time and in another way, so that one mistake can't hide in both.

const today = '2026-11-23'
const usccAlphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** GB 32100: the one character with which the weighted sum of all 18 is divisible by 31; the last one's weight is 1. */
function usccOf(body: string): string {
  const sumOf = (code: string) =>
    [...code].reduce((sum, character, i) => sum + usccAlphabet.indexOf(character) * (i < 17 ? powerOf3(i) : 1), 0)
  return theOne(usccAlphabet, (last) => sumOf(body + last) % 31 === 0, body)
}

function powerOf3(exponent: number): number {
  let power = 1
  for (let i = 0; i < exponent; i += 1) power = (power * 3) % 31
  return power
}

/** GB 11714: the one character with which the weighted sum of all 9 is divisible by 11; the last one's weight is 1, X is 10. */
function organisationCodeOf(body: string): string {
  const weights = [3, 7, 9, 10, 5, 8, 4, 2]
  const sum = [...body].reduce((total, character, i) => total + `0123456789${letters}`.indexOf(character) * (weights[i] ?? 0), 0)
  return theOne('0123456789X', (last) => (sum + '0123456789X'.indexOf(last)) % 11 === 0, body)
}

/** ISO 7064 MOD 11-2, recursively: after the check character the remainder is 1. */
function residentIdOf(body: string): string {
  const remainder = [...body].reduce((before, digit) => ((before + Number(digit)) * 2) % 11, 0)
  return theOne('0123456789X', (last) => (remainder + '0123456789X'.indexOf(last)) % 11 === 1, body)
}

/** ISO 7064 MOD 11,10: after the check digit the sum is 1 modulo 10. */
function registrationNumberOf(body: string): string {
  const product = [...body].reduce((before, digit) => (((before + Number(digit)) % 10 || 10) * 2) % 11, 10)
  return theOne('0123456789', (last) => (product + Number(last)) % 10 === 1, body)
}

/** ISO 6346 with its table of letter values written out. */
function containerOf(body: string): string {
  const values: Record<string, number> = {}
  let next = 10
  for (const letter of letters) {
    if (next % 11 === 0) next += 1
    values[letter] = next
    next += 1
  }
  const sum = [...body].reduce((total, character, i) => total + (values[character] ?? Number(character)) * 2 ** i, 0)
  return `${body}${(sum % 11) % 10}`
}

function theOne(alphabet: string, fits: (last: string) => boolean, body: string): string {
  const found = [...alphabet].filter(fits)
  if (found.length !== 1) throw new Error(`${found.length} check characters fit ${body}`)
  return body + found[0]
}

const from = (alphabet: string, length: number) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length }).map((characters) => characters.join(''))
const digits = (length: number) => from('0123456789', length)

const organisationCode = from(`0123456789${letters}`, 8).map(organisationCodeOf)
const uscc = fc
  .tuple(
    fc.constantFrom('11', '51', '91', '92', '93', 'A1', 'N1', 'Y1'),
    digits(6),
    from(usccAlphabet, 8).map(organisationCodeOf),
  )
  .map((parts) => usccOf(parts.join('')))
const birthDate = fc
  .date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('2026-11-23T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10).replaceAll('-', ''))
const residentId = fc
  .tuple(
    fc.constantFrom(...'123456789'),
    digits(5),
    birthDate,
    digits(3).filter((sequence) => sequence !== '000'),
  )
  .map((parts) => residentIdOf(parts.join('')))
const registrationNumber = digits(14).map(registrationNumberOf)
const oldTaxNumber = fc.tuple(digits(6), organisationCode).map((parts) => parts.join(''))
const container = fc
  .tuple(from(letters, 3), fc.constantFrom('U', 'J', 'Z'), digits(6))
  .map((parts) => containerOf(parts.join('')))
const taxpayerId = fc.oneof(
  oldTaxNumber,
  uscc,
  fc.tuple(residentId, digits(2)).map((parts) => parts.join('')),
)

describe.each([
  ['organisation-code', organisationCode],
  ['uscc', uscc],
  ['resident-id', residentId],
  ['registration-number', registrationNumber],
  ['tax-number-15', oldTaxNumber],
  ['taxpayer-id', taxpayerId],
  ['iso6346', container],
])('%s', (name, valid) => {
  test('every code whose check character is right passes', () => {
    fc.assert(fc.property(valid, (code) => check(name, code) === undefined))
  })
})

describe.each([
  ['uscc', uscc, usccAlphabet],
  ['resident-id', residentId, '0123456789X'],
  ['registration-number', registrationNumber, '0123456789'],
])('%s', (name, valid, alphabet) => {
  test('one wrong character is always caught', () => {
    fc.assert(
      fc.property(valid, fc.nat(), fc.constantFrom(...alphabet), (code, at, wrong) => {
        fc.pre(code.charAt(at % code.length) !== wrong)
        expect(check(name, replaced(code, at % code.length, wrong))?.level).toBe('error')
      }),
    )
  })
})

describe.each([
  ['organisation-code', organisationCode],
  ['tax-number-15', oldTaxNumber],
])('%s', (name, valid) => {
  // letters are worth 10 to 35, so modulo 11 some stand for one another: A and L, for example
  test('one wrong digit of the organisation code is always caught', () => {
    fc.assert(
      fc.property(valid, fc.nat(8), fc.constantFrom(...'0123456789'), (code, fromEnd, wrong) => {
        const at = code.length - 1 - fromEnd
        fc.pre(/[0-9]/.test(code.charAt(at)) && code.charAt(at) !== wrong)
        expect(check(name, replaced(code, at, wrong))?.level).toBe('error')
      }),
    )
  })
})

test('a wrong check digit of a container number is always caught', () => {
  fc.assert(
    fc.property(container, fc.constantFrom(...'0123456789'), (code, wrong) => {
      fc.pre(code.charAt(10) !== wrong)
      expect(check('iso6346', replaced(code, 10, wrong))?.reason).toBe('check')
    }),
  )
})

test('no check fails or takes long on any text', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...`${usccAlphabet}-x `), maxLength: 22 }),
  )
  fc.assert(
    fc.property(anything, fc.constantFrom(...Object.keys(codeChecks)), (text, name) => {
      const fault = check(name, text)
      return fault === undefined || fault.reason !== ''
    }),
    { numRuns: 2000 },
  )
})

test('a calendar date is what the runtime reads back the same', () => {
  const dateLike = fc
    .tuple(fc.integer({ min: 1, max: 9999 }), fc.nat(13), fc.nat(32))
    .map(([year, month, day]) =>
      [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-'),
    )
  fc.assert(
    fc.property(dateLike, (text) => {
      const read = new Date(`${text}T00:00:00Z`)
      const real = !Number.isNaN(read.getTime()) && read.toISOString().slice(0, 10) === text
      return isCalendarDate(text) === real
    }),
    { numRuns: 2000 },
  )
})

function check(name: string, value: string) {
  return codeChecks[name]?.(value, { today })
}

function replaced(code: string, at: number, character: string): string {
  return code.slice(0, at) + character + code.slice(at + 1)
}
