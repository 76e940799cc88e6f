import { afterEach, expect, it, vi } from 'vitest'
import { whileHeartbeating } from '../../src/bus/heartbeating.ts'

const intervalMs = 60

afterEach(() => void vi.useRealTimers())

it('heartbeats are asked for oftener than kafkajs sends them while work takes long, and once after it', async () => {
  vi.useFakeTimers()
  let asked = 0
  const heartbeat = async () => {
    asked += 1
  }
  let done: (value: string) => void = () => undefined
  const work = new Promise<string>((resolve) => {
    done = resolve
  })
  const waiting = whileHeartbeating(work, heartbeat, intervalMs)
  await vi.advanceTimersByTimeAsync(10 * intervalMs)
  expect(asked).toBeGreaterThanOrEqual(20)
  const before = asked
  done('applied')
  expect(await waiting).toBe('applied')
  expect(asked).toBe(before + 1)
  expect(vi.getTimerCount()).toBe(0)
})

it('a heartbeat that fails ends the wait, during the work and after it', async () => {
  const fails = () => Promise.reject(new Error('The group is rebalancing'))
  await expect(whileHeartbeating(new Promise(() => undefined), fails, intervalMs)).rejects.toThrow('rebalancing')
  await expect(whileHeartbeating(Promise.resolve(1), fails, 60_000)).rejects.toThrow('rebalancing')
})

it('work that fails is told as it is', async () => {
  const heartbeat = async () => undefined
  await expect(whileHeartbeating(Promise.reject(new Error('of the work')), heartbeat, intervalMs)).rejects.toThrow('of the work')
})
