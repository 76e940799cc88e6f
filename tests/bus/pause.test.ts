import { expect, it } from 'vitest'
import { Pace } from '../../src/bus/pause.ts'

it.each([
  { tookMs: 3, everyMs: 20 },
  { tookMs: 40, everyMs: 80 },
  { tookMs: 400, everyMs: 500 },
])('a round that took $tookMs ms is followed by one $everyMs ms after it began, at the earliest', ({ tookMs, everyMs }) => {
  let nowMs = 1000
  const pace = new Pace(20, () => nowMs)
  expect(pace.waitMs).toBe(0)
  pace.begin()
  nowMs += tookMs
  pace.end()
  expect(pace.waitMs).toBe(everyMs - tookMs)
  nowMs = 1000 + everyMs
  expect(pace.waitMs).toBe(0)
})

it('a wait ends at once when its signal aborts', async () => {
  const stop = new AbortController()
  const pace = new Pace(600_000)
  pace.begin()
  pace.end()
  const waiting = pace.wait(stop.signal)
  stop.abort()
  await waiting
  expect(pace.waitMs).toBeGreaterThan(0)
})
