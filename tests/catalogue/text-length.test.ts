import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codePoints, countFewer } from '../../src/catalogue/text-length.ts'

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.array(fc.constantFrom('a', '联', '\u{20bb7}', '\ud842', '\udfb7'), { maxLength: 12 }).map((parts) => parts.join('')),
)

test('characters are code points', () => {
  fc.assert(
    fc.property(anyText, (text) => codePoints(text) === [...text].length),
    { numRuns: 1000 },
  )
})

test('a text is too long or too short exactly where Ajv says so by itself, in the same words and order', () => {
  const ours = new Ajv2020({ allErrors: true, strict: true })
  countFewer(ours)
  const theirs = new Ajv2020({ allErrors: true, strict: true })
  const schemas = new Map(
    Array.from({ length: 49 }, (_, i) => {
      const schema = { type: 'string', pattern: '^a', minLength: i % 7, maxLength: Math.floor(i / 7), enum: ['a', ''] }
      return [i, [ours.compile(schema), theirs.compile(schema)] as const]
    }),
  )
  fc.assert(
    fc.property(anyText, fc.nat(48), (text, i) => {
      const [check, expected] = schemas.get(i) ?? []
      expect(check?.(text)).toBe(expected?.(text))
      expect(check?.errors).toEqual(expected?.errors)
    }),
    { numRuns: 2000 },
  )
})
