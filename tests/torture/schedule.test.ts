import { expect, it } from 'vitest'
import { faultsOf, roles } from './schedule.ts'

const seeds = Array.from({ length: 50 }, (_, seed) => seed)

it('hurts the same processes at the same moments for the same seed, and others for another', () => {
  for (const seed of seeds) expect(faultsOf(seed, 5)).toEqual(faultsOf(seed, 5))
  expect(new Set(seeds.map((seed) => JSON.stringify(faultsOf(seed, 5)))).size).toBe(seeds.length)
})

it('a shorter run has the faults of a longer one that are over in its time', () => {
  for (const seed of seeds)
    expect(faultsOf(seed, 10).filter(({ atMs, forMs }) => atMs + forMs < 3 * 60_000)).toEqual(faultsOf(seed, 3))
})

it('ends every fault before the time is over, and hurts a process again only when the last fault is', () => {
  for (const seed of seeds) {
    const faults = faultsOf(seed, 4)
    for (const { atMs, forMs } of faults) expect(atMs + forMs).toBeLessThan(4 * 60_000)
    for (const target of Object.values(roles).flat()) {
      const own = faults.filter((fault) => fault.target === target)
      for (const [i, { atMs }] of own.slice(1).entries()) expect(atMs).toBeGreaterThan((own[i]?.atMs ?? 0) + (own[i]?.forMs ?? 0))
    }
  }
})
