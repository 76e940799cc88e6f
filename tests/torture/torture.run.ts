import { expect, it } from 'vitest'
import { torture } from './torture.ts'

const {
  TORTURE_MINUTES: minutes = '3',
  TORTURE_SEED: seed = '1',
  TORTURE_KEEP: keep = '',
  TORTURE_TMPFS: tmpfs = '',
} = process.env

it('is hard to kill', { timeout: 0 }, async () => {
  const options = { minutes: Number(minutes), seed: Number(seed), keep: keep !== '', tmpfs: tmpfs !== '' }
  expect(await torture(options, (line) => console.log(line))).toBe(true)
})
