import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Kind } from '../../src/catalogue/catalogue.ts'
import { compileEventCheck, compileRecordCheck, schemaFaults } from '../../src/catalogue/validators.ts'
import type { JsonObject } from '../../src/domain/text.ts'

const dialect = 'https://json-schema.org/draft/2020-12/schema'
const now = new Date('2026-11-23T00:00:00Z')
const time = { maxAheadSeconds: 300, maxAgeSeconds: 7 * 86_400 }

const kind: Kind = {
  id: 'registration',
  name: { en: 'Registration', zh: '登记' },
  topic: 'registration',
  partitions: 12,
  layers: [{ id: 'registration', main: true, states: ['active'], open: ['active'] }],
  dateField: 'effectiveDate',
  subject: { field: 'uscc', code: 'uscc' },
  restricted: [],
  personal: [],
}

const envelope = {
  $schema: dialect,
  type: 'object',
  additionalProperties: false,
  required: ['specversion', 'id', 'source', 'type', 'subject', 'time', 'data'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', minLength: 1, maxLength: 128 },
    source: { type: 'string', maxLength: 64 },
    type: { type: 'string', maxLength: 128 },
    subject: { type: 'string', maxLength: 64 },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    data: { type: 'object' },
  },
}

const amount = { type: 'string', pattern: '^(0|[1-9][0-9]{0,13})(\\.[0-9]{1,6})?$' }
const person = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'idType', 'idNumber'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 60 },
    idType: { type: 'string', code: 'document-type' },
    idNumber: { type: 'string', minLength: 5, maxLength: 30 },
    email: { type: 'string', format: 'email' },
  },
  checks: [{ check: 'id-document', type: 'idType', number: 'idNumber' }],
}
const dataSchema = {
  $schema: dialect,
  type: 'object',
  additionalProperties: false,
  required: ['uscc', 'enterpriseName', 'effectiveDate'],
  properties: {
    uscc: { type: 'string', code: 'uscc' },
    enterpriseName: { type: 'string', minLength: 2, maxLength: 100 },
    effectiveDate: { type: 'string', format: 'date' },
    entityType: { type: 'string', code: 'entity-type' },
    taxpayerId: { type: 'string', code: 'taxpayer-id' },
    legalRepresentative: { $ref: '#/$defs/person' },
    shareholders: { type: 'array', maxItems: 200, items: { $ref: '#/$defs/person' } },
    registeredCapital: amount,
    capitalCurrency: { type: 'string', code: 'currency' },
    addressDivision: { type: 'string', code: 'division' },
    industrySection: { type: 'string', pattern: '^[A-T]$' },
    industryCode: { type: 'string', code: 'industry-code' },
    operatingFrom: { type: ['string', 'null'], format: 'date' },
    operatingTo: { type: ['string', 'null'], format: 'date' },
    registrationState: { type: 'string', enum: ['active', 'revoked'] },
    employeeCount: { type: 'integer', minimum: 0, maximum: 2_000_000 },
    note: { anyOf: [{ type: 'null' }, { type: 'string', maxLength: 3 }] },
  },
  dependentRequired: { registeredCapital: ['capitalCurrency'] },
  if: { required: ['registrationState'], properties: { registrationState: { const: 'revoked' } } },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: { required: ['entityType'] },
  checks: [
    // biome-ignore lint/suspicious/noThenProperty: an option of the check, which nobody awaits
    { check: 'date-order', first: 'operatingFrom', then: 'operatingTo' },
    { check: 'industry-in-section', section: 'industrySection', code: 'industryCode' },
    { check: 'tax-number-of', taxpayerId: 'taxpayerId', uscc: 'uscc' },
    { check: 'capital-unit', field: 'registeredCapital' },
  ],
  $defs: { person },
}

const check = compileEventCheck({ envelope, data: dataSchema, kind, time })

const goodData = { uscc: '91210203XTEXT0018E', enterpriseName: '大连示例海岸机械有限公司', effectiveDate: '2016-03-15' }
const goodEvent = {
  specversion: '1.0',
  id: '1',
  source: '/bureaus/commerce',
  type: 'registration.established.v1',
  subject: '91210203XTEXT0018E',
  time: '2026-11-23T08:00:00+08:00',
}

function errorsOfData(data: JsonObject, event: JsonObject = {}): string[] {
  const { errors } = check({ ...goodEvent, ...event, data: { ...goodData, ...data } }, now)
  return errors.map(({ pointer, code }) => `${pointer} ${code}`)
}

function warningsOfData(data: JsonObject): string[] {
  const { errors, warnings } = check({ ...goodEvent, data: { ...goodData, ...data } }, now)
  expect(errors).toEqual([])
  return warnings.map(({ pointer, code }) => `${pointer} ${code}`)
}

test('a right event has no findings', () => {
  expect(check({ ...goodEvent, data: goodData }, now)).toEqual({ errors: [], warnings: [] })
})

test('everything that is wrong is told at once: envelope, data, codes, time and subject', () => {
  const event = {
    ...goodEvent,
    specversion: '0.3',
    time: '2026-11-23T08:06:00+08:00',
    subject: '91210202XTEXT0026T',
    traceparent: 'x',
    data: {
      uscc: '91210203XTEXT0018F',
      effectiveDate: '2016-02-30',
      colour: 'red',
      employeeCount: -1,
      capitalCurrency: 'DEM',
      registrationState: 'asleep',
      legalRepresentative: { name: '', idType: '10', idNumber: '210299198506151236' },
      shareholders: [{ name: 'a', idType: '11', idNumber: '123456' }, { name: 'b' }],
    },
  }
  const { errors } = check(event, now)
  expect(errors.map(({ pointer, code }) => `${pointer} ${code}`).toSorted()).toEqual(
    [
      '/traceparent unknown-field',
      '/specversion const',
      '/time time-ahead',
      '/subject subject-differs',
      '/data required',
      '/data/colour unknown-field',
      '/data/uscc uscc-check',
      '/data/effectiveDate format',
      '/data/employeeCount too-small',
      '/data/capitalCurrency currency-retired',
      '/data/registrationState enum',
      '/data/legalRepresentative/name too-short',
      '/data/legalRepresentative/idNumber id-document-check',
      '/data/shareholders/0/idType document-type-unknown',
      '/data/shareholders/1 required',
      '/data/shareholders/1 required',
    ].toSorted(),
  )
  for (const { message } of errors) {
    expect(message.en).toMatch(/[a-z]/)
    expect(message.zh).toMatch(/\p{Script=Han}/u)
  }
})

test('no message repeats a submitted value of a person', () => {
  const legalRepresentative = {
    name: 'n'.repeat(61),
    idType: '10',
    idNumber: '210299198506151236',
    email: 'someone at example',
    phone: '0411-00000001',
  }
  const { errors } = check({ ...goodEvent, data: { ...goodData, legalRepresentative, taxpayerId: '21029919850615123601' } }, now)
  expect(errors).toHaveLength(5)
  expect(JSON.stringify(errors.map(({ message }) => message))).not.toMatch(/nnnn|2102|someone|0411/)
})

describe('pointers', () => {
  test('a missing member is reported at its parent', () => {
    const { errors } = check({ ...goodEvent, data: {} }, now)
    expect(errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '/data required',
      '/data required',
      '/data required',
    ])
    expect(errors[0]?.message).toEqual({ en: 'The field uscc is missing.', zh: '缺少字段 uscc。' })
  })

  test('an unknown member is reported at itself, with ~ and / escaped', () => {
    expect(errorsOfData({ 'a/b~c': 1 })).toEqual(['/data/a~1b~0c unknown-field'])
  })

  test('members that objects inherit are unknown like others', () => {
    const data: JsonObject = JSON.parse('{"__proto__": 1, "constructor": 2}')
    expect(errorsOfData(data).toSorted()).toEqual(['/data/__proto__ unknown-field', '/data/constructor unknown-field'])
  })

  test('data of another type is reported at /data', () => {
    expect(check({ ...goodEvent, data: [] }, now).errors).toMatchObject([{ pointer: '/data', code: 'type' }])
    expect(check({ ...goodEvent }, now).errors).toMatchObject([{ pointer: '', code: 'required' }])
  })
})

describe('of several errors that say the same, the one that helps most stays', () => {
  test('a condition leaves only what its branch says', () => {
    expect(errorsOfData({ registrationState: 'revoked' })).toEqual(['/data required'])
  })

  test('alternatives leave only what theirs say', () => {
    expect(errorsOfData({ note: 'long' })).toEqual(['/data/note too-long'])
    expect(errorsOfData({ note: 5 })).toEqual(['/data/note type', '/data/note type'])
  })

  test('a code rule speaks instead of the length beside it', () => {
    expect(errorsOfData({ legalRepresentative: { name: 'a', idType: '10', idNumber: '1' } })).toEqual([
      '/data/legalRepresentative/idNumber id-document-length',
    ])
  })

  test('a field that another one needs is missing', () => {
    expect(errorsOfData({ registeredCapital: '5' })).toEqual(['/data required'])
  })
})

describe('subject', () => {
  test('a subject that equals a wrong code is told at the code alone', () => {
    expect(errorsOfData({ uscc: '91210203XTEXT0018F' }, { subject: '91210203XTEXT0018F' })).toEqual(['/data/uscc uscc-check'])
  })

  test('a wrong subject is told where the schema of data does not look at the code', () => {
    const loose = compileEventCheck({ envelope, data: { type: 'object' }, kind, time })
    const event = { ...goodEvent, subject: '91210203XTEXT0018F', data: { uscc: '91210203XTEXT0018F' } }
    expect(loose(event, now).errors).toMatchObject([{ pointer: '/subject', code: 'uscc-check' }])
  })

  test('a kind without a code has a pattern for its subjects', () => {
    const transfer: Kind = { ...kind, id: 'transfer', subject: { field: 'transferNumber', pattern: '^[0-9]{8,20}$' } }
    const schema = { type: 'object', properties: { transferNumber: { type: 'string' } } }
    const checkTransfer = compileEventCheck({ envelope, data: schema, kind: transfer, time })
    const event = (subject: string) => ({ ...goodEvent, subject, data: { transferNumber: subject } })
    expect(checkTransfer(event('09012600000001'), now).errors).toEqual([])
    expect(checkTransfer(event('0901'), now).errors).toMatchObject([{ pointer: '/subject', code: 'pattern' }])
  })

  test('a kind that names a check which does not exist is refused', () => {
    const wrong: Kind = { ...kind, subject: { field: 'uscc', code: 'ussc' } }
    expect(() => compileEventCheck({ envelope, data: dataSchema, kind: wrong, time })).toThrow('ussc')
  })
})

describe('time', () => {
  test.each([
    ['2026-11-23T00:05:00Z', []],
    ['2026-11-23T00:05:00.001Z', ['/time time-ahead']],
    ['2026-11-16T00:00:00Z', []],
    ['2026-11-15T23:59:59.999Z', ['/time time-too-old']],
    ['2026-11-23T00:00:00-00:00', []],
    ['2026-11-23T08:00:00.123456789+08:00', []],
    ['2026-11-23 00:00:00Z', ['/time format']],
    ['2026-11-23t00:00:00z', ['/time format']],
    ['2026-11-23T00:00:00', ['/time format']],
    ['2026-11-23T24:00:00Z', ['/time format']],
    ['2026-11-22T23:59:60Z', ['/time format']],
    ['2026-11-31T00:00:00Z', ['/time format']],
    ['2026-11-23T00:00:00+8:00', ['/time format']],
    ['2026-11-23T00:00:00Z\n', ['/time format']],
    ['２026-11-23T00:00:00Z', ['/time format']],
  ])('%s gives %j', (moment, expected) => {
    expect(errorsOfData({}, { time: moment })).toEqual(expected)
  })
})

describe('what members say together', () => {
  test.each([
    [{ operatingFrom: '2016-03-15', operatingTo: '2016-03-15' }, []],
    [{ operatingFrom: '2016-03-15', operatingTo: '2016-03-14' }, ['/data/operatingTo date-order']],
    [{ operatingFrom: '2016-03-15', operatingTo: null }, []],
    [{ operatingFrom: '2016-03-15', operatingTo: 5 }, ['/data/operatingTo type']],
    [{ operatingFrom: '2016-03-15', operatingTo: '2016-02-30' }, ['/data/operatingTo format']],
    [{ industrySection: 'C', industryCode: '3411' }, []],
    [{ industrySection: 'C', industryCode: '5132' }, ['/data/industryCode industry-code-section']],
    [{ industrySection: 'c', industryCode: '3411' }, ['/data/industrySection pattern']],
    [{ industrySection: 'C', industryCode: '9811' }, ['/data/industryCode industry-code-division']],
    [{ industryCode: '5132' }, []],
    [
      { legalRepresentative: { name: 'a', idType: '55', idNumber: 'K00000001' } },
      ['/data/legalRepresentative/idNumber id-document-format'],
    ],
    [{ legalRepresentative: { name: 'a', idType: '40', idNumber: 'X00TEXT01' } }, []],
  ])('%j gives %j', (data, expected) => {
    expect(errorsOfData(data)).toEqual(expected)
  })
})

describe('what is odd is a warning', () => {
  test.each([
    [{ entityType: '4530' }, ['/data/entityType entity-type-unknown']],
    [{ taxpayerId: '210203XTEXT0018' }, []],
    [{ taxpayerId: '210202XTEXT0018' }, ['/data/taxpayerId tax-number-differs']],
    [{ taxpayerId: '91210203XTEXT0018E' }, []],
    [{ taxpayerId: '91210202XTEXT0026T' }, ['/data/taxpayerId tax-number-differs']],
    [{ registeredCapital: '10000000', capitalCurrency: 'CNY' }, []],
    [{ registeredCapital: '10000000.000001', capitalCurrency: 'CNY' }, ['/data/registeredCapital capital-unit']],
    [{ addressDivision: '330103' }, []],
    [{ addressDivision: '330103', effectiveDate: '2024-01-01' }, ['/data/addressDivision division-retired']],
    [{ addressDivision: '110103' }, ['/data/addressDivision division-retired']],
    [{ addressDivision: '110103', effectiveDate: '2009-03-15' }, []],
  ])('%j gives %j', (data, expected) => {
    expect(warningsOfData(data)).toEqual(expected)
  })

  test('has both languages, and comes beside errors too', () => {
    const { errors, warnings } = check({ ...goodEvent, data: { ...goodData, entityType: '4530', employeeCount: '5' } }, now)
    expect(errors).toHaveLength(1)
    expect(warnings).toMatchObject([
      { message: { en: expect.stringContaining('4530'), zh: expect.stringMatching(/\p{Script=Han}/u) } },
    ])
  })

  test('one event leaves no warnings for the next', () => {
    warningsOfData({ entityType: '4530' })
    expect(warningsOfData({})).toEqual([])
  })
})

describe('bounds', () => {
  test('the list of errors ends at 200', () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field${i}`, i]))
    expect(errorsOfData(many)).toHaveLength(200)
  })

  test('an event of too many values is refused before every one of them is looked at', () => {
    const shareholders = Array.from({ length: 16_000 }, () => ({}))
    expect(errorsOfData({ shareholders })).toEqual([' too-many-values'])
  })

  test('an event that nests very deep is no trouble', () => {
    const deep = JSON.parse(`${'['.repeat(3000)}${']'.repeat(3000)}`)
    expect(errorsOfData({ shareholders: deep })).toEqual(['/data/shareholders/0 type'])
  })
})

describe('e-mail', () => {
  test.each(['li@example.com', 'a.b+c@a-b.example.cn', 'x@1.cn'])('%s is one', (email) => {
    expect(errorsOfData({ legalRepresentative: { name: 'a', idType: '20', idNumber: '12345', email } })).toEqual([])
  })

  test.each([
    '',
    'li',
    'li@',
    '@example.com',
    'li@example',
    'a@b@c.cn',
    'a b@c.cn',
    '.a@c.cn',
    'a..b@c.cn',
    'a@-c.cn',
    'a@c-.cn',
    'a@c..cn',
    `${'a'.repeat(65)}@c.cn`,
  ])('"%s" is none', (email) => {
    expect(errorsOfData({ legalRepresentative: { name: 'a', idType: '20', idNumber: '12345', email } })).toEqual([
      '/data/legalRepresentative/email format',
    ])
  })
})

describe('a record check', () => {
  test('points from the record itself', () => {
    const checkRecord = compileRecordCheck({ type: 'object', properties: { office: { type: 'string' } }, required: ['office'] })
    expect(checkRecord({ office: 'a' }, '2018-01-02')).toEqual([])
    expect(checkRecord({ office: 1 }, '2018-01-02')).toMatchObject([{ pointer: '/office', code: 'type' }])
    expect(checkRecord({}, '2018-01-02')).toMatchObject([{ pointer: '', code: 'required' }])
  })

  test('goes by the day of the event, not of the fold', () => {
    const checkRecord = compileRecordCheck({ type: 'object', properties: { id: { type: 'string', code: 'resident-id' } } })
    const bornOn2January2018 = '210299201801021235'
    expect(checkRecord({ id: bornOn2January2018 }, '2018-01-01')).toMatchObject([{ code: 'resident-id-birth-date' }])
    expect(checkRecord({ id: bornOn2January2018 }, '2018-01-02')).toEqual([])
  })
})

describe('faults of a schema', () => {
  test('a right one has none, however often it is asked about', () => {
    const named = { $id: 'https://example.org/a', ...dataSchema }
    expect(schemaFaults(named)).toEqual([])
    expect(schemaFaults({ ...named, title: 'another with the same $id' })).toEqual([])
  })

  test.each([
    ['no object', [], 'no JSON object'],
    ['another dialect', { $schema: 'http://json-schema.org/draft-07/schema#' }, '$schema'],
    ['an unknown type', { type: 'text' }, '/type'],
    ['a pattern that is none', { type: 'string', pattern: '(' }, 'regular expression'],
    ['an unknown keyword', { type: 'string', maxLenght: 5 }, 'maxLenght'],
    ['an unknown format', { type: 'string', format: 'telephone' }, 'telephone'],
    ['an unknown code', { type: 'string', code: 'ussc' }, 'ussc'],
    ['a code that objects inherit', { type: 'string', code: 'toString' }, 'toString'],
    ['an unknown check', { type: 'object', checks: [{ check: 'dates' }] }, 'dates'],
    ['an option too few', { type: 'object', checks: [{ check: 'date-order', first: 'a' }] }, '"then"'],
    ['an option too many', { type: 'object', checks: [{ check: 'capital-unit', field: 'a', unit: 'b' }] }, '"unit"'],
    [
      'a member that is not there',
      { type: 'object', properties: { a: {} }, checks: [{ check: 'capital-unit', field: 'b' }] },
      '"b"',
    ],
    ['a reference to nowhere', { $ref: '#/$defs/a' }, '#/$defs/a'],
  ])('%s is named', (_name, schema, named) => {
    const faults = schemaFaults(schema)
    expect(faults.length).toBeGreaterThan(0)
    expect(faults.join('\n')).toContain(named)
  })

  const folder = new URL('../../schemas/registration/', import.meta.url)
  test.each(readdirSync(folder))('%s has none', (name) => {
    expect(schemaFaults(JSON.parse(readFileSync(new URL(name, folder), 'utf8')))).toEqual([])
  })
})
