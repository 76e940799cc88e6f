import type { Leases } from './leases.ts'
import { GrowingPause, pause } from './pause.ts'

export interface LeasedWork {
  readonly leases: Leases
  /** of the lease: the same in every process that does this work */
  readonly name: string
  /** is there something to do? */
  readonly isDue: () => Promise<boolean>
  /** how often that is asked */
  readonly pollMs: number
  /**
   * Does it, one step after the other. How far it is stands in the database, so whoever comes next goes on there.
   *
   * @param goesOn asked before each step: is the lease still held, and nobody stopping?
   */
  readonly work: (goesOn: () => Promise<boolean>, signal: AbortSignal) => Promise<void>
  /** hears of a failure of the machine; after a pause, which grows until a step succeeds, the work is taken up again */
  readonly failed: (error: unknown) => void
}

/**
 * Work that of all processes one at a time does.
 *
 * @returns ends it after the step under way
 */
export function startLeasedWork(work: LeasedWork): () => Promise<void> {
  const stopping = new AbortController()
  const ended = follow(work, stopping.signal)
  return async () => {
    stopping.abort()
    await ended
  }
}

async function follow({ leases, name, isDue, pollMs, work, failed }: LeasedWork, signal: AbortSignal): Promise<void> {
  const pauses = new GrowingPause(200, 5000)
  while (!signal.aborted) {
    try {
      if (!(await isDue())) {
        await pause(pollMs, signal)
        continue
      }
      const lease = await leases.acquire(name, signal)
      if (lease === undefined) return
      let steps = 0
      const goesOn = async () => {
        if (steps > 0) pauses.reset()
        steps += 1
        return !signal.aborted && (await lease.held())
      }
      try {
        await work(goesOn, signal)
      } finally {
        await lease.release()
      }
    } catch (error) {
      failed(error)
      await pauses.wait(signal)
    }
  }
}
