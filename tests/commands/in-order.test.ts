import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inSubjectOrder } from '../../src/commands/in-order.ts'

interface Item {
  readonly subject: string
  readonly n: number
  /** turns of the event loop that its work takes */
  readonly turns: number
}

async function* given(items: readonly Item[], read: { count: number }): AsyncGenerator<Item> {
  for (const item of items) {
    read.count++
    yield item
  }
}

describe('work side by side', () => {
  it('items of one subject are worked on one after another, in their order, never more than allowed at once', async () => {
    const item = fc.record({ subject: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(3) })
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), async (items, concurrency) => {
        const done: Item[] = []
        const working = new Set<string>()
        const read = { count: 0 }
        const lookAhead = concurrency * 2
        const order = { concurrency, lookAhead, subjectOf: ({ subject }: Item) => subject, stopped: () => false }
        const all = items.map((one, n) => ({ ...one, n }))
        await inSubjectOrder(given(all, read), order, async (one) => {
          expect(working.has(one.subject)).toBe(false)
          working.add(one.subject)
          expect(working.size).toBeLessThanOrEqual(concurrency)
          for (let turn = 0; turn < one.turns; turn++) await setImmediate()
          working.delete(one.subject)
          done.push(one)
          // one more may have been read and wait for its place
          expect(read.count - done.length).toBeLessThanOrEqual(lookAhead + 1)
        })
        expect(done).toHaveLength(all.length)
        for (const subject of ['a', 'b', 'c']) {
          const order = done.filter((one) => one.subject === subject).map(({ n }) => n)
          expect(order).toEqual([...order].sort((a, b) => a - b))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('what comes behind a slow subject does not wait for it', async () => {
    const items = ['slow', 'slow', 'a', 'b', 'c', 'd'].map((subject, n) => ({ subject, n, turns: 0 }))
    const done: number[] = []
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const order = { concurrency: 2, lookAhead: 8, subjectOf: ({ subject }: Item) => subject, stopped: () => false }
    await inSubjectOrder(given(items, { count: 0 }), order, async ({ subject, n }) => {
      if (n === 0) await held
      done.push(n)
      if (subject === 'd') release()
    })
    expect(done).toEqual([2, 3, 4, 5, 0, 1])
  })

  it('after a stop nothing more is read', async () => {
    const items = Array.from({ length: 100 }, (_, n) => ({ subject: String(n), n, turns: 0 }))
    const read = { count: 0 }
    let worked = 0
    const order = { concurrency: 1, lookAhead: 2, subjectOf: ({ subject }: Item) => subject, stopped: () => worked >= 3 }
    await inSubjectOrder(given(items, read), order, async () => {
      worked++
    })
    expect(read.count).toBeLessThan(10)
  })
})
