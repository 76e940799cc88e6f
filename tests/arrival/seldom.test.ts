import { expect, it } from 'vitest'
import { Seldom } from '../../src/arrival/seldom.ts'

it('what happens again and again is said at once, then once in a while with how often it happened since', () => {
  let now = 0
  const said: number[] = []
  const seldom = new Seldom(10_000, () => now)
  for (; now < 25_000; now += 100) seldom.note((times) => said.push(times))
  expect(said).toEqual([1, 100, 100])
  now += 60_000
  seldom.note((times) => said.push(times))
  expect(said, 'another time, much later').toEqual([1, 100, 100, 1])
})
