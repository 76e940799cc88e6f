import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedPattern, slowness } from '../../src/catalogue/bounded-pattern.ts'
import { schemaFaults } from '../../src/catalogue/validators.ts'

describe('a pattern', () => {
  it.each([
    '^[0-9]{8,20}$',
    '^(0|[1-9][0-9]{0,13})(\\.[0-9]{1,6})?$',
    '^\\P{Cc}+$',
    '^([0-9]{16}|[0-9]{13})$',
    '^.{20}$',
    '^1',
    '[0-9]{4}',
    '^[\\]a+(*]{1,9}\\(\\u{1F600}(?<name>x{2}){1,3}$',
    '^a|^b+$',
  ])('that cannot be made slow is taken: %s', (pattern) => expect(slowness(pattern)).toBeUndefined())

  it.each([
    ['^(a+)+$', 'could be made slow: begin it with ^'],
    ['^(a|aa)+$', 'could be made slow'],
    ['^(a?){40}$', 'could be made slow'],
    ['^([a-z]+\\.)*x$', 'could be made slow'],
    ['^.*a.*b$', 'could be made slow'],
    ['^a*a*a*$', 'could be made slow'],
    ['^(?:(?<x>a{1,9}){1,9})$', 'could be made slow'],
    ['[0-9]+$', 'could be made slow'],
    ['^a|b+$', 'could be made slow'],
    ['^a{1,200}b{1,200}$', 'could be made slow'],
    ['^(a)\\1$', 'a reference back to a group'],
    ['^(?<x>a)\\k<x>$', 'a reference back to a group'],
    ['^(?=.*a)b$', 'a look to either side'],
    ['^(?<!a)b$', 'a look to either side'],
  ])('that could be is refused: %s', (pattern, words) => {
    expect(slowness(pattern)).toContain(words)
    expect(schemaFaults({ type: 'object', properties: { a: { type: 'string', pattern } } })).toEqual([slowness(pattern)])
    expect(schemaFaults({ type: 'object', patternProperties: { [pattern]: {} } })).toContain(slowness(pattern))
  })

  it('finds what RegExp finds, and nothing in a text that is too long for any', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        expect(new BoundedPattern('^[a-z]{1,20}').test(text)).toBe(/^[a-z]{1,20}/u.test(text))
      }),
    )
    expect(new BoundedPattern('^a+$').test('a'.repeat(4096))).toBe(true)
    expect(new BoundedPattern('^a+$').test('a'.repeat(4097))).toBe(false)
  })

  it('of the shipped schemas is none that could be made slow', () => {
    const folder = join(import.meta.dirname, '..', '..', 'schemas')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.v\d+\.json$|event\.json$/.test(name),
    )
    expect(files.length).toBeGreaterThan(10)
    for (const name of files) expect(schemaFaults(JSON.parse(readFileSync(join(folder, name), 'utf8'))), name).toEqual([])
  })
})
