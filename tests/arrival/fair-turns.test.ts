import { expect, it } from 'vitest'
import { FairTurns, type Turn } from '../../src/arrival/fair-turns.ts'

/** Notes who gets a turn, and ends the turns one after the other. */
function taking(turns: FairTurns) {
  const got: string[] = []
  const open: Turn[] = []
  const take = async (name: string) => {
    const turn = await turns.begin(name.slice(0, 1))
    got.push(name)
    open.push(turn)
  }
  const endOne = async () => {
    open.shift()?.end()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { got, take, endOne }
}

it('gives so many turns at once, and those who wait get theirs by lane, each lane in its own order', async () => {
  const turns = new FairTurns({ atOnce: 2, waitingOfLane: 100, keptMs: 1, waitMs: 60_000 })
  const { got, take, endOne } = taking(turns)
  const all = ['a0', 'a1', 'a2', 'a3', 'a4', 'b0', 'b1', 'c0'].map(take)
  await Promise.all(all.slice(0, 2))
  expect(got).toEqual(['a0', 'a1'])
  expect(turns.waiting).toBe(6)
  for (let n = 0; n < all.length; n++) await endOne()
  await Promise.all(all)
  expect(got).toEqual(['a0', 'a1', 'a2', 'b0', 'c0', 'a3', 'b1', 'a4'])
  expect(turns.waiting).toBe(0)
})

it('sends away who has too many waiting, and still takes others', async () => {
  const { got, take, endOne } = taking(new FairTurns({ atOnce: 1, waitingOfLane: 2, keptMs: 1, waitMs: 60_000 }))
  const taken = ['a0', 'a1', 'a2'].map(take)
  await expect(take('a3')).rejects.toMatchObject({ name: 'LogBusy', code: 'too-many-requests' })
  taken.push(take('b0'))
  for (let n = 0; n < taken.length; n++) await endOne()
  await Promise.all(taken)
  expect(got).toEqual(['a0', 'a1', 'b0', 'a2'])
  // and its places are free again
  await take('a4')
})

it('a turn that is ended twice is ended once', async () => {
  const turns = new FairTurns({ atOnce: 1, waitingOfLane: 2, keptMs: 1, waitMs: 60_000 })
  const first = await turns.begin('a')
  first.end()
  first.end()
  const only = await turns.begin('a')
  const second = turns.begin('a')
  expect(turns.waiting).toBe(1)
  only.end()
  await second
})

it('who waits too long is sent away as overloaded, and the turn goes to who waits still', async () => {
  const turns = new FairTurns({ atOnce: 1, waitingOfLane: 2, keptMs: 1, waitMs: 20 })
  const first = await turns.begin('a')
  await expect(turns.begin('a')).rejects.toMatchObject({ name: 'LogBusy', code: 'overloaded' })
  expect(turns.waiting).toBe(0)
  const still = turns.begin('b')
  first.end()
  const second = await still
  second.end()
  // nobody's turn was lost with those who went
  await turns.begin('a')
})
