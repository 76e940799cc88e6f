import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Appendable, Appended, OperationToAppend, RulesToAppend } from '../../src/log/appendable.ts'
import { GroupCommit, LogBusy, maxBatch, maxWaiting, maxWaitingOfParty } from '../../src/log/group-commit.ts'

const operation = (party: string, n: number): OperationToAppend => ({
  kind: 'operation',
  party,
  text: () => '{}',
  digest: Buffer.from(`${party} ${n}`),
})
const change = (party: string): RulesToAppend => ({
  kind: 'key',
  party,
  text: () => '{}',
  refuse: () => Promise.resolve(undefined),
})

/** A commit that waits until it is let go, and keeps what it was given. */
function heldCommit() {
  const batches: (readonly Appendable[])[] = []
  let letGo: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const commit = async (batch: readonly Appendable[]): Promise<readonly Appended[]> => {
    batches.push(batch)
    await held
    return batch.map((_, i) => ({ outcome: 'repeated', index: i, received: '', warnings: [] }))
  }
  return { batches, commit, letGo: () => letGo() }
}

/** Lets the first commit begin, so that what comes then has to wait. */
async function firstUnderWay(group: GroupCommit) {
  const first = group.append(operation('first', 0))
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  return first
}

it('what arrives together is one batch, and what arrives meanwhile shares the next', async () => {
  const { batches, commit, letGo } = heldCommit()
  const group = new GroupCommit(commit)
  const first = Array.from({ length: 5 }, (_, n) => group.append(operation('a', n)))
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  const second = Array.from({ length: 7 }, (_, n) => group.append(operation('b', n)))
  letGo()
  await Promise.all([...first, ...second])
  expect(batches.map(({ length }) => length)).toEqual([5, 7])
})

it('while commits are slow, few items wait for more; many, and one alone, go at once', async () => {
  const batches: number[] = []
  const commit = async (batch: readonly Appendable[]): Promise<readonly Appended[]> => {
    batches.push(batch.length)
    // slow, as on a full machine
    await pause(10)
    return batch.map((_, i) => ({ outcome: 'repeated', index: i, received: '', warnings: [] }))
  }
  const group = new GroupCommit(commit)
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const first = group.append(operation('first', 0))
  await turn()
  await turn()
  expect(batches, 'one alone').toEqual([1])
  const few = group.append(operation('a', 1))
  await first
  await turn()
  const more = group.append(operation('a', 2))
  await Promise.all([few, more])
  expect(batches, 'few').toEqual([1, 2])
  const again = group.append(operation('again', 0))
  await turn()
  await turn()
  const many = Array.from({ length: 8 }, (_, n) => group.append(operation('b', n)))
  await again
  await turn()
  const late = group.append(operation('b', 8))
  await Promise.all([...many, late])
  expect(batches, 'many').toEqual([1, 2, 1, 8, 1])
})

it('a party beyond its share is sent away with too-many-requests, others are still taken', async () => {
  const { commit, letGo } = heldCommit()
  const group = new GroupCommit(commit)
  const taken = [firstUnderWay(group)]
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  for (let n = 0; n < maxWaitingOfParty; n++) taken.push(group.append(operation('a', n)))
  const refused = group.append(operation('a', maxWaitingOfParty))
  await expect(refused).rejects.toBeInstanceOf(LogBusy)
  await expect(refused).rejects.toMatchObject({ code: 'too-many-requests' })
  taken.push(group.append(operation('b', 0)))
  letGo()
  expect(await Promise.all(taken)).toHaveLength(maxWaitingOfParty + 2)
  // and its share is free again
  await group.append(operation('a', maxWaitingOfParty))
})

it('a full queue sends everybody away as overloaded', async () => {
  const { batches, commit, letGo } = heldCommit()
  const group = new GroupCommit(commit)
  const taken = [firstUnderWay(group)]
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  for (let n = 0; n < maxWaiting; n++) taken.push(group.append(operation(`party-${n % 8}`, n)))
  await expect(group.append(operation('late', 0))).rejects.toMatchObject({ name: 'LogBusy', code: 'overloaded' })
  letGo()
  await Promise.all(taken)
  expect(batches.slice(1).map(({ length }) => length)).toEqual(Array(maxWaiting / maxBatch).fill(maxBatch))
  await group.append(operation('late', 0))
})

it('a change of the rules is committed alone and keeps its place', async () => {
  const { batches, commit, letGo } = heldCommit()
  const group = new GroupCommit(commit)
  const items = [operation('a', 0), operation('a', 1), change('a'), change('b'), operation('a', 2)]
  const answers = items.map((item) => group.append(item))
  letGo()
  await Promise.all(answers)
  expect(batches).toEqual([[items[0], items[1]], [items[2]], [items[3]], [items[4]]])
})

it('close answers all that was taken, and takes nothing more', async () => {
  const { commit, letGo } = heldCommit()
  const group = new GroupCommit(commit)
  const taken = Array.from({ length: maxBatch + 10 }, (_, n) => group.append(operation('a', n)))
  let closed = false
  const closing = group.close().then(() => {
    closed = true
  })
  await expect(group.append(operation('b', 0))).rejects.toMatchObject({ code: 'overloaded' })
  expect(closed).toBe(false)
  letGo()
  await closing
  expect(await Promise.all(taken)).toHaveLength(maxBatch + 10)
})

it('a commit that fails is the answer of its batch alone', async () => {
  let calls = 0
  const group = new GroupCommit(async (batch) => {
    calls += 1
    if (calls === 1) throw new Error('the database is away')
    return batch.map(() => ({ outcome: 'repeated', index: 0, received: '', warnings: [] }))
  })
  const first = group.append(operation('a', 0))
  await expect(first).rejects.toThrow('away')
  await expect(group.append(operation('a', 1))).resolves.toMatchObject({ outcome: 'repeated' })
})

it('a flood of one party holds up nobody else: where not all fit into a batch, parties take turns', async () => {
  const { batches, commit, letGo } = heldCommit()
  const group = new GroupCommit(commit)
  const taken = [firstUnderWay(group)]
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  const flood = Array.from({ length: maxWaitingOfParty }, (_, n) => operation('flood', n))
  const others = ['a', 'b', 'a'].map((party, n) => operation(party, n))
  for (const item of [...flood, ...others]) taken.push(group.append(item))
  letGo()
  await Promise.all(taken)
  const [, second = [], third = []] = batches
  expect(second).toHaveLength(maxBatch)
  // each in its own order, and the flood takes what the others leave
  const [floods, rest] = [new Set<Appendable>(flood), new Set<Appendable>(others)]
  expect(second.filter((item) => rest.has(item))).toEqual(others)
  expect([...second, ...third].filter((item) => floods.has(item))).toEqual(flood.slice(0, 2 * maxBatch - others.length))
})
