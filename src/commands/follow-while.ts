import { onInterrupt } from './interrupt.ts'
import { rateBar } from './rate-bar.ts'
import { waitFor } from './retry.ts'

/** How often something under way is asked after. */
const pollMs = 500

/**
 * Reads something that operators let run until it is not under way any more, with a bar on a terminal. Ctrl-C ends the looking on,
 * not what runs.
 *
 * @param things that the bar counts
 * @param progressOf undefined while there is nothing to show
 * @returns it as it is then
 */
export async function followWhile<One>(
  read: () => Promise<One>,
  isUnderWay: (one: One) => boolean,
  things: string,
  progressOf: (one: One) => { readonly done: number; readonly of: number } | undefined,
): Promise<One> {
  const stopping = new AbortController()
  const silence = onInterrupt(() => stopping.abort())
  const bar = rateBar(things)
  let from: number | undefined
  try {
    while (true) {
      const one = await read()
      if (!isUnderWay(one) || stopping.signal.aborted) return one
      const progress = progressOf(one)
      if (progress !== undefined) {
        from ??= progress.done
        bar.update(progress.done, Math.max(progress.of, progress.done, 1), from)
      }
      await waitFor(pollMs, stopping.signal)
    }
  } finally {
    bar.stop()
    silence()
  }
}
