import { expect, it } from 'vitest'
import { Pace } from '../../src/bus/pause.ts'

it.each([
  { tookMs: 3, everyMs: 20 },
  { tookMs: 40, everyMs: 80 },
  { tookMs: 400, everyMs: 500 },
])('a round that took $tookMs ms is followed by one $everyMs ms after it began, at the earliest', ({ tookMs, everyMs }) => {
  let nowMs = 1000
  const pace = new Pace(() => nowMs)
  expect(pace.waitMs).toBe(0)
  pace.begin()
  nowMs += tookMs
  pace.end()
  expect(pace.waitMs).toBe(everyMs - tookMs)
  nowMs = 1000 + everyMs
  expect(pace.waitMs).toBe(0)
})
