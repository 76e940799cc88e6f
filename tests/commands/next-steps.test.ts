import { expect, it } from 'vitest'
import { replayText } from '../../src/commands/replay-text.ts'
import { rebuildText } from '../../src/commands/view-rebuild-text.ts'

const planned = (applied: number, failed: number) =>
  replayText({ id: 41, bureau: 'local-tax', state: 'planned', plan: { subjects: applied + failed, events: 13, applied, failed } })

it.each([
  ['something would be applied', 13, 1, /\nnext: lianban replay canary 41 /],
  ['nothing would be applied', 0, 13, /\nnext: cure what would fail, then plan again\n$/],
  ['nothing is parked', 0, 0, /^(?!.*next)/s],
])('a plan by which %s says what to do next', (_, applied, failed, says) => {
  expect(planned(applied, failed)).toMatch(says)
})

it('a comparison does not say which of the two views holds events back, since either may', () => {
  const result = { subjects: 17, different: 2, missing: 0, extra: 0, parked: 1, behind: 0, examples: [] }
  expect(rebuildText({ id: 48, bureau: 'local-tax', state: 'ready', note: null, result })).toContain(
    '2 with other values, 1 with other events parked',
  )
})

it('a rebuild whose swap waits for a second person asks nobody to swap it again', () => {
  const ready = { id: 48, bureau: 'local-tax', state: 'ready', note: null }
  expect(rebuildText(ready)).toContain('next: lianban view swap 48')
  expect(rebuildText(ready, false)).not.toContain('view swap')
})
