import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Catalogue, EventType } from '../../src/catalogue/catalogue.ts'
import { catalogueFolder } from './catalogue-folder.ts'

/** Offices of local tax; a division that is not here has none. */
export const offices: Readonly<Record<string, string>> = {
  '210202': '中山税务所',
  '210203': '西岗税务所',
  '210204': '沙河口税务所',
}

const identity = ['uscc', 'enterpriseName', 'effectiveDate']
const industry = ['addressDivision', 'industrySection', 'industryCode', 'employeeCount']

/** What a statistics bureau receives: no type of tax, and of a registration no person. */
export const statisticsFields: Readonly<Record<string, readonly string[]>> = {
  'registration.established.v1': [...identity, ...industry, 'registrationState'],
  'registration.imported.v1': [...identity, ...industry, 'registrationState'],
  'registration.changed.v1': [...identity, ...industry],
  'registration.cancelled.v1': [...identity, 'registrationState'],
}

/** More than this in one company is a slip of the pen: the record schema of statistics refuses it. */
export const mostEmployees = 100_000

/**
 * The shipped catalogue with views of their own: local-tax gives each company an office, and a bureau `statistics` receives
 * some fields of some types and holds its records to a schema.
 */
export async function statisticsCatalogue(): Promise<string> {
  const path = await catalogueFolder((shipped) => ({
    ...shipped,
    parties: parties(shipped),
    types: shipped.types.map(alsoToStatistics),
  }))
  await writeFile(join(dirname(path), 'offices.json'), JSON.stringify(offices))
  await writeFile(join(dirname(path), 'statistics-record.json'), JSON.stringify(recordSchema))
  return path
}

function parties(shipped: Catalogue): Catalogue['parties'] {
  const assignment = { field: 'addressDivision', table: 'offices.json' }
  return [
    ...shipped.parties.map((party) => (party.id === 'local-tax' ? { ...party, view: { assignment } } : party)),
    {
      id: 'statistics',
      role: 'bureau',
      name: { en: 'Statistics bureau', zh: '统计局' },
      view: { recordSchema: 'statistics-record.json' },
    },
  ]
}

function alsoToStatistics(type: EventType): EventType {
  const fields = statisticsFields[type.type]
  return fields ? { ...type, receivers: [...type.receivers, { to: 'statistics', fields }] } : type
}

const recordSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['enterpriseName'],
  properties: {
    enterpriseName: { type: 'string', minLength: 1 },
    employeeCount: { type: 'integer', maximum: mostEmployees },
  },
}
