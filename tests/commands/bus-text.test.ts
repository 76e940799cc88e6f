import { expect, it } from 'vitest'
import { busText, checkText } from '../../src/commands/bus-text.ts'

const at = '2026-11-24T13:05:10.000Z'
const check = { completedSize: 500, completedBehind: 0, completedAt: at, startedAt: null, healedInRound: 0, healed: 0 }

it('a check of a view that is behind does not read as one of the whole log', () => {
  const whole = checkText({ bureau: 'state-tax', ...check })
  expect(whole).toBe(`the view of state-tax was checked against 500 entries at ${at}: nothing was missing\n`)
  expect(checkText({ bureau: 'state-tax', ...check, completedBehind: 312 })).toBe(
    `${whole}the view is behind: 312 events of them it had not taken in, and they were not checked; ask again when it has caught up\n`,
  )
  // by an older consumer, which did not count them
  expect(checkText({ bureau: 'state-tax', ...check, completedBehind: null })).toBe(whole)
})

it('and neither does the table of the bus', () => {
  const consumer = { bureau: 'state-tax', lagEvents: 0, lagSince: null, partitions: [] }
  const table = (completedBehind: number) =>
    busText({
      bus: 'embedded',
      topics: [],
      republications: [],
      consumers: [{ ...consumer, check: { ...check, completedBehind } }],
    })
  expect(table(312)).toMatch(/ 500 \(312 behind\) +2026-/)
  expect(table(0)).toMatch(/ 500 +2026-/)
})

it('a view that can’t be read has a line of its own', () => {
  const viewFaults = [{ bureau: 'state-tax', fault: 'it can’t be read: PostgresError 42P01' }]
  const status = { bus: 'embedded', topics: [], republications: [], consumers: [] }
  expect(busText({ ...status, viewFaults })).toContain('\nthe view of state-tax: it can’t be read: PostgresError 42P01\n')
  // by an older gateway
  expect(busText(status)).not.toContain('the view of')
})
