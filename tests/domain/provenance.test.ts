import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Origin, originsOf, type Provenance, provenanceAfter, provenanceWithout } from '../../src/domain/provenance.ts'

const at = (index: number): Origin => ({ index, source: 'commerce', time: `2026-11-25T08:00:0${index}+08:00` })
const dismissal = (index: number) => ({ index, operation: 90 + index, reason: 'sent twice' })

const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'tax.x.a', '__proto__'), { maxLength: 5 })
const events = fc.array(fc.record({ brought: names, removed: names, dismissed: fc.boolean() }), { maxLength: 8 })

describe('provenance', () => {
  test('says of each field what a table of one origin for each field says', () => {
    fc.assert(
      fc.property(events, (list) => {
        const table = new Map<string, Origin>()
        let provenance: Provenance = []
        for (const [index, { brought, removed, dismissed }] of list.entries()) {
          if (dismissed) {
            for (const field of brought) table.set(field, { ...(table.get(field) ?? at(index)), dismissed: dismissal(index) })
            provenance = provenanceWithout(provenance, brought, at(index), dismissal(index))
            continue
          }
          for (const field of removed) table.delete(field)
          for (const field of brought) table.set(field, at(index))
          provenance = provenanceAfter(provenance, brought, removed, at(index))
        }
        expect(new Map(Object.entries(originsOf(provenance)))).toEqual(table)
      }),
    )
  })

  test('says an origin once for all fields that one event brought, in one order', () => {
    const first = provenanceAfter([], ['b', 'a', 'c'], [], at(1))
    expect(provenanceAfter(first, ['b'], [], at(2))).toEqual([
      { ...at(1), fields: ['a', 'c'] },
      { ...at(2), fields: ['b'] },
    ])
  })

  test('has the fields of each origin in order, whatever lists of fields came before', () => {
    const lists = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'a,b', 'a","b', 'c', '', '大'), { maxLength: 5 }))
    fc.assert(
      fc.property(lists, (given) => {
        for (const fields of given)
          expect(provenanceAfter([], fields, [], at(1))).toEqual(
            fields.length === 0 ? [] : [{ ...at(1), fields: [...fields].sort() }],
          )
      }),
    )
  })

  test('reads a row that says it for each field, and stores it the new way once an event changes it', () => {
    const older = { a: at(1), b: at(1), c: { ...at(1), dismissed: dismissal(3) } }
    expect(originsOf(older)).toEqual(older)
    const after = provenanceAfter(older, ['b'], [], at(4))
    expect(after).toEqual([
      { ...at(1), fields: ['a'] },
      { ...at(1), dismissed: dismissal(3), fields: ['c'] },
      { ...at(4), fields: ['b'] },
    ])
    expect(originsOf(after)).toEqual({ ...older, b: at(4) })
  })
})
