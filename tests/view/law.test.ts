import { describe, expect, test } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { compileRules } from '../../src/catalogue/compile.ts'
import { readCatalogueFiles } from '../../src/catalogue/load.ts'
import { type AcceptedEvent, foldRecord } from '../../src/domain/record.ts'
import { lawAt } from '../../src/view/law.ts'
import { recordRules } from '../../src/view/record-rules.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'
import { examples } from '../support/examples.ts'

const rules = compileRules(await readCatalogueFiles(shippedCatalogue))
const [established] = examples()
if (established === undefined) throw new Error('there are no examples')

const event = (index: number): AcceptedEvent => ({
  index,
  sender: 'commerce',
  type: established.type,
  kind: 'registration',
  subject: established.subject,
  received: '2026-11-23T08:00:00.000Z',
  time: '2026-11-23T08:00:00Z',
  data: established.data,
})

/** A later catalogue in which nothing may be established any more. */
const strict: Catalogue = {
  ...rules.catalogue,
  types: rules.catalogue.types.map((type) =>
    type.type === established.type
      ? { ...type, order: { ...type.order, rules: [{ rule: 'known' as const, code: 'unknown-subject' as const }] } }
      : type,
  ),
}
const strictRules = compileRules(new Map([...rules.files, ['catalogue.json', JSON.stringify(strict)]]))
const catalogues = [
  { index: 0, catalogue: rules.catalogue },
  { index: 50, catalogue: strict },
]

describe('a view that is folded after the rules have changed', () => {
  const view = recordRules(strictRules, 'local-tax', 'registration')
  if (view === undefined) throw new Error('no such view')

  test('takes an event by the order in force at its index', () => {
    expect(foldRecord(undefined, event(10), view, lawAt(catalogues, event(10)))).toHaveProperty('record.status', 'active')
  })

  test('judges what came after the change by the new order', () => {
    expect(lawAt(catalogues, event(51))).toBeUndefined()
    expect(foldRecord(undefined, event(51), view, lawAt(catalogues, event(51)))).toHaveProperty('parked.cause', 'state-conflict')
  })

  test('asks for no other order while there has been one catalogue', () => {
    expect(lawAt(catalogues.slice(0, 1), event(10))).toBeUndefined()
  })
})
