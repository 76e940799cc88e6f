import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { codeCheckOf } from '../../../src/domain/codes/code-checks.ts'
import { divisionOf } from '../../../src/domain/codes/division.ts'
import { checkDocumentNumber } from '../../../src/domain/codes/document-type.ts'
import { checkIndustry } from '../../../src/domain/codes/industry.ts'

interface Example {
  readonly value: string
  readonly reason?: string
  readonly note?: string
  readonly name?: string
  readonly section?: string
  readonly type?: string
  readonly uscc?: string
  readonly lastRevisionSeen?: string
}
interface Examples {
  readonly valid: readonly Example[]
  readonly invalid: readonly Example[]
  readonly retired?: readonly Example[]
  readonly registrarOnly?: readonly Example[]
  readonly numbers?: Examples
}

const codes: Readonly<Record<string, Examples>> = JSON.parse(
  readFileSync(new URL('../../fixtures/codes.json', import.meta.url), 'utf8'),
)
const today = '2026-11-23'

const simple = {
  uscc: 'uscc',
  organisationCode: 'organisation-code',
  registrationNumber: 'registration-number',
  taxNumber15: 'tax-number-15',
  residentId: 'resident-id',
  division: 'division',
  currency: 'currency',
  entityType: 'entity-type',
  documentType: 'document-type',
}

describe.each(Object.entries(simple))('%s', (section, name) => {
  test.each(examples(section).valid)('$value is right: $note$name', ({ value }) => {
    expect(check(name, value)).toBeUndefined()
  })

  test.each(examples(section).invalid)('"$value" is refused for its $reason: $note', ({ value, reason }) => {
    const fault = check(name, value)
    expect(fault?.reason).toBe(reason)
    // the table of entity types is known in part only, so what it lacks is odd and no more
    expect(fault?.level).toBe(section === 'entityType' && reason === 'unknown' ? 'warning' : 'error')
    expect(fault?.message.en).toMatch(/[a-z].*\.$/)
    expect(fault?.message.zh).toMatch(/\p{Script=Han}.*。$/u)
  })
})

describe('division', () => {
  const { valid, retired = [], registrarOnly = [] } = examples('division')

  test.each(valid)('$value is called $name', ({ value, name }) => {
    expect(divisionOf(value)?.name).toBe(name)
  })

  test.each(retired)('$value ($name) was right in its time and is odd today', ({ value, lastRevisionSeen = '' }) => {
    const month = lastRevisionSeen.slice(0, 6)
    const then = `${month.slice(0, 4)}-${month.slice(4)}-28`
    expect(divisionOf(value)?.lastRevision).toBe(month)
    expect(check('division', value, then)).toBeUndefined()
    expect(check('division', value)).toMatchObject({ level: 'warning', reason: 'retired' })
  })

  test.each(registrarOnly)('$value is no division, and yet a company may be registered there', ({ value }) => {
    expect(check('division', value)).toMatchObject({ level: 'error', reason: 'unknown' })
    expect(check('tax-number-15', `${value}XTEXT0018`)).toBeUndefined()
  })

  test('a division the sources differ about is odd', () => {
    expect(check('division', '130181')).toMatchObject({ level: 'warning', reason: 'disputed' })
  })

  test.each(['710000', '810000', '820000'])('%s is in force, though the newest table lacks it', (value) => {
    expect(check('division', value)).toBeUndefined()
  })
})

describe('industry', () => {
  test.each(examples('industry').valid)('$value lies in section $section', ({ section = '', value }) => {
    expect(check('industry-code', value)).toBeUndefined()
    expect(checkIndustry(section, value)).toBeUndefined()
  })

  test.each(examples('industry').invalid)('$value in section "$section": $note', ({ section = '', value, reason }) => {
    expect(checkIndustry(section, value)?.reason).toBe(reason)
  })
})

describe('taxpayer number', () => {
  test.each(examples('taxNumber15').valid)('$value is characters 3 to 17 of $uscc', ({ value, uscc = '' }) => {
    expect(uscc.slice(2, 17)).toBe(value)
    expect(check('taxpayer-id', value)).toBeUndefined()
    expect(check('taxpayer-id', uscc)).toBeUndefined()
  })

  test.each(examples('residentId').valid)('of an individual business is $value and two digits', ({ value }) => {
    expect(check('taxpayer-id', `${value}01`)).toBeUndefined()
    expect(check('taxpayer-id', `${value}0A`)?.reason).toBe('format')
  })

  test.each([
    ['21020319850615', 'length'],
    ['210203198506151231234', 'length'],
    ['210203XTEXT001-8', 'format'],
    ['210203XTEXT0019', 'org-check'],
    ['91210203XTEXT0018F', 'check'],
    ['91210203XTEXT0019H', 'org-check'],
    ['21029919850615123601', 'check'],
    ['21029919850229123001', 'birth-date'],
  ])('%s is refused for its %s', (value, reason) => {
    expect(check('taxpayer-id', value)).toMatchObject({ level: 'error', reason })
  })

  test.each(['2102031985061512', '21020319850615123', '2102031985061512300'])(
    '%s has a length of which no rule is known',
    (value) => {
      expect(check('taxpayer-id', value)).toBeUndefined()
    },
  )
})

describe('document number', () => {
  const { valid, invalid } = examples('documentType').numbers ?? { valid: [], invalid: [] }

  test.each(valid)('$value is right for type $type', ({ type = '', value }) => {
    expect(checkDocumentNumber(type, value, { today })).toBeUndefined()
  })

  test.each(invalid)('$value is refused for type $type for its $reason', ({ type = '', value, reason }) => {
    expect(checkDocumentNumber(type, value, { today })).toMatchObject({ level: 'error', reason })
  })

  test('of another type is a matter of length alone', () => {
    expect(checkDocumentNumber('20', '军字00001', { today })).toBeUndefined()
    expect(checkDocumentNumber('20', '军字第1', { today })?.reason).toBe('length')
    expect(checkDocumentNumber('20', '1'.repeat(31), { today })?.reason).toBe('length')
  })
})

describe('container number', () => {
  test.each(['XTXU0000019', 'CSQU3054383'])('%s is right', (value) => {
    expect(check('iso6346', value)).toBeUndefined()
  })

  test.each([
    ['XTXU0000018', 'check'],
    ['XTXU000001', 'length'],
    ['XTXA0000019', 'format'],
    ['xtxu0000019', 'format'],
  ])('%s is refused for its %s', (value, reason) => {
    expect(check('iso6346', value)).toMatchObject({ level: 'error', reason })
  })
})

test('a category that GB 32100-2015 lacks is odd outside department 9, once the rest is right', () => {
  expect(check('uscc', '14210200XTEXT0077B')?.reason).toBe('check')
  const body = '14210200XTEXT0077'
  const right = [...'0123456789ABCDEFGHJKLMNPQRTUWXY']
    .map((last) => check('uscc', body + last))
    .filter((fault) => fault?.level === 'warning')
  expect(right).toEqual([expect.objectContaining({ level: 'warning', reason: 'category' })])
})

test('a birth is in the future only after today', () => {
  const bornToday = '210299202611230017'
  const reasonOn = (day: string) => codeCheckOf('resident-id')?.(bornToday, { today: day })?.reason
  expect(reasonOn('2026-11-22')).toBe('birth-date')
  expect(reasonOn('2026-11-23')).not.toBe('birth-date')
})

test("no message about a person's number repeats it", () => {
  const numbers = [...examples('residentId').invalid, ...(examples('documentType').numbers?.invalid ?? [])].filter(
    ({ value }) => value !== '',
  )
  for (const { value, type = '10' } of numbers) {
    const said = JSON.stringify([checkDocumentNumber(type, value, { today }), check('taxpayer-id', `${value}01`)])
    expect(said).not.toContain(value)
  }
})

test('a name that objects inherit is no check', () => {
  expect(codeCheckOf('constructor')).toBeUndefined()
})

function examples(section: string): Examples {
  const found = codes[section]
  if (!found) throw new Error(`codes.json has no ${section}`)
  return found
}

function check(name: string, value: string, date?: string) {
  const found = codeCheckOf(name)
  if (!found) throw new Error(`no check ${name}`)
  return found(value, { date, today })
}
