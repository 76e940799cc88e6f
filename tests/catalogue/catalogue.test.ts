import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { compileNewRules, compileRules, loadRules } from '../../src/catalogue/compile.ts'
import { readCatalogueFiles } from '../../src/catalogue/load.ts'
import { CatalogueInvalid, type Rules } from '../../src/catalogue/rules.ts'
import { foldState } from '../../src/domain/fold.ts'
import { none, type SubjectState, whole } from '../../src/domain/order.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'
import { customsCatalogue, customsExamples } from '../support/customs-catalogue.ts'
import { cloudEventOf, type Example, examples } from '../support/examples.ts'
import { mostEmployees, offices, statisticsCatalogue, statisticsFields } from '../support/statistics-catalogue.ts'

type Files = ReadonlyMap<string, string>

let shipped: Files
beforeAll(async () => {
  shipped = await readCatalogueFiles(shippedCatalogue)
})

function faultsOf(files: Files): readonly string[] {
  try {
    compileNewRules(files)
  } catch (error) {
    if (error instanceof CatalogueInvalid) return error.faults
    throw error
  }
  return []
}

/** The shipped files, with another catalogue and other files beside it. */
function changed(change: (catalogue: Catalogue) => object, others: Readonly<Record<string, string>> = {}): Files {
  const catalogue: Catalogue = JSON.parse(shipped.get('catalogue.json') ?? '')
  return new Map([...shipped, ['catalogue.json', JSON.stringify(change(catalogue))], ...Object.entries(others)])
}

const catalogueFaults = (change: (catalogue: Catalogue) => object, others: Readonly<Record<string, string>> = {}) =>
  faultsOf(changed(change, others))

/** The catalogue with one type changed. */
const withType = (type: string, change: (found: Catalogue['types'][number]) => object) => (catalogue: Catalogue) => ({
  ...catalogue,
  types: catalogue.types.map((each) => (each.type === type ? change(each) : each)),
})

const withKind = (change: (kind: Catalogue['kinds'][number]) => object) => (catalogue: Catalogue) => ({
  ...catalogue,
  kinds: catalogue.kinds.map(change),
})

/** Folds events by the rules and tells what became of each. */
function live(rules: Rules, events: readonly Example[]): readonly string[] {
  const states = new Map<string, SubjectState>()
  return events.map((event) => {
    const known = rules.types.get(event.type)
    if (!known) return 'unknown-type'
    const { errors } = known.check(cloudEventOf(event, 'id', new Date('2026-11-23T00:00:00Z')), new Date('2026-11-23T00:00:00Z'))
    if (errors[0]) return `${errors[0].pointer} ${errors[0].code}`
    const step = { sender: event.source, data: event.data }
    const result = foldState(states.get(event.subject), step, known.kind, known.type.order, '2026-11-23')
    if ('refused' in result) return result.refused.code
    states.set(event.subject, result.state)
    const main = known.kind.layers.find((layer) => layer.main)?.id ?? ''
    const parts = Object.values(result.state.tax ?? {}).map(({ state }) => state)
    return [result.state[main]?.[whole]?.state ?? none, ...parts].join(' ')
  })
}

describe('the shipped catalogue', () => {
  let rules: Rules
  beforeAll(() => {
    rules = compileRules(shipped)
  })

  test('lets commerce send registrations to tax, and each tax bureau its own to all others', () => {
    const commerce = { senders: ['commerce'], receivers: ['state-tax', 'local-tax'], excludeSender: undefined }
    const tax = { senders: ['state-tax', 'local-tax'], receivers: ['commerce', 'state-tax', 'local-tax'], excludeSender: true }
    expect([...rules.types.keys()]).toHaveLength(13)
    for (const { type, senders, receivers } of rules.types.values()) {
      const found = { senders: [...senders], receivers: [...receivers.keys()], excludeSender: type.excludeSender }
      expect(found, type.type).toEqual(type.type.startsWith('tax.') ? tax : commerce)
      expect(type.data, type.type).toBe(type.type.startsWith('tax.') ? 'tax.{sender}' : '')
    }
    expect(rules.bureaus.map(({ id }) => id)).toEqual(['commerce', 'state-tax', 'local-tax'])
    expect([...rules.files.keys()][0]).toBe('catalogue.json')
  })

  test('leads every example to the state that the domain reference gives', () => {
    expect(live(rules, examples())).toEqual([
      'active',
      'active normal',
      'active normal normal',
      'active normal normal',
      'active normal normal',
      'active clearing clearing',
      'cancelled deregistered deregistered',
      'active',
      'active normal',
      'active normal normal',
      'active abnormal normal',
      'revoked abnormal normal',
      'active abnormal normal',
      'active',
      'active normal',
      'active normal normal',
      'active normal normal',
      'active normal deregistered',
    ])
  })

  test.each<[what: string, code: string, type: string, subject: string, source: string, changes: JsonObject]>([
    ['a second establishment', 'already-established', 'registration.established', '91210203XTEXT0018E', 'commerce', {}],
    ['a change after cancellation', 'not-active', 'registration.changed', '91210203XTEXT0018E', 'commerce', {}],
    ['a second cancellation', 'already-closed', 'registration.cancelled', '91210203XTEXT0018E', 'commerce', {}],
    ['a restoration after cancellation', 'not-revoked', 'registration.restored', '91210203XTEXT0018E', 'commerce', {}],
    ['a tax registration after cancellation', 'not-active', 'tax.registered', '91210203XTEXT0018E', 'state-tax', {}],
    ['a tax import after cancellation', 'already-closed', 'tax.imported', '91210203XTEXT0018E', 'state-tax', {}],
    ['a restoration of what is active', 'not-revoked', 'registration.restored', '91210204XTEXT0034J', 'commerce', {}],
    ['a second tax import', 'already-registered', 'tax.imported', '91210204XTEXT0034J', 'state-tax', {}],
    ['a second deregistration', 'not-tax-registered', 'tax.deregistered', '91210204XTEXT0034J', 'local-tax', {}],
    [
      'a cancellation with an open register',
      'tax-clearance-missing',
      'registration.cancelled',
      '91210204XTEXT0034J',
      'commerce',
      {},
    ],
    [
      'a simplified one with an open register',
      'simplified-not-allowed',
      'registration.cancelled',
      '91210204XTEXT0034J',
      'commerce',
      { cancellationMode: 'simplified', noticeEndDate: '2017-09-01' },
    ],
    [
      'another previous status',
      'previous-status-differs',
      'tax.status-changed',
      '91210202XTEXT0026T',
      'state-tax',
      { previousTaxpayerStatus: 'normal', taxpayerStatus: 'suspended', suspendedUntil: '2019-01-01' },
    ],
    [
      'abnormal to suspended',
      'status-order',
      'tax.status-changed',
      '91210202XTEXT0026T',
      'state-tax',
      { previousTaxpayerStatus: 'abnormal', taxpayerStatus: 'suspended', suspendedUntil: '2019-01-01' },
    ],
    [
      'a clearance that leaves out a bureau',
      'clearance-incomplete',
      'tax.clearance-issued',
      '91210202XTEXT0026T',
      'state-tax',
      {
        clearance: {
          number: '大中国税清〔2018〕0001号',
          receivingBureau: 'state-tax',
          clearedBy: [{ bureau: 'state-tax', result: 'cleared', date: '2018-01-01' }],
        },
      },
    ],
    [
      'a deregistration that says it stays normal',
      'state-differs',
      'tax.deregistered',
      '91210204XTEXT0034J',
      'state-tax',
      { taxpayerStatus: 'normal' },
    ],
    [
      'a report dated before the last',
      'effective-date-order',
      'registration.annual-report',
      '91210204XTEXT0034J',
      'commerce',
      { effectiveDate: '2016-01-05' },
    ],
  ])('refuses %s: %s', (_what, code, type, subject, source, changes) => {
    const found = examples().find((example) => example.type === `${type}.v1`)
    if (!found) throw new Error(`no example of ${type}`)
    const attempt: Example = {
      ...found,
      subject,
      source,
      data: { ...found.data, uscc: subject, effectiveDate: '2018-01-01', ...changes },
    }
    expect(live(rules, [...examples(), attempt]).at(-1)).toBe(code)
  })

  test('gives ID numbers to tax only, and an operator no person in clear', () => {
    const [kind] = rules.catalogue.kinds
    const restricted = new Map(kind?.restricted.map((place) => [place.path, place]))
    for (const path of ['/legalRepresentative/idNumber', '/shareholders/*/idNumber', '/financeHead/idNumber'])
      expect(restricted.get(path)?.to).toEqual(['group:tax'])
    expect(restricted.get('/changes/*/after')?.unless?.in).toContain('businessScope')
    for (const field of ['legalRepresentative', 'shareholders', 'contact', 'financeHead', 'taxpayerId'])
      expect(restricted.get('/changes/*/after')?.unless?.in).not.toContain(field)
    const masked = kind?.personal.map(({ path }) => path) ?? []
    for (const path of restricted.keys()) expect(masked).toContain(path)
  })
})

describe('a catalogue with faults', () => {
  test('names all of them at once, from every file', () => {
    const files = changed(
      (catalogue) => ({
        ...catalogue,
        rules: '2',
        colour: 'red',
        parties: [
          ...catalogue.parties,
          { id: 'commerce', role: 'bureau', name: { en: 'Again', zh: '再' } },
          { id: 'Bad_Id', role: 'auditor', name: { en: 'x', zh: 'x' } },
        ],
        types: [
          ...catalogue.types,
          {
            ...catalogue.types[0],
            type: 'x.lost.v1',
            kind: 'nothing',
            senders: ['group:nobody'],
            schema: 'registration/lost.json',
          },
        ],
      }),
      {
        'event.json': '{"type": "object", "colour": 1}',
        'registration/tax.changed.v1.json': '{',
        'registration/tax.imported.v1.json': '[]',
      },
    )
    const faults = faultsOf(files).join('\n')
    for (const fault of [
      /catalogue\.json \/rules must be "1"/,
      /unknown member colour/,
      /party commerce stands more than once/,
      /\/parties\/6\/id .*pattern/,
      /x\.lost\.v1: there is no kind nothing/,
      /x\.lost\.v1: its senders name group:nobody/,
      /registration\/lost\.json is missing/,
      /event\.json: .*colour/,
      /registration\/tax\.changed\.v1\.json: it is not JSON/,
      /registration\/tax\.imported\.v1\.json: the JSON is not an object/,
    ])
      expect(faults).toMatch(fault)
    expect(faults.split('\n')).toHaveLength(11) // and "two bureaus would share the view view_commerce"
  })

  test('is told where it is not even a catalogue', () => {
    expect(faultsOf(new Map())).toEqual(['catalogue.json is missing'])
    expect(faultsOf(new Map([['catalogue.json', '{']]))).toEqual([expect.stringMatching(/^catalogue\.json: it is not JSON/)])
    expect(faultsOf(new Map([['catalogue.json', '{"types":[],"types":[]}']]))).toEqual([
      expect.stringMatching(/"types" stands twice/),
    ])
    expect(faultsOf(new Map([['catalogue.json', '[]']]))).toEqual(['catalogue.json: the JSON is not an object'])
    expect(catalogueFaults((catalogue) => ({ ...catalogue, kinds: undefined, types: 'none' }))).toEqual([
      "catalogue.json / must have required property 'kinds'",
      'catalogue.json /types must be array',
    ])
  })

  test.each<[fault: string, change: (catalogue: Catalogue) => object, expected: RegExp]>([
    [
      'no operator',
      (catalogue) => ({ ...catalogue, parties: catalogue.parties.filter(({ role }) => role !== 'operator') }),
      /there is no operator/,
    ],
    [
      'an auditor who sends',
      withType('tax.changed.v1', (type) => ({ ...type, senders: ['auditor'] })),
      /tax\.changed\.v1: its sender auditor is no bureau/,
    ],
    [
      'an unknown receiver',
      withType('tax.changed.v1', (type) => ({ ...type, receivers: [{ to: 'bank' }] })),
      /its receivers name bank/,
    ],
    [
      'an unknown received field',
      withType('tax.changed.v1', (type) => ({ ...type, receivers: [{ to: 'commerce', fields: ['colour'] }] })),
      /a receiver gets colour/,
    ],
    [
      'a type twice',
      (catalogue) => ({ ...catalogue, types: [...catalogue.types, ...catalogue.types.slice(0, 1)] }),
      /type registration\.established\.v1 stands more than once/,
    ],
    [
      'a type without version',
      withType('tax.changed.v1', (type) => ({ ...type, type: 'tax.changed' })),
      /\/types\/\d+\/type .*pattern/,
    ],
    [
      'a file outside the folder',
      withType('tax.changed.v1', (type) => ({ ...type, schema: '../x.json' })),
      /\/types\/\d+\/schema .*pattern/,
    ],
    [
      'a topic twice',
      (catalogue) => ({
        ...catalogue,
        kinds: [...catalogue.kinds, ...catalogue.kinds.map((kind) => ({ ...kind, id: 'other' }))],
      }),
      /the topic registration belongs/,
    ],
    [
      'two main layers',
      withKind((kind) => ({ ...kind, layers: kind.layers.map((layer) => ({ ...layer, main: true })) })),
      /has 2 main layers/,
    ],
    [
      'no main layer',
      withKind((kind) => ({ ...kind, layers: kind.layers.map(({ main: _, ...layer }) => layer) })),
      /has 0 main layers/,
    ],
    [
      'an open state that is none',
      withKind((kind) => ({ ...kind, layers: kind.layers.map((layer) => ({ ...layer, open: ['ajar'] })) })),
      /the open state ajar/,
    ],
    [
      'an unknown code check',
      withKind((kind) => ({ ...kind, subject: { field: 'uscc', code: 'uscd' } })),
      /there is no code check uscd; there are uscc/,
    ],
    [
      'a subject without form',
      withKind((kind) => ({ ...kind, subject: { field: 'uscc' } })),
      /its subject needs a code or a pattern/,
    ],
    [
      'a pattern that is none',
      withKind((kind) => ({ ...kind, subject: { field: 'uscc', pattern: '(' } })),
      /\/kinds\/0\/subject\/pattern .*format/,
    ],
    [
      'a subject that may be missing',
      withKind((kind) => ({ ...kind, subject: { ...kind.subject, field: 'registrationNumber' } })),
      /tax\.changed\.v1: its schema must require registrationNumber/,
    ],
    [
      'restricted to nobody',
      withKind((kind) => ({ ...kind, restricted: [{ path: '/a', to: ['police'] }] })),
      /restricted: there is no police/,
    ],
    ...['restricted', 'personal'].map((places): [string, (catalogue: Catalogue) => object, RegExp] => [
      `a slow pattern of what is ${places}`,
      withKind((kind) => ({
        ...kind,
        [places]: [
          { path: '/address', ...(places === 'restricted' ? { to: ['group:tax'] } : { mask: 'text' }), pattern: '^(a+)+$' },
        ],
      })),
      /could be made slow/,
    ]),
    [
      'data where a field is',
      withType('tax.changed.v1', (type) => ({ ...type, data: 'contact.{sender}' })),
      /its field contact is also where/,
    ],
  ])('is told: %s', (_fault, change, expected) => {
    expect(catalogueFaults(change).join('\n')).toMatch(expected)
  })

  test.each<[fault: string, order: object, expected: RegExp]>([
    ['an unknown layer', { layer: 'police' }, /there is no layer police/],
    [
      'an unknown guard',
      { rules: [{ rule: 'guard', guard: 'moon-is-full', layer: 'tax', code: 'not-active' }] },
      /there is no guard moon-is-full/,
    ],
    ['an unknown rule', { rules: [{ rule: 'wish', code: 'not-active' }] }, /\/rules\/0\/rule must be one of "new"/],
    ['a code of something else', { rules: [{ rule: 'known', code: 'overloaded' }] }, /the code overloaded is none/],
    [
      'an unknown state asked for',
      { rules: [{ rule: 'state', layer: 'tax', in: ['rich'], code: 'not-active' }] },
      /the layer tax has no state rich/,
    ],
    [
      'a move to an unknown state',
      { moves: [{ layer: 'tax', from: ['normal'], to: 'rich' }] },
      /the layer tax has no state rich/,
    ],
    ['a move back to before', { moves: [{ layer: 'tax', from: ['normal'], to: 'none' }] }, /the layer tax has no state none/],
    [
      'a move from an unknown state',
      { moves: [{ layer: 'tax', from: ['rich'], to: 'normal' }] },
      /the layer tax has no state rich/,
    ],
    [
      'a field that may say an unknown state',
      { moves: [{ layer: 'tax', from: ['none'], to: { field: 'reason', in: ['rich'] } }] },
      /has no state rich/,
    ],
    [
      'a move by a field that is not there',
      { moves: [{ layer: 'tax', from: ['none'], to: { field: 'colour', in: ['normal'] } }] },
      /its schema has no field colour/,
    ],
    [
      'parts named by a field that is not there',
      { moves: [{ layer: 'tax', of: { named: '/colours/*' }, from: ['none'], to: 'normal' }] },
      /its schema has no field colours/,
    ],
    [
      'parts of what has none',
      { moves: [{ layer: 'registration', of: 'open', from: ['active'], to: 'active' }] },
      /which is not per sender/,
    ],
    [
      'other words for parts',
      { moves: [{ layer: 'tax', of: 'all', from: ['none'], to: 'normal' }] },
      /\/moves\/0\/of must be one of "sender", "open"/,
    ],
    ['a state field that is not there', { stateField: 'colour' }, /its schema has no field colour/],
  ])('is told of an order with %s', (_fault, order, expected) => {
    const change = withType('tax.deregistered.v1', (type) => ({ ...type, order: { ...type.order, ...order } }))
    expect(catalogueFaults(change).join('\n')).toMatch(expected)
  })

  test('is told of tables and record schemas that can not be used', () => {
    const view = { assignment: { field: 'addressDivision', table: 'offices.json' }, recordSchema: 'record.json' }
    const change = (catalogue: Catalogue) => ({
      ...catalogue,
      parties: catalogue.parties.map((party) =>
        party.role === 'operator' || party.id === 'local-tax' ? { ...party, view } : party,
      ),
    })
    expect(
      catalogueFaults(change, { 'offices.json': '{"210203":5,"210204":"","210202":"x"}', 'record.json': '{"colour":1}' }),
    ).toEqual([
      'party operator has rules for a view, but is no bureau',
      expect.stringMatching(/^record\.json: .*colour/),
      'offices.json: the office for 210203 must be a text that is not empty',
      'offices.json: the office for 210204 must be a text that is not empty',
    ])
  })
})

describe('a catalogue that is in a log', () => {
  const broken = () => new Map([...shipped, ['registration/tax.imported.v1.json', '{"type": "object", "colour": 1}']])

  test('what earlier versions let into a log stays readable', () => {
    const slow = withKind((kind) => ({ ...kind, personal: [{ path: '/address', mask: 'text', pattern: '^(a+)+$' }] }))
    expect(() => compileNewRules(changed(slow))).toThrow('could be made slow')
    for (const read of [compileRules, loadRules]) expect(read(changed(slow)).kinds.size).toBeGreaterThan(0)
  })

  test('judges every example as the one that was looked at before', () => {
    const [looked, loaded] = [compileRules(shipped), loadRules(shipped)]
    const now = new Date('2026-11-23T00:00:00Z')
    for (const example of examples()) {
      for (const event of [
        cloudEventOf(example, 'id', now),
        { ...cloudEventOf(example, 'id', now), data: { colour: 'red' }, time: 'later' },
      ])
        expect(loaded.types.get(example.type)?.check(event, now)).toEqual(looked.types.get(example.type)?.check(event, now))
    }
  })

  test('compiles no schema before it is asked', () => {
    const files = broken()
    expect(faultsOf(files)).toEqual([expect.stringMatching(/tax\.imported.*colour/)])
    const { types } = loadRules(files)
    const now = new Date('2026-11-23T00:00:00Z')
    for (const example of examples().filter(({ type }) => type !== 'tax.imported.v1'))
      expect(types.get(example.type)?.check(cloudEventOf(example, 'id', now), now).errors).toEqual([])
    expect(() => types.get('tax.imported.v1')?.check({ data: {} }, now)).toThrow(/colour/)
  })

  test('is refused with every other fault', () => {
    const files = changed((catalogue) => ({ ...catalogue, envelope: 'lost.json' }), { 'registration/tax.changed.v1.json': '{' })
    expect(() => loadRules(files)).toThrow(/2 faults[\s\S]*tax\.changed\.v1\.json: it is not JSON[\s\S]*lost\.json is missing/)
  })
})

describe('a second kind', () => {
  let rules: Rules
  beforeAll(async () => {
    rules = compileRules(await readCatalogueFiles(await customsCatalogue()))
  })

  test('is added by files alone: a transfer and a transit live their whole lives', async () => {
    expect([...rules.kinds.keys()]).toEqual(['registration', 'transfer'])
    expect(live(rules, await customsExamples())).toEqual([
      'issued',
      'received',
      'received',
      'lapsed',
      'released',
      'declared',
      'departed',
      'arrived',
    ])
    expect(live(rules, examples()).at(-1)).toBe('active normal deregistered')
  })

  test('has an order and code checks of its own', async () => {
    const all = await customsExamples()
    const issued = all.slice(0, 1)
    const again = (example: Example | undefined, changes: JsonObject = {}): Example[] =>
      example ? [{ ...example, data: { ...example.data, ...changes } }] : []
    expect(live(rules, [...issued, ...issued])).toEqual(['issued', 'already-established'])
    expect(live(rules, [...issued, ...all.slice(4, 5)])).toEqual(['issued', 'status-order'])
    expect(live(rules, all.slice(1, 2))).toEqual(['unknown-subject'])
    expect(live(rules, [...all, ...again(all[2], { effectiveDate: '2026-11-22' })]).at(-1)).toBe('already-closed')
    expect(live(rules, again(all[0], { containerNumbers: ['XTXU0000018'] }))).toEqual(['/data/containerNumbers/0 iso6346-check'])
    expect(live(rules, again(all[0], { consignorUscc: '91350211M000100Y43' }))).toEqual([
      expect.stringMatching(/^\/data\/consignorUscc uscc-/),
    ])
    expect(live(rules, again(all[0], { transferNumber: '09012600000009' }))).toEqual(['/subject subject-differs'])
  })

  test('goes to the other customs office and to nobody else', () => {
    const type = rules.types.get('transfer.issued.v1')
    expect([...(type?.receivers.keys() ?? [])]).toEqual(['customs-regional', 'customs-port'])
    expect(type?.type.excludeSender).toBe(true)
    expect(rules.types.get('registration.established.v1')?.receivers.has('customs-port')).toBe(false)
  })
})

describe('rules of a bureau of its own', () => {
  let rules: Rules
  beforeAll(async () => {
    rules = compileRules(await readCatalogueFiles(await statisticsCatalogue()))
  })

  test('give an office for a division', () => {
    const view = rules.views.get('local-tax')
    expect(view?.assignment?.field).toBe('addressDivision')
    expect(Object.fromEntries(view?.assignment?.offices ?? [])).toEqual(offices)
    expect(view?.checkRecord({ anything: 1 }, '2018-01-02')).toEqual([])
    expect(rules.views.has('state-tax')).toBe(false)
  })

  test('hold records to a schema', () => {
    const view = rules.views.get('statistics')
    expect(view?.assignment).toBeUndefined()
    expect(view?.checkRecord({ enterpriseName: '大连示例', employeeCount: mostEmployees }, '2018-01-02')).toEqual([])
    expect(view?.checkRecord({ employeeCount: mostEmployees + 1 }, '2018-01-02')).toHaveLength(2)
  })

  test('let a bureau receive some fields of some types', () => {
    for (const { type, receivers } of rules.types.values()) {
      const fields = statisticsFields[type.type]
      expect(receivers.has('statistics'), type.type).toBe(fields !== undefined)
      expect(receivers.get('statistics')).toEqual(fields && new Set(fields))
    }
  })

  test('give a bureau that is named twice all that either name gives it', async () => {
    const files = changed(
      withType('registration.revoked.v1', (type) => ({
        ...type,
        receivers: [{ to: 'state-tax', fields: ['uscc'] }, { to: 'group:tax', fields: ['reason'] }, { to: 'local-tax' }],
      })),
    )
    const receivers = compileRules(files).types.get('registration.revoked.v1')?.receivers
    expect(receivers).toEqual(
      new Map([
        ['state-tax', new Set(['uscc', 'reason'])],
        ['local-tax', undefined],
      ]),
    )
  })
})

test('the schema of the catalogue is one of JSON Schema 2020-12', () => {
  const path = join(import.meta.dirname, '..', '..', 'schemas', 'catalogue.schema.json')
  const schema: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (!isJsonObject(schema)) throw new Error('it is no object')
  const ajv = new Ajv2020()
  expect(ajv.validateSchema({ ...schema }), ajv.errorsText()).toBe(true)
})

test('the schema of the catalogue describes every member that a catalogue can have', () => {
  const path = join(import.meta.dirname, '..', '..', 'schemas', 'catalogue.schema.json')
  const schema: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const defs = isJsonObject(schema) && isJsonObject(schema.$defs) ? schema.$defs : {}
  for (const name of ['party', 'kind', 'layer', 'type', 'move', 'text'])
    expect(defs[name], name).toMatchObject({ type: expect.anything(), additionalProperties: false })
})

test('of one catalogue after another each has the faults and the checks of its own files', () => {
  const name = 'registration/registration.established.v1.json'
  const schema: JsonObject = JSON.parse(shipped.get(name) ?? '')
  const withSchema = (changes: object): Files => new Map([...shipped, [name, JSON.stringify({ ...schema, ...changes })]])
  const faulty = withSchema({ type: 'objekt' })
  const closed = withSchema({ maxProperties: 1 })
  const [established] = examples().filter(({ type }) => type === 'registration.established.v1')
  if (established === undefined) throw new Error('there is no example of an establishment')
  const now = new Date('2026-11-23T00:00:00Z')
  const event = cloudEventOf(established, 'e-1', now)
  const codesOf = (files: Files) =>
    compileRules(files)
      .types.get(established.type)
      ?.check(event, now)
      .errors.map(({ code }) => code)
  for (let again = 0; again < 2; again++) {
    expect(faultsOf(shipped)).toEqual([])
    expect(codesOf(shipped)).toEqual([])
    expect(faultsOf(faulty)).toEqual(faultsOf(faulty))
    expect(faultsOf(faulty)[0]).toContain(name)
    expect(codesOf(closed)).toEqual(['too-many-fields'])
    expect(codesOf(closed)).toEqual(['too-many-fields'])
  }
})
