import { expect, it } from 'vitest'
import { torture } from './torture.ts'

const { TORTURE_MINUTES: minutes = '3', TORTURE_SEED: seed = '1', TORTURE_KEEP: keep = '' } = process.env

it('is hard to kill', { timeout: 0 }, async () => {
  const wrong = await torture({ minutes: Number(minutes), seed: Number(seed), keep: keep !== '' }, (line) => console.log(line))
  expect(wrong.length).toBe(0)
})
