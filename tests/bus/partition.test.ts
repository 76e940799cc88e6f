import fc from 'fast-check'
import { expect, it } from 'vitest'
import { partitionOf } from '../../src/bus/partition.ts'

// computed with org.apache.kafka.common.utils.Utils: toPositive(murmur2(key)) % 12 and % 997
const ofKafka: readonly [subject: string, of12: number, of997: number][] = [
  ['', 9, 109],
  ['a', 4, 104],
  ['ab', 2, 752],
  ['abc', 3, 843],
  ['abcd', 8, 39],
  ['91210200MA0XXXXX01', 1, 472],
  ['91210231MA10A1B2C3', 1, 190],
  ['公司', 6, 537],
  ['中华人民共和国', 0, 762],
]

it.each(ofKafka)('puts %j where the Java client puts it', (subject, of12, of997) => {
  expect(partitionOf(subject, 12)).toBe(of12)
  expect(partitionOf(subject, 997)).toBe(of997)
})

it('always names a partition that exists', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 500 }), (subject, count) => {
      const partition = partitionOf(subject, count)
      return Number.isInteger(partition) && partition >= 0 && partition < count
    }),
  )
})
