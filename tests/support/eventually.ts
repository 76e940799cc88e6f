import { setTimeout } from 'node:timers/promises'

/**
 * Waits until a check passes.
 *
 * @param check throws, or resolves to false, while it is too early
 * @throws what the check threw last, when the deadline is over
 */
export async function eventually(check: () => Promise<unknown>, deadlineMs = 60_000): Promise<void> {
  const deadline = performance.now() + deadlineMs
  while (true) {
    try {
      if ((await check()) !== false) return
      if (performance.now() > deadline) throw new Error(`it did not happen within ${deadlineMs} ms`)
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await setTimeout(25)
  }
}
