import { expect, it } from 'vitest'
import { oneAtATime } from '../../src/arrival/one-at-a-time.ts'

it('a question that many ask at once is put once, and anew when it is answered, also badly', async () => {
  let asked = 0
  const ask = oneAtATime(async () => {
    asked += 1
    if (asked === 1) throw new Error('the database is away')
    return asked
  })
  const first = await Promise.allSettled([ask(), ask(), ask()])
  expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(asked).toBe(1)
  expect(await Promise.all([ask(), ask()])).toEqual([2, 2])
  expect(await ask()).toBe(3)
})
