import { setTimeout } from 'node:timers/promises'
import { type Bureaus, indexOf } from './e2e-bureaus.ts'
import type { Example } from './examples.ts'

export interface SteadyLoad {
  /** Offers nothing more and waits for every answer. @throws what was not accepted */
  stop(): Promise<Accepted>
}

export interface Accepted {
  readonly events: number
  /** in which they fell due */
  readonly seconds: number
}

/** Posts beside each other; what is due while all of them wait is posted as soon as one is answered. */
const senders = 32

/**
 * Posts by the clock, whatever the answers take: a gateway that gets slow is not spared, as bureaus don't spare it.
 *
 * @param next the n-th event; those of one subject are posted one after the other
 */
export function startSteadyLoad(bureaus: Bureaus, url: string, perSecond: number, next: (n: number) => Example): SteadyLoad {
  const began = performance.now()
  const lastOf = new Map<string, Promise<number | undefined>>()
  let end = Number.POSITIVE_INFINITY
  let taken = 0
  let accepted = 0
  const sending = Promise.all(Array.from({ length: senders }, send))
  // stop() tells of it
  sending.catch(() => undefined)

  async function send(): Promise<void> {
    while (true) {
      const n = taken++
      const dueAt = began + (n * 1000) / perSecond
      // in line behind its subject's last one from now on: timers that are late don't fire in the order of their times
      const answered = post(next(n), dueAt)
      if ((await answered) === undefined) return
      accepted += 1
    }
  }

  /** @returns its index; undefined when it was not due before the end */
  function post(example: Example, dueAt: number): Promise<number | undefined> {
    const before = lastOf.get(example.subject)
    const answered = (async () => {
      await setTimeout(Math.max(0, dueAt - performance.now()))
      await before
      return dueAt > end ? undefined : indexOf(await bureaus.post(url, example))
    })()
    lastOf.set(example.subject, answered)
    return answered
  }

  return {
    async stop() {
      end = performance.now()
      await sending
      return { events: accepted, seconds: (end - began) / 1000 }
    },
  }
}
