import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { compileRules } from '../../src/catalogue/compile.ts'
import { readCatalogueFiles } from '../../src/catalogue/load.ts'
import type { Rules, TypeRules } from '../../src/catalogue/rules.ts'
import type { Finding } from '../../src/domain/event.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'
import { cloudEventOf, type Example, examples } from '../support/examples.ts'

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Required and optional fields of each type, as the table of the domain reference (section 1) has them. */
const always = words('uscc enterpriseName effectiveDate')
const authority = words('registrationAuthority registrationAuthorityName')
const taxAlways = words('taxpayerId taxAuthority taxAuthorityName')
const ofCompanies = words('registeredCapital capitalCurrency shareholders')
const establishedRequired = words(
  'entityType legalRepresentative address addressDivision businessScope industrySection industryCode establishedDate approvalDate registrationState contact',
)
const establishedOptional = words(
  'registrationNumber paidInCapital postalCode productionAddress productionDivision operatingFrom operatingTo employeeCount financeHead accountingMethod',
)
const taxOptional = words(
  'registrationNumber legalRepresentative address addressDivision productionAddress productionDivision industrySection industryCode employeeCount financeHead vatTaxpayerType',
)
const table: Readonly<Record<string, readonly [required: readonly string[], optional: readonly string[]]>> = {
  'registration.established': [
    [...authority, ...establishedRequired],
    [...ofCompanies, ...establishedOptional],
  ],
  'registration.imported': [
    [...authority, 'registrationState'],
    [...establishedRequired.filter((field) => field !== 'registrationState'), ...ofCompanies, ...establishedOptional],
  ],
  'registration.changed': [
    words('approvalDate changes'),
    [
      ...authority,
      ...ofCompanies,
      ...words(
        'registrationNumber entityType legalRepresentative paidInCapital address addressDivision postalCode productionAddress productionDivision businessScope industrySection industryCode operatingFrom operatingTo employeeCount contact',
      ),
    ],
  ],
  'registration.cancelled': [
    [...authority, ...words('approvalDate registrationState reason cancellationMode')],
    words('registrationNumber decisionNumber noticeEndDate clearance'),
  ],
  'registration.revoked': [
    [...authority, ...words('registrationState reason decisionNumber')],
    words('registrationNumber approvalDate'),
  ],
  'registration.restored': [
    [...authority, ...words('registrationState reason decisionNumber restorationBasis')],
    words('registrationNumber approvalDate'),
  ],
  'registration.annual-report': [
    words('reportYear reportResult'),
    [...authority, ...ofCompanies, ...words('registrationNumber entityType paidInCapital establishedDate employeeCount')],
  ],
  'tax.registered': [[...taxAlways, ...words('accountingMethod taxpayerStatus')], taxOptional],
  'tax.imported': [
    [...taxAlways, 'taxpayerStatus'],
    [...taxOptional, 'accountingMethod'],
  ],
  'tax.changed': [
    [...taxAlways, 'changes'],
    words('registrationNumber productionAddress productionDivision financeHead accountingMethod vatTaxpayerType'),
  ],
  'tax.status-changed': [
    [...taxAlways, ...words('reason taxpayerStatus previousTaxpayerStatus')],
    words('registrationNumber decisionNumber suspendedUntil'),
  ],
  'tax.clearance-issued': [[...taxAlways, 'clearance'], words('registrationNumber taxpayerStatus')],
  'tax.deregistered': [
    [...taxAlways, 'reason'],
    words('registrationNumber decisionNumber taxpayerStatus previousTaxpayerStatus'),
  ],
}

const now = new Date('2026-11-23T00:00:00Z')
let rules: Rules
beforeAll(async () => {
  rules = compileRules(await readCatalogueFiles(shippedCatalogue))
})

function typeOf(type: string): TypeRules {
  const found = rules.types.get(type)
  if (!found) throw new Error(`no type ${type}`)
  return found
}

function exampleOf(type: string): Example {
  const found = examples().find((example) => example.type === `${type}.v1`)
  if (!found) throw new Error(`no example of ${type}`)
  return found
}

const check = (example: Example, changes: JsonObject = {}, envelope: JsonObject = {}) =>
  typeOf(example.type).check(
    { ...cloudEventOf({ ...example, data: { ...example.data, ...changes } }, 'id-1', now), ...envelope },
    now,
  )

const places = (findings: readonly Finding[]) => findings.map(({ pointer, code }) => `${pointer} ${code}`)
const errorsOf = (example: Example, changes: JsonObject = {}, envelope: JsonObject = {}) =>
  places(check(example, changes, envelope).errors)

function without(data: JsonObject, field: string): JsonObject {
  return Object.fromEntries(Object.entries(data).filter(([name]) => name !== field))
}

const schemaFolder = join(import.meta.dirname, '..', '..', 'schemas', 'registration')
const schemaOf = (name: string): JsonObject => JSON.parse(readFileSync(join(schemaFolder, name), 'utf8'))

describe('the schemas of registrations', () => {
  test.each(Object.entries(table))('give %s the fields of the table, no more and no less', (type, [required, optional]) => {
    const schema = schemaOf(`${type}.v1.json`)
    const properties = isJsonObject(schema.properties) ? Object.keys(schema.properties) : []
    expect([...properties].sort()).toEqual([...always, ...required, ...optional].sort())
    expect(Array.isArray(schema.required) && [...schema.required].sort()).toEqual([...always, ...required].sort())
  })

  test.each(readdirSync(schemaFolder))(
    '%s bounds every text and list, closes every object, and speaks both languages',
    (name) => {
      const schema = schemaOf(name)
      expect(String(schema.title)).toMatch(/^\w.* · \p{Script=Han}/u)
      const open: string[] = []
      walk(schema, '', (part, place) => {
        const types: readonly unknown[] = Array.isArray(part.type) ? part.type : [part.type]
        const bounded =
          ['enum', 'const', 'code', 'pattern', 'maxLength'].some((keyword) => keyword in part) || part.format === 'date'
        if (types.includes('string') && !bounded) open.push(`${place}: no bound`)
        if (types.includes('array') && !('maxItems' in part)) open.push(`${place}: no maxItems`)
        if (types.includes('object') && part.additionalProperties !== false) open.push(`${place}: open`)
        if (types.includes('integer') && !('maximum' in part && 'minimum' in part)) open.push(`${place}: no range`)
        if (
          part.type !== undefined &&
          !place.includes('/if/') &&
          !place.includes('/then/') &&
          !/ · .*\p{Script=Han}/u.test(String(part.description))
        )
          open.push(`${place}: no description in both languages`)
      })
      expect(open).toEqual([])
    },
  )

  test('let every example pass without a word', () => {
    expect(examples()).toHaveLength(18)
    for (const example of examples()) expect([example.type, check(example)]).toEqual([example.type, { errors: [], warnings: [] }])
  })

  test.each(Object.entries(table))('miss each required field of %s', (type, [required]) => {
    const example = exampleOf(type)
    for (const field of [...always, ...required]) {
      const incomplete = { ...example, data: without(example.data, field) }
      expect(errorsOf(incomplete), field).toContain('/data required')
    }
  })

  test('report a field nobody knows, also deep inside', () => {
    const example = exampleOf('registration.established')
    const contact = { name: '李样例', phone: '0411-00000002', colour: 'red' }
    expect(errorsOf(example, { colour: 'red', contact })).toEqual([
      expect.stringMatching(/^\/data(\/colour)? /),
      expect.stringMatching(/^\/data\/contact(\/colour)? /),
    ])
  })
})

describe('conditions between fields', () => {
  test('companies state capital, currency and shareholders; others need not', () => {
    const company = exampleOf('registration.established')
    for (const field of ofCompanies)
      expect(errorsOf({ ...company, data: without(company.data, field) }), field).toContain('/data required')
    const bare = ofCompanies.reduce(without, without(company.data, 'paidInCapital'))
    expect(errorsOf({ ...company, data: { ...bare, entityType: '9500' } })).toEqual([])
  })

  test('capital and currency go together, also when a change removes them', () => {
    const change = exampleOf('registration.changed')
    expect(errorsOf({ ...change, data: without(change.data, 'capitalCurrency') })).toHaveLength(1)
    expect(errorsOf({ ...change, data: without(change.data, 'registeredCapital') })).toHaveLength(1)
    expect(errorsOf(change, { registeredCapital: null })).toEqual(['/data/capitalCurrency type'])
    expect(errorsOf(change, { capitalCurrency: null })).toEqual(['/data/registeredCapital type'])
    expect(errorsOf(change, { registeredCapital: null, capitalCurrency: null })).toEqual([])
  })

  test('a general cancellation needs its clearance, a simplified one the end of its notice', () => {
    const cancelled = exampleOf('registration.cancelled')
    const bare = { ...cancelled, data: without(cancelled.data, 'clearance') }
    expect(errorsOf(bare)).toEqual(['/data required'])
    expect(errorsOf(bare, { cancellationMode: 'simplified' })).toEqual(['/data required'])
    expect(errorsOf(bare, { cancellationMode: 'simplified', noticeEndDate: '2017-09-27' })).toEqual([])
    expect(errorsOf(bare, { cancellationMode: 'simplified', noticeEndDate: '2017-09-28' })).toEqual([
      '/data/effectiveDate date-order',
    ])
  })

  test('a suspension needs its end, and not before its begin', () => {
    const status = exampleOf('tax.status-changed')
    expect(errorsOf(status, { taxpayerStatus: 'suspended' })).toEqual(['/data required'])
    expect(errorsOf(status, { taxpayerStatus: 'suspended', suspendedUntil: '2016-12-31' })).toEqual([])
    expect(errorsOf(status, { taxpayerStatus: 'suspended', suspendedUntil: '2016-07-17' })).toEqual([
      '/data/suspendedUntil date-order',
    ])
  })

  test.each(['registration.changed', 'tax.changed'])('in %s null removes every optional field and no required one', (type) => {
    const [required, optional] = table[type] ?? [[], []]
    const example = exampleOf(type)
    expect(errorsOf(example, Object.fromEntries(optional.map((field) => [field, null])))).toEqual([])
    for (const field of [...always, ...required])
      expect(errorsOf(example, { [field]: null }), field).toContain(`/data/${field} type`)
  })

  test('nowhere else does null stand for a value', () => {
    for (const type of Object.keys(table).filter((each) => !each.endsWith('.changed'))) {
      const example = exampleOf(type)
      for (const field of table[type]?.flat() ?? [])
        expect(errorsOf(example, { [field]: null }), `${type} ${field}`).toContain(`/data/${field} type`)
    }
  })

  test('an import says a state that the exchange can go on from; other types may contradict, for legal order to judge', () => {
    expect(errorsOf(exampleOf('registration.imported'), { registrationState: 'cancelled' })).toEqual([
      '/data/registrationState enum',
    ])
    expect(errorsOf(exampleOf('tax.imported'), { taxpayerStatus: 'deregistered' })).toEqual(['/data/taxpayerStatus enum'])
    expect(errorsOf(exampleOf('registration.revoked'), { registrationState: 'other' })).toEqual([])
    expect(errorsOf(exampleOf('tax.status-changed'), { taxpayerStatus: 'deregistered' })).toEqual([])
  })

  test('codes are checked where they stand', () => {
    const example = exampleOf('registration.established')
    const wrong = {
      addressDivision: '999999',
      registrationNumber: '210203200001019',
      capitalCurrency: 'RMB',
      industrySection: 'A',
      operatingTo: '2016-03-14',
      legalRepresentative: { name: '王海岸', idType: '10', idNumber: '210299197805121139' },
      shareholders: [
        { name: '某公司', investorType: 'enterprise', idType: '10', idNumber: '210299197805121139', subscribedAmount: '1' },
      ],
    }
    const found = errorsOf(example, wrong).map((place) => place.split(' ')[0])
    expect(found.sort()).toEqual([
      '/data/addressDivision',
      '/data/capitalCurrency',
      '/data/industryCode',
      '/data/legalRepresentative/idNumber',
      '/data/operatingTo',
      '/data/registrationNumber',
      '/data/shareholders/0/idNumber',
    ])
    expect(errorsOf(example, { registrationAuthority: '210231' })).toEqual([])
  })

  test('a capital that was most likely sent in yuan is odd, not wrong', () => {
    const { errors, warnings } = check(exampleOf('registration.established'), { registeredCapital: '10000001' })
    expect([errors, places(warnings)]).toEqual([[], ['/data/registeredCapital capital-unit']])
  })
})

describe('the envelope', () => {
  const example = exampleOf('tax.registered')

  test('refuses what is no CloudEvent of ours', () => {
    expect(errorsOf(example, {}, { specversion: '0.3' })).toEqual(['/specversion const'])
    expect(errorsOf(example, {}, { datacontenttype: 'text/plain' })).toEqual(['/datacontenttype const'])
    expect(errorsOf(example, {}, { traceparent: 'x' })).toEqual([expect.stringMatching(/^(\/traceparent)? /)])
    expect(errorsOf(example, {}, { id: '' })).not.toEqual([])
    expect(errorsOf(example, {}, { id: 'x'.repeat(129) })).toEqual(['/id too-long'])
    expect(errorsOf(example, {}, { id: 'x'.repeat(128) })).toEqual([])
    expect(errorsOf(example, {}, { id: 'a\nb' })).toEqual(['/id pattern'])
    expect(errorsOf(example, {}, { time: '2026-11-23' })).toEqual(['/time format'])
    expect(errorsOf(example, {}, { data: [] })).toEqual(['/data type'])
  })
})

/** Every schema inside a schema, with its place. */
function walk(part: JsonObject, place: string, look: (part: JsonObject, place: string) => void): void {
  look(part, place)
  for (const [name, inner] of Object.entries(part)) {
    if (['properties'].includes(name) && isJsonObject(inner)) {
      for (const [field, schema] of Object.entries(inner))
        if (isJsonObject(schema)) walk(schema, `${place}/${name}/${field}`, look)
    }
    if (['items', 'if', 'then'].includes(name) && isJsonObject(inner)) walk(inner, `${place}/${name}/`, look)
    if (name === 'allOf' && Array.isArray(inner))
      inner.filter(isJsonObject).forEach((schema, i) => void walk(schema, `${place}/allOf/${i}`, look))
  }
}
