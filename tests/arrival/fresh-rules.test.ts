import { expect, it } from 'vitest'
import { sharedRefresh } from '../../src/arrival/fresh-rules.ts'

it('whoever meets an unknown key while the rules are being read waits for the same reading', async () => {
  let finish = (): void => undefined
  let readings = 0
  const refresh = sharedRefresh(
    () => {
      readings += 1
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    },
    () => 0,
  )
  const answered: string[] = []
  const both = Promise.all([refresh().then(() => answered.push('first')), refresh().then(() => answered.push('second'))])
  await new Promise((resolve) => setImmediate(resolve))
  expect(answered).toEqual([])
  finish()
  await both
  expect(answered).toEqual(['first', 'second'])
  expect(readings).toBe(1)
})

it('unknown keys without number cost one reading a second', async () => {
  let nowMs = 5000
  let readings = 0
  const refresh = sharedRefresh(
    async () => {
      readings += 1
    },
    () => nowMs,
  )
  for (let i = 0; i < 100; i++) await refresh()
  nowMs += 999
  await refresh()
  expect(readings).toBe(1)
  nowMs += 1
  await refresh()
  expect(readings).toBe(2)
})

it('a reading that fails fails for all who waited, and the next second tries again', async () => {
  let nowMs = 0
  const readings = [Promise.reject(new Error('the database is away')), Promise.resolve()]
  const refresh = sharedRefresh(
    () => readings.shift() ?? Promise.resolve(),
    () => nowMs,
  )
  const waited = await Promise.allSettled([refresh(), refresh()])
  expect(waited.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  nowMs += 1000
  await refresh()
  expect(readings).toEqual([])
})
